/** FORMATS.md Part E, VHDX, down to the log: each row of the list, and files that break it. */
import {
  base,
  both,
  changed,
  type Damage,
  damagedImage,
  inHeader,
  inLog,
  inRegions,
  MIB,
  NEW_GUID,
  nothing,
} from '../models/plain-vhdx-damage.js';
import { guidBytes, type PlainVhdxSpec } from '../models/plain-vhdx.js';
import { hostile, type HostileCase } from './hostile-file.js';
import { all, loggedEntry, u16, u32, u64, withLog } from './hostile-vhdx-damages.js';

const TIB = 1024n ** 4n;
const vhdx = (name: string, damage: Damage, answer: string, code: string, spec: PlainVhdxSpec = base): HostileCase =>
  hostile(name, () => damagedImage(spec, damage), answer, { code });
const torn = (...places: readonly number[]): Damage =>
  both(...places.map((at) => changed(at + 100, 1, 'torn', (bytes) => bytes.writeUInt8(0x5a))));
const namedLog = (bytes: Buffer): void => {
  guidBytes(NEW_GUID).copy(bytes, 48);
};
/** The first region is the metadata, the second the BAT, as Windows writes them. */
const [FIRST, SECOND] = [16, 48];
const strange = (required: number): Damage =>
  inRegions((table) => {
    guidBytes(NEW_GUID).copy(table, FIRST + 64);
    table.writeBigUInt64LE(64n * BigInt(MIB), FIRST + 64 + 16);
    table.writeUInt32LE(MIB, FIRST + 64 + 24);
    table.writeUInt32LE(required, FIRST + 64 + 28);
    table.writeUInt32LE(3, 8);
  });
const zeroPages = (offset: bigint, length = 4096n): Damage =>
  loggedEntry({ zeros: [{ offset, length }], last: 64n * BigInt(MIB) });

export const VHDX_ROWS: Readonly<Record<string, readonly HostileCase[]>> = {
  'file ≥ 1 MiB; `vhdxfile`': [
    hostile('a byte less', () => damagedImage(base, nothing, MIB - 1), 'too-small', { code: '13' }),
    hostile(
      'another signature',
      () =>
        damagedImage(
          base,
          changed(0, 8, 'torn', (b) => b.fill(0x20)),
        ),
      'not-a-virtual-disk',
    ),
  ],
  'a valid header; equal-sequence rule; Version 1': [
    vhdx('two torn headers', torn(65_536, 131_072), 'no-valid-header', '06'),
    vhdx(
      'two different headers with one number',
      both(changed(65_536, 4096, 'seal', u64(7n, 8)), changed(131_072, 4096, 'seal', all(u64(7n, 8), u32(1, 16)))),
      'header-ambiguous',
      '08',
    ),
    vhdx('version 0', inHeader(u16(0, 66)), 'unsupported-version', '05'),
    vhdx('version 2', inHeader(u16(2, 66)), 'unsupported-version', '05'),
  ],
  'LogVersion 0 when LogGuid ≠ 0; LogLength ×MiB, ≤ 1 GiB; log inside the file, ≥ 1 MiB; LogLength 0 ⇒ LogGuid 0': [
    vhdx('log version 1', inHeader(all(namedLog, u16(1, 64))), 'log-location', '08'),
    ...[1, 4096, MIB + 512, 2 ** 32 - 1, 2 ** 31].map((length) =>
      vhdx(`a log of ${length} bytes`, inHeader(u32(length, 68)), 'log-location', '08'),
    ),
    ...[0n, 4096n, 65_536n, 2n ** 40n, 2n ** 63n, 2n ** 64n - BigInt(MIB)].map((at) =>
      vhdx(`a log at ${at}`, inHeader(u64(at, 72)), 'log-location', '08'),
    ),
    vhdx('no log, and its entries named', inHeader(all(namedLog, u32(0, 68))), 'log-location', '08'),
  ],
  'no valid sequence; FlushedFileOffset > size': [
    vhdx('a log of zeros that is named', inHeader(namedLog), 'log-corrupt', '08'),
    withLog('a tail that is no entry', loggedEntry({ zeros: [], tail: 4096 }), 'log-corrupt', '08'),
    withLog('a file that was longer once', loggedEntry({ zeros: [], flushed: TIB }), 'truncated', '13'),
    withLog('a file of 2^64 bytes once', loggedEntry({ zeros: [], flushed: 2n ** 64n - 1n }), 'truncated', '13'),
  ],
  'log entry: length formula, < LogLength, descriptors ≤ (len − 64)/32, targets ×4096': [
    withLog('a length of 0', inLog(u32(0, 8)), 'log-corrupt'),
    withLog('a length of 4 GiB', inLog(u32(2 ** 32 - 4096, 8)), 'log-corrupt'),
    withLog('a sector too few', inLog(u32(4096, 8)), 'log-corrupt'),
    withLog('2^32 − 1 descriptors', inLog(u32(2 ** 32 - 1, 24)), 'log-corrupt'),
    withLog('a descriptor more than there are', inLog(u32(2, 24)), 'log-corrupt'),
    withLog('a target that is no page', inLog(u64(3n * BigInt(MIB) + 512n, 64 + 16)), 'log-corrupt'),
    withLog('a sequence number of 0', inLog(u64(0n, 16)), 'log-corrupt'),
  ],
  'log entry: targets ≥ 192 KiB, not in the log, offset + length ≤ LastFileOffset': [
    withLog('the identifier', zeroPages(0n), 'log-entry', '08'),
    withLog('header 1', inLog(u64(65_536n, 64 + 16)), 'log-entry', '08'),
    withLog('the log', inLog(u64(BigInt(MIB), 64 + 16)), 'log-entry', '08'),
    withLog('from before the log into it', zeroPages(BigInt(MIB) - 4096n, 8192n), 'log-entry', '08'),
    withLog('behind the end', inLog(u64(TIB, 64 + 16)), 'log-entry', '08'),
    withLog('2^64 − 4096', inLog(u64(2n ** 64n - 4096n, 64 + 16)), 'log-entry', '08'),
    withLog('an end beyond 64 TiB more', loggedEntry({ zeros: [], last: 66n * TIB }), 'log-entry', '08'),
  ],
  'log entry: total zero length bounded the same way': [
    withLog('2^60 bytes of zeros', zeroPages(4n * BigInt(MIB), 2n ** 60n), 'log-entry', '08'),
    withLog('2^64 − 4096 bytes of zeros', zeroPages(4n * BigInt(MIB), 2n ** 64n - 4096n), 'log-entry', '08'),
    withLog(
      'the whole file, a thousand times',
      loggedEntry({
        zeros: Array.from({ length: 1000 }, () => ({ offset: 4n * BigInt(MIB), length: 256n * BigInt(MIB) })),
        last: 512n * BigInt(MIB),
      }),
      'log-entry',
      '08',
    ),
  ],
  'a region table valid; count ≤ 2047; reserved 0; unique GUIDs; ×MiB; ≥ 1 MiB; length > 0; no overlap; inside the file':
    [
      vhdx('two torn tables', torn(196_608, 262_144), 'region-table', '08'),
      vhdx('2048 entries', inRegions(u32(2048, 8)), 'region-table', '08'),
      vhdx('2^32 − 1 entries', inRegions(u32(2 ** 32 - 1, 8)), 'region-table', '08'),
      vhdx('a reserved field', inRegions(u32(1, 12)), 'region-table', '08'),
      vhdx(
        'one region twice',
        inRegions((table) => table.copy(table, SECOND, FIRST, FIRST + 16)),
        'region-table',
        '08',
      ),
      vhdx('an odd offset', inRegions(u64(2n * BigInt(MIB) + 4096n, FIRST + 16)), 'region-table', '08'),
      vhdx('over the headers', inRegions(u64(0n, FIRST + 16)), 'region-table', '08'),
      vhdx('at 2^64 − 1 MiB', inRegions(u64(2n ** 64n - BigInt(MIB), FIRST + 16)), 'region-table', '08'),
      vhdx('no length', inRegions(u32(0, FIRST + 24)), 'region-table', '08'),
      vhdx('an odd length', inRegions(u32(MIB + 1, FIRST + 24)), 'region-table', '08'),
      vhdx('4 GiB long', inRegions(u32(2 ** 32 - MIB, FIRST + 24)), 'region-table', '08'),
      vhdx(
        'two at one place',
        inRegions((table) => table.copy(table, SECOND + 16, FIRST + 16, FIRST + 24)),
        'region-table',
        '08',
      ),
      vhdx('over the log', inRegions(u64(BigInt(MIB), FIRST + 16)), 'region-table', '08'),
      vhdx('Required 2', inRegions(u32(2, FIRST + 28)), 'region-table', '08'),
    ],
  'unknown required region': [
    vhdx('one more region', strange(1), 'unknown-required-region', '05', { ...base, slackMib: 128 }),
    vhdx('the same, with reserved bits', strange(3), 'region-table', '08', { ...base, slackMib: 128 }),
  ],
  'BAT and metadata present': [FIRST, SECOND].map((at) =>
    vhdx(
      `no region ${at}`,
      inRegions(all((table) => guidBytes(NEW_GUID).copy(table, at), u32(0, at + 28))),
      'region-missing',
      '08',
    ),
  ),
};

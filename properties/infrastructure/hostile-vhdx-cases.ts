/** VHDXs after known vulnerabilities and cases, each under its class and name. CRASH-TESTS.md 4.5 */
import {
  base,
  changed,
  child,
  type Damage,
  damagedImage,
  entry,
  inHeader,
  inMetadata,
  inRegions,
  itemAt,
  LOCATOR_AT,
  MIB,
  NEW_GUID,
  nothing,
} from '../models/plain-vhdx-damage.js';
import { guidBytes, type PlainItem, type PlainVhdxSpec } from '../models/plain-vhdx.js';
import { hostile, type HostileCase } from './hostile-file.js';
import { all, u16, u32, u64 } from './hostile-vhdx-damages.js';

const TIB = 1024 ** 4;
const huge: PlainVhdxSpec = { ...base, sizeBytes: 64 * TIB, blockSizeBytes: MIB, payload: new Map() };
const content = (slot: number, write: (bytes: Buffer) => void): Damage =>
  inMetadata((region) => {
    write(region.subarray(region.readUInt32LE(itemAt(slot) + 16)));
  });
const guidOf = (n: number): string => `c4a10f01-d000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const userItems = (count: number, lengthBytes: number): readonly PlainItem[] =>
  Array.from({ length: count }, (_, n) => ({
    itemId: guidOf(n + 1),
    bytes: new Uint8Array(lengthBytes),
    isUser: true,
  }));
/** 2045 regions of other programs behind the two. */
const manyRegions = (placeOf: (n: number) => number): Damage =>
  inRegions((table) => {
    for (let n = 2; n < 2047; n += 1) {
      guidBytes(guidOf(n)).copy(table, 16 + n * 32);
      table.writeBigUInt64LE(BigInt(placeOf(n) * MIB), 16 + n * 32 + 16);
      table.writeUInt32LE(MIB, 16 + n * 32 + 24);
    }
    table.writeUInt32LE(2047, 8);
  });
const withValue = (name: string, key: string, value: string, answer: string): HostileCase => {
  const pairs = [
    { key: 'parent_linkage', value: `{${base.dataWriteGuid}}` },
    { key: 'relative_path', value: '.\\base.vhdx' },
  ].filter((pair) => pair.key !== key);
  const parent = { ...child.parent, pairs: [...pairs, { key, value }] };
  return hostile(name, () => damagedImage({ ...child, parent }, nothing), answer);
};
/** What QEMU's log did until April 2023: the entries of a page one place further on. */
const shifted: Damage = changed(
  ({ bat }) => bat.offsetBytes,
  4096,
  'torn',
  (page) => page.copyWithin(8, 0, 4088),
);

export const VHDX_CASES = {
  'infinite loops and division by zero from a header field': [
    ...[0, 1, 2 ** 31].map((size) =>
      hostile(
        `CVE-2014-0148: blocks of ${size} bytes`,
        () => damagedImage(base, content(0, u32(size, 0))),
        'block-size',
      ),
    ),
    ...[0, 1, 3].map((size) =>
      hostile(
        `CVE-2014-0148: sectors of ${size} bytes`,
        () => damagedImage(base, content(2, u32(size, 0))),
        'sector-size',
      ),
    ),
    hostile(
      'a region that is the region table',
      () => damagedImage(base, inRegions(u64(192n * 1024n, 32))),
      'region-table',
    ),
    hostile(
      '2047 regions at one place',
      () =>
        damagedImage(
          { ...base, slackMib: 64 },
          manyRegions(() => 900),
        ),
      'region-table',
    ),
    hostile(
      '2047 regions side by side, which is allowed',
      () =>
        damagedImage(
          { ...base, slackMib: 4096 },
          manyRegions((n) => 2000 + n),
        ),
      'opened',
    ),
  ],
  'resources without limit': [
    hostile('CVE-2015-5162: 64 TiB in a file of holes, a BAT of 513 MiB', () => damagedImage(huge, nothing), 'opened'),
    hostile(
      'CVE-2015-5162: 64 TiB in 4 MiB, and the BAT is said to be there',
      () => damagedImage(huge, nothing, 4 * MIB),
      'region-table',
    ),
    hostile(
      'a file of 4 PiB with a block at its end',
      () => damagedImage(base, entry(2, (1n << 51n) + 6n), 4096 * TIB),
      'bat-entry-out-of-range',
    ),
    hostile(
      'a metadata item of 4 GiB',
      () => damagedImage(base, inMetadata(u32(2 ** 32 - 1, itemAt(1) + 20))),
      'metadata-table',
    ),
    hostile('1024 items of users', () => damagedImage({ ...base, items: userItems(1024, 8) }, nothing), 'opened'),
    hostile(
      '1025 items of users',
      () => damagedImage({ ...base, items: userItems(1025, 8) }, nothing),
      'metadata-table',
    ),
    hostile('2048 items', () => damagedImage(base, inMetadata(u16(2048, 10))), 'metadata-table'),
    hostile(
      '65,535 pairs in a locator',
      () => damagedImage(child, inMetadata(u16(65_535, LOCATOR_AT + 18))),
      'parent-locator',
    ),
    withValue('a linkage of 32,000 dots', 'parent_linkage', '.'.repeat(32_000), 'parent-locator'),
    withValue('a path of 32,000 dots', 'relative_path', '.'.repeat(32_000), 'opened'),
    withValue('a path that goes up 10,000 times', 'relative_path', '..\\'.repeat(10_000), 'opened'),
    withValue('a path of 32,000 backslashes', 'volume_path', '\\'.repeat(32_000), 'opened'),
    withValue('a key of 32,000 characters', 'k'.repeat(32_000), 'v', 'opened'),
  ],
  'names that mean something to a program': [
    withValue('a key __proto__', '__proto__', 'polluted', 'opened'),
    withValue('a key constructor', 'constructor', 'polluted', 'opened'),
    withValue('a linkage with something behind it', 'parent_linkage', `{${base.dataWriteGuid}}x`, 'parent-locator'),
    withValue('a second linkage that is garbage', 'parent_linkage2', '{not a guid}', 'opened'),
    withValue('lone surrogates', 'relative_path', '\ud800\udfff\udc00', 'opened'),
    withValue('escape sequences of a terminal', 'relative_path', '\u001b]0;owned\u0007\u202e.vhdx', 'opened'),
    hostile(
      'two values on the same bytes',
      () =>
        damagedImage(
          child,
          inMetadata((region) => {
            const locator = region.subarray(LOCATOR_AT);
            locator.copy(locator, 20 + 2 * 12 + 4, 20 + 12 + 4, 20 + 12 + 8);
            locator.copy(locator, 20 + 2 * 12 + 10, 20 + 12 + 10, 20 + 12 + 12);
          }),
        ),
      'opened',
    ),
    hostile(
      'a key on the bytes of another',
      () =>
        damagedImage(
          child,
          inMetadata((region) => {
            region.copy(region, LOCATOR_AT + 44, LOCATOR_AT + 20, LOCATOR_AT + 24);
            region.copy(region, LOCATOR_AT + 52, LOCATOR_AT + 28, LOCATOR_AT + 30);
          }),
        ),
      'parent-locator',
    ),
    hostile(
      'a DataWriteGuid of ones',
      () =>
        damagedImage(
          base,
          inHeader((header) => header.fill(0xff, 32, 48)),
        ),
      'opened',
    ),
    hostile(
      'a DataWriteGuid of zeros',
      () =>
        damagedImage(
          base,
          inHeader((header) => header.fill(0, 32, 48)),
        ),
      'opened',
      {
        warning: 'DataWriteGuid is zero',
      },
    ),
  ],
  contradictions: [
    hostile('a parent, and no locator', () => damagedImage(base, content(0, u32(2, 4))), 'metadata-missing'),
    hostile('a locator, and no parent', () => damagedImage(child, content(0, u32(0, 4))), 'parent-locator'),
    hostile(
      'a user’s item by the name of the size, and none of the disk’s',
      () => damagedImage(base, inMetadata(u32(3, itemAt(1) + 24))),
      'metadata-missing',
    ),
    hostile('QEMU issue 727: a table that was shifted by one', () => damagedImage(base, shifted), 'bat-overlap'),
    hostile(
      'an older header that is damaged in every field',
      () =>
        damagedImage(
          base,
          changed(
            65_536,
            4096,
            'seal',
            all((header) => header.fill(0xff, 16), u64(0n, 8)),
          ),
        ),
      'opened',
    ),
    hostile(
      'GUID garbage in the BAT’s name',
      () =>
        damagedImage(
          base,
          inRegions((table) => guidBytes(NEW_GUID).copy(table, 48)),
        ),
      'unknown-required-region',
    ),
  ],
} as const;

import { describe, expect, test } from 'vitest';
import type { OpenFile } from '#application/ports/file-system';
import { KIB, MIB, TIB } from '#domain/quantities';
import { guidBytes, INCOMPLETE, ITEMS, NIL_GUID, type PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import {
  child,
  damaged,
  type DamageOf,
  dynamic,
  IDENTITY,
  inEntry,
  inFile,
  inHeaders,
  inLog,
  inMetadata,
  inRegionTables,
  opened,
  PARENT_IDENTITY,
  PATH,
  refusalOf,
} from '../../../properties/simulation/damaged-vhdx.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { openVhdx } from './open-vhdx.js';

const dirty = {
  state: 'dirty',
  logGuid: 'c4a10f01-d000-4000-8000-00000000000a',
  holds: ['bat', 'bitmaps', 'metadata'],
} as const;
const withLog: PlainVhdxSpec = { ...child, log: dirty };
const FIRST_REGION = 16;
const SECOND_REGION = 48;
/** The regions get other names, of programs that nobody has to know. */
const otherRegion = (table: Buffer): void => {
  for (const at of [FIRST_REGION, SECOND_REGION]) {
    table.writeUInt8(table.readUInt8(at) ^ 1, at);
    table.writeUInt32LE(0, at + 28);
  }
};
/** Where an item's entry is in the metadata table. */
const entryOf = (bytes: Buffer, itemId: string): number => {
  const id = guidBytes(itemId);
  for (let at = 32; at < 32 + 32 * 16; at += 32) if (bytes.subarray(at, at + 16).equals(id)) return at;
  throw new Error(`no item ${itemId}`);
};
const inItem =
  (itemId: string, change: (item: Buffer) => unknown): DamageOf =>
  (image, spec) =>
    inMetadata((bytes) => {
      const entry = entryOf(bytes, itemId);
      const offset = bytes.readUInt32LE(entry + 16);
      change(bytes.subarray(offset, offset + bytes.readUInt32LE(entry + 20)));
    })(image, spec);
/** The size gets another id, and nobody has to know it. */
const withoutSize = (bytes: Buffer): void => {
  const entry = entryOf(bytes, ITEMS.virtualDiskSize);
  bytes.writeUInt8(1, entry);
  bytes.writeUInt32LE(2, entry + 24);
};
const u8 =
  (value: number) =>
  (bytes: Buffer): number =>
    bytes.writeUInt8(value);
const u32 =
  (value: number, at = 0) =>
  (bytes: Buffer): number =>
    bytes.writeUInt32LE(value, at);
const u64 =
  (value: bigint, at = 0) =>
  (bytes: Buffer): number =>
    bytes.writeBigUInt64LE(value, at);

const changed =
  (...damages: readonly DamageOf[]): DamageOf =>
  (image, spec) =>
    damages.flatMap((of) => of(image, spec));

describe('a file that is damaged is refused for', () => {
  test.each<[flaw: string, what: string, damage: DamageOf, spec?: PlainVhdxSpec]>([
    [
      'no-valid-header',
      'two headers with wrong checksums',
      changed(inFile(65_636, 1, u8(1)), inFile(131_172, 1, u8(1))),
    ],
    [
      'header-ambiguous',
      'two different headers with one number',
      inHeaders(u64(7n, 8)),
      { ...dynamic, dialect: 'qemu' },
    ],
    ['unsupported-version', 'version 2', inHeaders((header) => header.writeUInt16LE(2, 66))],
    ['log-location', 'a log behind the end of the file', inHeaders(u64(1n << 40n, 72))],
    ['log-location', 'a log over the headers', inHeaders(u64(0n, 72))],
    ['log-too-large', 'a log of 129 MiB that was not applied', () => [], { ...withLog, logMib: 129 }],
    ['log-corrupt', 'a log that is to be applied and has no entry', inLog((log) => log.fill(0)), withLog],
    [
      'log-corrupt',
      'an entry with a wrong checksum',
      inLog((log) => log.writeUInt8(log.readUInt8(4097) ^ 1, 4097)),
      withLog,
    ],
    [
      'region-table',
      'two region tables with wrong checksums',
      changed(inFile(196_708, 1, u8(1)), inFile(262_244, 1, u8(1))),
    ],
    ['region-table', 'a BAT behind the end of the file', inRegionTables(u64(1n << 40n, FIRST_REGION + 16))],
    [
      'unknown-required-region',
      'a region that nobody knows',
      () => [],
      { ...child, regions: [{ guid: IDENTITY, lengthMib: 1, required: true }] },
    ],
    ['region-missing', 'no BAT', inRegionTables(otherRegion)],
    ['metadata-table', 'no signature of the metadata', inMetadata(u8(0))],
    [
      'metadata-table',
      'an item behind the end of its region',
      inMetadata((bytes) => bytes.writeUInt32LE(MIB - 1, entryOf(bytes, ITEMS.virtualDiskId) + 16)),
    ],
    ['metadata-missing', 'no size', inMetadata(withoutSize)],
    [
      'unknown-required-metadata',
      'an item that is required and unknown',
      () => [],
      { ...child, items: [{ itemId: IDENTITY, bytes: new Uint8Array(8), isRequired: true }] },
    ],
    ['incomplete-file', 'the mark of an unfinished creation', () => [], { ...child, items: [INCOMPLETE] }],
    ['block-size', 'blocks of 3 MiB', inItem(ITEMS.fileParameters, u32(3 * MIB))],
    ['block-size', 'blocks of 512 MiB', inItem(ITEMS.fileParameters, u32(512 * MIB))],
    ['sector-size', 'sectors of 2048 bytes', inItem(ITEMS.logicalSectorSize, u32(2048))],
    ['invalid-size', 'a size of 2^63', inItem(ITEMS.virtualDiskSize, u64(1n << 63n))],
    ['invalid-size', 'a size of 0', inItem(ITEMS.virtualDiskSize, u64(0n))],
    ['metadata-missing', 'a child without a locator', inItem(ITEMS.fileParameters, u32(2, 4)), dynamic],
    ['parent-locator', 'a locator without a parent', inItem(ITEMS.fileParameters, u32(0, 4))],
    ['parent-locator', 'a locator of another type', inItem(ITEMS.parentLocator, u8(1))],
    ['parent-locator', 'a value outside its locator', inItem(ITEMS.parentLocator, u32(2 ** 31, 24))],
    ['bat-size', 'a table too short for the disk', inItem(ITEMS.virtualDiskSize, u64(1n << 45n))],
    ['bat-state', 'a block in state 5', inEntry('payload', 4, () => 5n)],
    ['bat-state', 'a reserved bit', inEntry('payload', 0, (entry) => entry | 8n)],
    ['bat-state', 'a partially present block in a base', inEntry('payload', 1, (entry) => entry | 7n), dynamic],
    ['bat-entry-out-of-range', 'a block behind the end of the file', inEntry('payload', 0, () => (1n << 40n) + 6n)],
    ['bat-entry-out-of-range', 'a block over the headers', inEntry('payload', 0, () => 6n)],
    ['bat-overlap', 'two blocks in one place', inEntry('payload', 4, () => BigInt(5 * MIB) + 6n)],
    ['bat-overlap', 'a block over the BAT', inEntry('payload', 0, () => BigInt(3 * MIB) + 6n)],
    ['bat-overlap', 'a block over the log', inEntry('payload', 0, () => BigInt(MIB) + 6n)],
    ['bitmap-missing', 'a partially present block without a bitmap', inEntry('bitmap', 0, () => 0n)],
    [
      'bitmap-mismatch',
      'a bitmap in a base',
      inEntry('bitmap', 0, () => BigInt(4 * MIB) + 6n),
      { ...dynamic, sizeBytes: 5000 * MIB },
    ],
  ])('%s: %s', async (flaw, _, damage, spec = child) => {
    expect(await refusalOf(spec, damage)).toBe(flaw);
  });

  test('being shorter than its log knows it, or ending in its first MiB', async () => {
    for (const [lengthBytes, flaw] of [
      [6 * MIB, 'truncated'],
      [MIB - 1, 'too-small'],
    ] as const) {
      const { files } = await damaged(withLog);
      await (await files.open(PATH, 'read-write')).truncate(lengthBytes);
      files.calls.length = 0;
      const result = await opened(files);
      expect(result.ok ? 'opened' : result.error.message).toContain(`(${flaw})`);
    }
  });
});

describe('a file that is no VHDX is refused for', () => {
  test.each([
    ['being empty', 0],
    ['being short', 7],
    ['having no "vhdxfile" at its start', 4 * MIB],
  ])('%s', async (_, sizeBytes) => {
    const files = new MemoryFileSystem();
    files.put(PATH, { sizeBytes, extents: [] });
    const result = await opened(files);
    expect(result.ok ? 'opened' : result.error.kind).toBe('not-a-virtual-disk');
  });
});

describe('a file that opens', () => {
  const openedWith = async (spec: PlainVhdxSpec, damage: DamageOf = () => []) =>
    valueOf(await opened((await damaged(spec, damage)).files));

  test('says what it is: its size, its identities, and where its parent may be', async () => {
    const { description } = await openedWith({ ...child, fileWriteGuid: PARENT_IDENTITY });
    expect(description).toMatchObject({
      path: PATH,
      format: 'vhdx',
      type: 'differencing',
      virtualSizeBytes: 6 * MIB,
      blockSizeBytes: MIB,
      logicalSectorSize: 512,
      identity: IDENTITY,
      writeIdentity: PARENT_IDENTITY,
      parentIdentities: [PARENT_IDENTITY],
      savedState: false,
      warnings: [],
    });
    expect(description.parentCandidates.map(({ source, path }) => [source, path])).toEqual([
      ['relative_path', '/vms/base.vhdx'],
      ['volume_path', null],
      ['absolute_win32_path', null],
    ]);
  });

  test('accepts two parents while the parent changes its identity', async () => {
    const parent = { ...child.parent, linkage2: IDENTITY };
    const { description } = await openedWith({ ...child, parent });
    expect(description.parentIdentities).toEqual([PARENT_IDENTITY, IDENTITY]);
  });

  test('is fixed when its blocks stay allocated, else dynamic', async () => {
    expect((await openedWith({ ...dynamic, type: 'fixed' })).description).toMatchObject({
      type: 'fixed',
      blockSizeBytes: MIB,
      parentIdentities: [],
      parentCandidates: [],
    });
    expect((await openedWith(dynamic)).description.type).toBe('dynamic');
  });

  test('has been read under its dirty log, which is in its file as it was', async () => {
    const log = { ...dirty, entries: 2, before: 'stale' } as const;
    const clean = await openedWith(child);
    const vhdx = await openedWith({ ...child, log });
    expect(vhdx.description).toEqual({
      ...clean.description,
      warnings: ['The log has not been applied (2 entries): the file is read as if it had.'],
    });
    expect(vhdx.summary).toEqual(clean.summary);
    expect(await vhdx.bitmaps.bitsOf(1)).toEqual(await clean.bitmaps.bitsOf(1));
    expect(vhdx.dirtyLog?.entries.length).toBe(2);
  });

  test('ends where its log says', async () => {
    const log = { ...dirty, fileShorterByMib: 2 };
    const vhdx = await openedWith({ ...child, slackMib: 2, log });
    expect(vhdx.fileSizeBytes - (await vhdx.file.stat()).sizeBytes).toBe(2 * MIB);
  });

  test.each<[warning: RegExp, spec: PlainVhdxSpec, damage?: DamageOf]>([
    [/^Header 1 is damaged; header 2 was used\.$/, { ...child, otherHeader: 'damaged' }],
    [/^Region table 1 is damaged/, { ...child, damagedRegionTable: 0 }],
    [/^Region table 2 is damaged/, { ...child, damagedRegionTable: 1 }],
    [/^The DataWriteGuid is zero/, { ...child, dataWriteGuid: NIL_GUID }],
    [
      /^The disk has an item of another program in its metadata, .* replaces it by the source's\.$/,
      { ...child, items: [{ itemId: IDENTITY, bytes: new Uint8Array(8), isVirtualDisk: true }] },
    ],
    [
      /^The disk has a user item in its metadata/,
      {
        ...child,
        items: [{ itemId: ITEMS.virtualDiskId, bytes: new Uint8Array(8), isVirtualDisk: true, isUser: true }],
      },
    ],
  ])('warns: %s', async (warning, spec, damage) => {
    const { warnings } = (await openedWith(spec, damage)).description;
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  test('says nothing of items and regions that no merge touches', async () => {
    const items = [{ itemId: IDENTITY, bytes: new Uint8Array(8) }];
    const regions = [{ guid: IDENTITY, lengthMib: 1 }];
    expect((await openedWith({ ...child, items, regions })).description.warnings).toEqual([]);
  });
});

describe('what is held in memory', () => {
  /** A file that measures its reads. */
  const measured = async (spec: PlainVhdxSpec) => {
    const { files } = await damaged(spec);
    const file = await files.open(PATH, 'read');
    const reads: number[] = [];
    const measuring: OpenFile = {
      ...file,
      read: (into, position) => {
        reads.push(into.length);
        return file.read(into, position);
      },
    };
    return { result: await openVhdx(measuring, PATH, 'posix'), reads };
  };

  test('is a slice of the table of a large disk at a time, each only once', async () => {
    const { result, reads } = await measured({ ...dynamic, sizeBytes: TIB });
    expect(valueOf(result).geometry.payloadBlocks).toBe(MIB);
    expect(Math.max(...reads)).toBeLessThanOrEqual(256 * KIB);
    expect(reads.reduce((total, length) => total + length, 0)).toBeLessThan(8 * MIB + MIB);
  });

  test('is never a log that is too large', async () => {
    const { result, reads } = await measured({ ...withLog, logMib: 129 });
    expect(result.ok).toBe(false);
    expect(Math.max(...reads)).toBeLessThanOrEqual(64 * KIB);
  });
});

import { describe, expect, test } from 'vitest';
import type { OpenFile } from '#application/ports/file-system';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { PagedTable } from './paged-table.js';

const PATH = '/table';
const TABLE_OFFSET = 1536;
const UNUSED = 0xffffffff;
const PAGE_ENTRIES = 16_384;

/** A table with these blocks, and a file that counts its reads. */
const table = async (
  entryCount: number,
  used: Readonly<Record<number, number>>,
): Promise<{ table: PagedTable; reads: () => number; files: MemoryFileSystem }> => {
  const content = Buffer.alloc(TABLE_OFFSET + Math.ceil(entryCount / 128) * 512, 0xff);
  for (const [index, entry] of Object.entries(used)) content.writeUInt32BE(entry, TABLE_OFFSET + Number(index) * 4);
  const files = new MemoryFileSystem();
  files.put(PATH, content);
  const file = await files.open(PATH, 'read-write');
  let reads = 0;
  const counting: OpenFile = {
    ...file,
    read: (into, position) => {
      reads += 1;
      return file.read(into, position);
    },
  };
  return { table: new PagedTable(counting, { tableOffsetBytes: TABLE_OFFSET, entryCount }), reads: () => reads, files };
};

describe('the table of a disk of 2040 GiB', () => {
  const entryCount = 1_044_480;

  test('is read once, page by page, when it is asked with ascending indexes', async () => {
    const { table: bat, reads } = await table(entryCount, { 5: 50, 700_000: 60, 700_001: 61 });
    const found = [];
    for (let from = 0; from < entryCount;) {
      const next = await bat.nextUsed(from, entryCount);
      if (next === null) break;
      found.push([next, await bat.entry(next)]);
      from = next + 1;
    }
    expect(found).toEqual([
      [5, 50],
      [700_000, 60],
      [700_001, 61],
    ]);
    expect(reads()).toBe(Math.ceil(entryCount / PAGE_ENTRIES));
  });

  test('has long gaps that are crossed once, from wherever in them the question comes', async () => {
    const { table: bat, reads } = await table(entryCount, { 1_000_000: 60 });
    expect(await bat.nextUsed(0, entryCount)).toBe(1_000_000);
    const once = reads();
    for (const from of [1, 500_000, 999_999, 1_000_000]) expect(await bat.nextUsed(from, entryCount)).toBe(1_000_000);
    expect(await bat.nextUsed(500_000, 600_000)).toBeNull();
    expect(await bat.nextUsed(400_000, entryCount)).toBe(1_000_000);
    expect(reads()).toBe(once);
  });
});

describe('a sector of the table', () => {
  test('is given whole, its other entries and the padding behind the last one as they are in the file', async () => {
    const { table: bat } = await table(130, { 0: 8, 127: 9, 128: 10, 131: 0 });
    const sectors = await bat.sectorsWith(
      new Map([
        [1, 77],
        [129, 78],
      ]),
    );
    expect(sectors.map(({ position }) => position)).toEqual([TABLE_OFFSET, TABLE_OFFSET + 512]);
    const [first, second] = sectors.map(({ bytes }) => Buffer.from(bytes));
    expect([0, 1, 2, 127].map((index) => first!.readUInt32BE(index * 4))).toEqual([8, 77, UNUSED, 9]);
    expect([0, 1, 2, 3].map((index) => second!.readUInt32BE(index * 4))).toEqual([10, 78, UNUSED, 0]);
  });

  test('shows a change only when it was learnt, and what is in the file when all was forgotten', async () => {
    const { table: bat, files } = await table(130, { 0: 8 });
    const change = new Map([[3, 99]]);
    expect(await bat.nextUsed(1, 130)).toBeNull();
    await bat.sectorsWith(change);
    expect(await bat.entry(3)).toBe(UNUSED);
    bat.learn(change);
    expect(await bat.entry(3)).toBe(99);
    expect(await bat.nextUsed(1, 130)).toBe(3);
    bat.forget();
    expect(await bat.entry(3)).toBe(UNUSED);
    expect(files.calls).toEqual([]);
  });
});

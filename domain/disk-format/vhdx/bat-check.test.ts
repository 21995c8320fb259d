import { describe, expect, it } from 'vitest';
import { GIB, KIB, MIB, TIB } from '../../quantities.js';
import { batGeometry, entryOf } from './bat.js';
import { batRegionFlaw, type BatToCheck, VhdxBatCheck } from './bat-check.js';

/** Blocks of 256 MiB: 16 of them are a chunk. */
const BLOCK = 256 * MIB;
const geometryOf = (payloadBlocks: number, hasParent: boolean) =>
  batGeometry({ blockSizeBytes: BLOCK, logicalSectorSize: 512, virtualSizeBytes: payloadBlocks * BLOCK, hasParent });

const occupied = [
  { startBytes: 0, endBytes: MIB },
  { startBytes: MIB, endBytes: 2 * MIB },
  { startBytes: 2 * MIB, endBytes: 4 * MIB },
];
const FILE_BYTES = 8 * GIB;

/** The entries of a table by their index, given to the check in slices of seven. */
const checked = (entries: Readonly<Record<number, number>>, table: BatToCheck) => {
  const check = new VhdxBatCheck(table);
  const all = new Float64Array(table.geometry.entryCount);
  for (const [index, entry] of Object.entries(entries)) all[Number(index)] = entry;
  for (let n = 0; n < all.length; n += 7) {
    const flaw = check.take(n, all.slice(n, n + 7));
    if (flaw !== null) return flaw;
  }
  const summary = check.summary();
  return summary.ok ? summary.value : summary.error;
};
const inBase = (entries: Readonly<Record<number, number>>, fileSizeBytes = FILE_BYTES) =>
  checked(entries, { geometry: geometryOf(20, false), occupied, fileSizeBytes });
const inChild = (entries: Readonly<Record<number, number>>, fileSizeBytes = FILE_BYTES) =>
  checked(entries, { geometry: geometryOf(20, true), occupied, fileSizeBytes });

const at = (mib: number, state = 6): number => entryOf(state, mib * MIB);

describe('the BAT check', () => {
  it('counts blocks, bitmap blocks and soft anchors, and finds their end, in whatever order they lie', () => {
    expect(inBase({})).toEqual({ allocatedBlocks: 0, bitmapBlocks: 0, anchors: 0, endOfBlocksBytes: 0 });
    expect(inBase({ 0: at(260), 1: at(4), 18: at(516, 3), 3: at(0, 1), 4: at(0, 2) })).toEqual({
      allocatedBlocks: 2,
      bitmapBlocks: 0,
      anchors: 1,
      endOfBlocksBytes: (516 + 256) * MIB,
    });
    expect(inChild({ 0: at(5, 7), 16: at(4), 17: at(261), 33: at(3000) })).toEqual({
      allocatedBlocks: 2,
      bitmapBlocks: 2,
      anchors: 0,
      endOfBlocksBytes: 3001 * MIB,
    });
  });

  it('does not look at offsets in the states that have none', () => {
    expect(inBase({ 0: at(1, 0), 1: at(1, 2), 2: at(7777, 2) })).toMatchObject({ allocatedBlocks: 0 });
    expect(inChild({ 16: at(1, 0) })).toMatchObject({ bitmapBlocks: 0 });
  });

  it('does not look at padding: payload blocks past the last one of the disk', () => {
    expect(inChild({ 21: at(1), 32: at(4, 5) })).toMatchObject({ allocatedBlocks: 0 });
    expect(inChild({ 20: at(1) })).toMatchObject({ flaw: 'bat-overlap' });
  });

  it('refuses states that are reserved', () => {
    expect(inBase({ 3: 4 })).toEqual({
      flaw: 'bat-state',
      structure: 'VHDX BAT',
      expected: 'a payload block in state 0, 1, 2, 3, 6 or 7',
      found: 'payload block 3 in state 4',
    });
    expect(inBase({ 18: 5 })).toMatchObject({ flaw: 'bat-state', found: 'payload block 17 in state 5' });
    expect(inChild({ 33: at(4, 1) })).toMatchObject({
      flaw: 'bat-state',
      found: 'the bitmap block of chunk 1 in state 1',
    });
    expect([1, 2, 3, 4, 5].map((state) => inChild({ 16: state }))).toEqual(
      Array.from({ length: 5 }, () => expect.objectContaining({ flaw: 'bat-state' }) as unknown),
    );
  });

  it('refuses reserved bits, in every state', () => {
    for (const bit of [3, 4, 11, 19]) {
      expect(inBase({ 0: at(4) + 2 ** bit })).toMatchObject({ flaw: 'bat-state' });
      expect(inBase({ 0: 2 ** bit })).toMatchObject({ flaw: 'bat-state' });
      expect(inChild({ 16: at(4) + 2 ** bit })).toMatchObject({ flaw: 'bat-state' });
    }
  });

  it('refuses a partially present block where there is no parent', () => {
    expect(inBase({ 2: at(4, 7) })).toMatchObject({ flaw: 'bat-state', found: 'payload block 2' });
  });

  it('refuses a partially present block without the bitmap block of its own chunk', () => {
    expect(inChild({ 2: at(4, 7), 5: at(260, 7), 33: at(516) })).toEqual({
      flaw: 'bitmap-missing',
      structure: 'VHDX BAT',
      expected: 'the sector bitmap of chunk 0, because payload block 2 is partially present',
      found: 'no bitmap block',
    });
    expect(inChild({ 20: at(4, 7), 16: at(516) })).toMatchObject({ flaw: 'bitmap-missing' });
    expect(inChild({ 20: at(4, 7), 33: at(516) })).toMatchObject({ allocatedBlocks: 1 });
  });

  it('takes a bitmap block in state 7 for one that is present, as Windows does', () => {
    expect(inChild({ 2: at(4, 7), 16: at(260, 7) })).toMatchObject({ bitmapBlocks: 1 });
  });

  it('refuses a bitmap block where there is no parent', () => {
    expect(inBase({ 16: at(4) })).toMatchObject({
      flaw: 'bitmap-mismatch',
      found: 'the bitmap block of chunk 0 is present',
    });
  });

  it('refuses a block without a place, and one before 1 MiB', () => {
    expect(inBase({ 0: at(0) })).toMatchObject({
      flaw: 'bat-entry-out-of-range',
      found: 'payload block 0 at 0x0 to 0x10000000',
    });
    expect(inChild({ 0: at(0, 7) })).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    expect(inChild({ 16: at(0) })).toMatchObject({ flaw: 'bat-entry-out-of-range' });
  });

  it('refuses a block, a bitmap block and a soft anchor that reach beyond the end of the file', () => {
    expect(inBase({ 0: at(4) }, 260 * MIB)).toMatchObject({ allocatedBlocks: 1 });
    expect(inBase({ 0: at(4) }, 260 * MIB - 1)).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    expect(inBase({ 0: at(4, 3) }, 260 * MIB - 1)).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    expect(inChild({ 16: at(4) }, 5 * MIB)).toMatchObject({ bitmapBlocks: 1 });
    expect(inChild({ 16: at(5) }, 5 * MIB)).toMatchObject({ flaw: 'bat-entry-out-of-range' });
  });

  it('refuses an offset of 256 TiB and more, whatever the state', () => {
    const entry = entryOf(6, 256 * TIB);
    for (const large of [entry, entry - 6, 2 ** 53, 2 ** 64]) {
      expect(inBase({ 0: large }, Number.MAX_SAFE_INTEGER)).toMatchObject({
        flaw: 'bat-entry-out-of-range',
        expected: 'an offset below 256 TiB',
      });
    }
    const last = entryOf(6, 256 * TIB - BLOCK);
    expect(inBase({ 0: last }, 256 * TIB)).toMatchObject({ endOfBlocksBytes: 256 * TIB });
  });

  it('refuses a block over headers, log or a region, and names the place', () => {
    expect(inBase({ 0: at(3) })).toEqual({
      flaw: 'bat-overlap',
      structure: 'VHDX BAT',
      expected: 'no block over the structure at 0x200000 to 0x400000',
      found: 'payload block 0 at 0x300000 to 0x10300000',
    });
    expect(inBase({ 0: at(1) })).toMatchObject({ expected: 'no block over the structure at 0x100000 to 0x200000' });
    const far = [...occupied, { startBytes: 5 * GIB, endBytes: 5 * GIB + MIB }];
    const table = { geometry: geometryOf(20, false), occupied: far, fileSizeBytes: FILE_BYTES };
    expect(checked({ 0: entryOf(6, 5 * GIB - BLOCK) }, table)).toMatchObject({ allocatedBlocks: 1 });
    expect(checked({ 0: entryOf(6, 5 * GIB - BLOCK + MIB) }, table)).toMatchObject({ flaw: 'bat-overlap' });
  });

  it('refuses two blocks that share a MiB: payload, bitmap and soft anchor alike', () => {
    const shared = { flaw: 'bat-overlap', expected: 'no two blocks over one another' };
    expect(inBase({ 0: at(4), 9: at(4) })).toMatchObject(shared);
    expect(inBase({ 0: at(4), 9: at(259) })).toMatchObject({
      ...shared,
      found: 'payload block 9 at 0x10300000 to 0x20300000',
    });
    expect(inBase({ 0: at(259), 9: at(4) })).toMatchObject(shared);
    expect(inBase({ 0: at(4), 9: at(260) })).toMatchObject({ allocatedBlocks: 2 });
    expect(inBase({ 0: at(4), 9: at(100, 3) })).toMatchObject(shared);
    expect(inBase({ 0: at(4, 1), 9: at(100) })).toMatchObject(shared);
    expect(inChild({ 0: at(4), 16: at(259) })).toMatchObject(shared);
    expect(inChild({ 16: at(4), 33: at(4) })).toMatchObject(shared);
    expect(inChild({ 16: at(4), 33: at(5) })).toMatchObject({ bitmapBlocks: 2 });
  });

  it('stays with its first flaw', () => {
    const check = new VhdxBatCheck({ geometry: geometryOf(4, false), occupied, fileSizeBytes: FILE_BYTES });
    const flaw = check.take(0, Float64Array.of(4));
    expect(flaw).toMatchObject({ found: 'payload block 0 in state 4' });
    expect(check.take(1, Float64Array.of(5, 5, 5))).toBe(flaw);
    expect(check.summary()).toEqual({ ok: false, error: flaw });
  });

  it('needs the whole table, in one piece', () => {
    const check = () => new VhdxBatCheck({ geometry: geometryOf(4, false), occupied, fileSizeBytes: FILE_BYTES });
    expect(() => check().take(1, new Float64Array(1))).toThrow(/^Bug: /);
    expect(() => check().take(0, new Float64Array(5))).toThrow(/^Bug: /);
    expect(() => check().summary()).toThrow(/^Bug: only 0 of 4 /);
  });
});

describe('a BAT region', () => {
  const largest = batGeometry({
    blockSizeBytes: MIB,
    logicalSectorSize: 512,
    virtualSizeBytes: 64 * TIB,
    hasParent: true,
  });

  it('is long enough for the table, and no longer than 513 MiB', () => {
    expect(batRegionFlaw(largest, 512 * MIB + 128 * KIB)).toBeNull();
    expect(batRegionFlaw(largest, 513 * MIB)).toBeNull();
    expect(batRegionFlaw(largest, 512 * MIB)).toMatchObject({ flaw: 'bat-size', found: '536870912 bytes' });
    expect(batRegionFlaw(largest, 514 * MIB)).toMatchObject({
      flaw: 'bat-size',
      expected: 'a region of at most 537919488 bytes',
    });
  });
});

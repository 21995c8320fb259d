import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../quantities.js';
import { BatCheck, type BatToCheck } from './bat-check.js';
import { UNUSED_ENTRY } from './block-allocation-table.js';

/** Blocks of 2 MiB take 4097 sectors; header copy, dynamic header and table fill the first 4 sectors. */
const L = 4097;
const table: BatToCheck = {
  blockSizeBytes: 2 * MIB,
  blockCount: 4,
  occupied: [
    { startBytes: 512, endBytes: 1536 },
    { startBytes: 1536, endBytes: 2048 },
  ],
  endOfDataBytes: (4 + 4 * L) * 512,
};

const check = (entries: readonly number[], changes: Partial<BatToCheck> = {}) => {
  const batCheck = new BatCheck({ ...table, ...changes });
  for (let pass = 0; pass < batCheck.passes; pass += 1) {
    for (let n = 0; n < entries.length; n += 3) batCheck.take(pass, n, Uint32Array.from(entries.slice(n, n + 3)));
  }
  const summary = batCheck.summary();
  return summary.ok ? summary.value : summary.error;
};

describe('the BAT check', () => {
  it('counts the blocks and finds their end, in whatever order they lie', () => {
    expect(check([4 + 2 * L, UNUSED_ENTRY, 4, UNUSED_ENTRY])).toEqual({
      allocatedBlocks: 2,
      endOfBlocksBytes: (4 + 3 * L) * 512,
    });
    expect(check([UNUSED_ENTRY])).toEqual({ allocatedBlocks: 0, endOfBlocksBytes: 0 });
  });

  it('takes blocks that touch', () => {
    expect(check([4, 4 + L, 4 + 2 * L, 4 + 3 * L])).toMatchObject({ allocatedBlocks: 4 });
  });

  it('refuses two blocks that share a sector, and names both', () => {
    expect(check([4, UNUSED_ENTRY, 4 + L - 1])).toEqual({
      flaw: 'bat-overlap',
      structure: 'BAT',
      expected: 'blocks 2097664 bytes or more apart',
      found: 'block 0 at 0x800, block 2 at 0x200800',
    });
    expect(check([4 + L - 1, 4])).toMatchObject({ flaw: 'bat-overlap' });
    expect(check([UNUSED_ENTRY, 9, 9])).toMatchObject({ found: 'block 1 at 0x1200, block 2 at 0x1200' });
  });

  it('refuses a block over metadata, also where no structure was named', () => {
    expect(check([3])).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    expect(check([0], { occupied: [] })).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    const later = { occupied: [{ startBytes: 5000 * 512, endBytes: 5001 * 512 }] };
    expect(check([4999 - L + 1], later)).toEqual({ allocatedBlocks: 1, endOfBlocksBytes: 5000 * 512 });
    expect(check([5000 - L + 1], later)).toMatchObject({
      flaw: 'bat-entry-out-of-range',
      expected: 'no block over the metadata at 0x271000 to 0x271200',
    });
    expect(check([5000], later)).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    expect(check([5001], later)).toMatchObject({ allocatedBlocks: 1 });
  });

  it('refuses a block that reaches into the tail footer', () => {
    expect(check([5 + 3 * L])).toMatchObject({ flaw: 'bat-entry-out-of-range' });
    expect(check([0xffff_fffe])).toMatchObject({ flaw: 'bat-entry-out-of-range' });
  });

  it('refuses a block beyond the disk, but not an unused entry there', () => {
    const unused = Array.from({ length: 5 }, () => UNUSED_ENTRY);
    expect(check(unused)).toMatchObject({ allocatedBlocks: 0 });
    expect(check([...unused.slice(1), 4])).toMatchObject({
      flaw: 'bat-entry-out-of-range',
      expected: 'no block beyond the 4 of the disk',
    });
  });

  it('keeps to the first flaw', () => {
    expect(check([3, 4, 4])).toMatchObject({ flaw: 'bat-entry-out-of-range' });
  });

  it('of a file with more buckets than allowed says how often to stream the table, and finds overlaps across ranges', () => {
    const changes = { maxBuckets: 1 };
    expect(new BatCheck({ ...table, ...changes }).passes).toBe(5);
    expect(check([4, 4 + L, 4 + 2 * L, 4 + 3 * L], changes)).toMatchObject({ allocatedBlocks: 4 });
    expect(check([4, 4 + 3 * L, 4 + 2 * L - 1, 4 + L], changes)).toMatchObject({ flaw: 'bat-overlap' });
  });

  it('needs one pass for the largest disk with 2 MiB blocks, several with 4 KiB blocks', () => {
    const endOfDataBytes = 2 ** 41;
    expect(new BatCheck({ ...table, endOfDataBytes }).passes).toBe(1);
    expect(new BatCheck({ ...table, endOfDataBytes, blockSizeBytes: 4 * KIB }).passes).toBe(114);
  });

  it('is not fooled by a pass left out', () => {
    const batCheck = new BatCheck({ ...table, maxBuckets: 1 });
    expect(() => batCheck.take(2, 0, Uint32Array.of(4))).toThrow('pass 2 of the BAT check follows pass 0');
  });
});

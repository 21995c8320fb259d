import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../quantities.js';
import {
  bitmapBytes,
  bitmapOffsetBytes,
  blockLengthBytes,
  dataOffsetBytes,
  decodeEntries,
  emptyTable,
  encodeEntries,
  tablePaddedBytes,
  UNUSED_ENTRY,
} from './block-allocation-table.js';

describe('a VHD block', () => {
  it('has a bitmap of whole sectors in front of its data', () => {
    expect([4 * KIB, 512 * KIB, 2 * MIB, 4 * MIB, 256 * MIB].map(bitmapBytes)).toEqual([512, 512, 512, 1024, 65536]);
    expect(blockLengthBytes(2 * MIB)).toBe(2 * MIB + 512);
  });

  it('is found by its sector number: QEMU’s first block, entry 4, has its bitmap at 0x800 and its data at 0xA00', () => {
    expect(bitmapOffsetBytes(4)).toBe(0x800);
    expect(dataOffsetBytes(4, 2 * MIB)).toBe(0xa00);
    expect(dataOffsetBytes(0xffff_fffe, 4 * MIB)).toBe(0xffff_fffe * 512 + 1024);
  });

  it('is nowhere when its entry is all ones', () => {
    expect(bitmapOffsetBytes(UNUSED_ENTRY)).toBeNull();
    expect(dataOffsetBytes(UNUSED_ENTRY, 2 * MIB)).toBeNull();
  });
});

describe('a BAT', () => {
  it('is padded with ones to whole sectors', () => {
    expect([1, 128, 129].map(tablePaddedBytes)).toEqual([512, 512, 1024]);
    expect(emptyTable(129)).toEqual(new Uint8Array(1024).fill(0xff));
  });

  it('is big-endian', () => {
    expect(decodeEntries(Uint8Array.of(0, 0, 1, 2, 255, 255, 255, 255))).toEqual(Uint32Array.of(0x102, UNUSED_ENTRY));
    expect(encodeEntries(Uint32Array.of(0x102))).toEqual(Uint8Array.of(0, 0, 1, 2));
  });
});

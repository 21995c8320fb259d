import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../quantities.js';
import { fullBitmap, isSet, setBits, setRuns } from './sector-bitmap.js';

describe('a VHD sector bitmap', () => {
  it('counts from the most significant bit: sector 9 is mask 0x40 of byte 1', () => {
    const bitmap = new Uint8Array(512);
    setBits(bitmap, 9, 1);
    expect(bitmap[1]).toBe(0x40);
    expect([8, 9, 10].map((sector) => isSet(bitmap, sector))).toEqual([false, true, false]);
    expect(setRuns(bitmap, 0, 4096)).toEqual([{ start: 9, count: 1 }]);
  });

  it('gives its set bits as ascending runs', () => {
    const bitmap = Uint8Array.of(0b0110_0001, 0xff, 0b1000_0000, 0, 0b0000_0010);
    expect(setRuns(bitmap, 0, 40)).toEqual([
      { start: 1, count: 2 },
      { start: 7, count: 10 },
      { start: 38, count: 1 },
    ]);
    expect(setRuns(new Uint8Array(512), 0, 4096)).toEqual([]);
  });

  it('gives runs of the asked sectors only', () => {
    const bitmap = fullBitmap(2 * MIB);
    expect(setRuns(bitmap, 0, 4096)).toEqual([{ start: 0, count: 4096 }]);
    expect(setRuns(bitmap, 3, 12)).toEqual([{ start: 3, count: 9 }]);
    expect(setRuns(bitmap, 3, 4)).toEqual([{ start: 3, count: 1 }]);
    expect(setRuns(bitmap, 5, 5)).toEqual([]);
  });

  it('sets bits within one byte, across bytes and none', () => {
    const set = (start: number, count: number) => {
      const bitmap = new Uint8Array(4);
      setBits(bitmap, start, count);
      return [...bitmap];
    };
    expect(set(2, 3)).toEqual([0b0011_1000, 0, 0, 0]);
    expect(set(6, 20)).toEqual([0b0000_0011, 0xff, 0xff, 0b1100_0000]);
    expect(set(8, 8)).toEqual([0, 0xff, 0, 0]);
    expect(set(0, 32)).toEqual([0xff, 0xff, 0xff, 0xff]);
    expect(set(32, 0)).toEqual([0, 0, 0, 0]);
  });

  it('of a whole block has the bits of its sectors and no more', () => {
    expect(fullBitmap(2 * MIB)).toEqual(new Uint8Array(512).fill(0xff));
    expect(fullBitmap(4 * KIB)).toEqual(new Uint8Array(512).fill(0xff, 0, 1));
    expect(fullBitmap(8 * MIB)).toHaveLength(2048);
  });
});

import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { BITMAP_BLOCK_BYTES, clearBits, isSet, setBits, setRuns } from './sector-bitmap.js';

describe('a VHDX sector bitmap', () => {
  it('counts from the least significant bit: sector 9 is mask 0x02 of byte 1', () => {
    const bitmap = new Uint8Array(512);
    setBits(bitmap, 9, 1);
    expect(bitmap[1]).toBe(0x02);
    expect([8, 9, 10].map((sector) => isSet(bitmap, sector))).toEqual([false, true, false]);
    expect(setRuns(bitmap, 0, 4096)).toEqual([{ start: 9, count: 1 }]);
  });

  it('has the bits of 8 Mi sectors', () => {
    expect(BITMAP_BLOCK_BYTES).toBe(MIB);
    const bitmap = new Uint8Array(BITMAP_BLOCK_BYTES);
    setBits(bitmap, 2 ** 23 - 1, 1);
    expect(bitmap[MIB - 1]).toBe(0x80);
    expect(setRuns(bitmap, 0, 2 ** 23)).toEqual([{ start: 2 ** 23 - 1, count: 1 }]);
    setBits(bitmap, 0, 2 ** 23);
    expect(setRuns(bitmap, 0, 2 ** 23)).toEqual([{ start: 0, count: 2 ** 23 }]);
  });

  it('gives its set bits as ascending runs', () => {
    const bitmap = Uint8Array.of(0b1000_0110, 0xff, 0b0000_0001, 0, 0b0100_0000);
    expect(setRuns(bitmap, 0, 40)).toEqual([
      { start: 1, count: 2 },
      { start: 7, count: 10 },
      { start: 38, count: 1 },
    ]);
    expect(setRuns(new Uint8Array(512), 0, 4096)).toEqual([]);
  });

  it('gives runs of the asked sectors only', () => {
    const bitmap = new Uint8Array(512).fill(0xff);
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
    expect(set(2, 3)).toEqual([0b0001_1100, 0, 0, 0]);
    expect(set(6, 20)).toEqual([0b1100_0000, 0xff, 0xff, 0b0000_0011]);
    expect(set(8, 8)).toEqual([0, 0xff, 0, 0]);
    expect(set(0, 32)).toEqual([0xff, 0xff, 0xff, 0xff]);
    expect(set(32, 0)).toEqual([0, 0, 0, 0]);
  });

  it('clears bits within one byte, across bytes and none', () => {
    const cleared = (start: number, count: number) => {
      const bitmap = new Uint8Array(4).fill(0xff);
      clearBits(bitmap, start, count);
      return [...bitmap];
    };
    expect(cleared(2, 3)).toEqual([0b1110_0011, 0xff, 0xff, 0xff]);
    expect(cleared(6, 20)).toEqual([0b0011_1111, 0, 0, 0b1111_1100]);
    expect(cleared(8, 8)).toEqual([0xff, 0, 0xff, 0xff]);
    expect(cleared(0, 32)).toEqual([0, 0, 0, 0]);
    expect(cleared(32, 0)).toEqual([0xff, 0xff, 0xff, 0xff]);
  });
});

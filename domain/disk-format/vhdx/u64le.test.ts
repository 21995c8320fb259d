import { describe, expect, it } from 'vitest';
import { readU64, writeU64 } from './u64le.js';

describe('a 64-bit little-endian field', () => {
  it('is written and read at its place, and nothing else is touched', () => {
    const bytes = new Uint8Array(10).fill(0xee);
    writeU64(bytes, 1, 0x0012_3456_789a_bcde);
    expect([...bytes]).toEqual([0xee, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, 0x00, 0xee]);
    expect(readU64(bytes, 1)).toBe(0x0012_3456_789a_bcde);
  });

  it.each([0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1, Number.MAX_SAFE_INTEGER])('comes back: %s', (value) => {
    const bytes = new Uint8Array(8);
    writeU64(bytes, 0, value);
    expect(readU64(bytes, 0)).toBe(value);
  });

  it('of 2^53 and more is read as one that is still as large', () => {
    expect(readU64(new Uint8Array(8).fill(0xff), 0)).toBe(2 ** 64);
    expect(readU64(Uint8Array.of(1, 0, 0, 0, 0, 0, 0x20, 0), 0)).toBe(2 ** 53);
  });

  it.each([-1, 0.5, 2 ** 53, NaN])('is not written as %s', (value) => {
    expect(() => {
      writeU64(new Uint8Array(8), 0, value);
    }).toThrow(RangeError);
  });
});

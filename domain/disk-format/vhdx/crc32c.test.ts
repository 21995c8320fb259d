import { describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => n);

describe('CRC-32C', () => {
  it('gives the check value of its definition', () => {
    expect(crc32c(ascii('123456789'))).toBe(0xe306_9283);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });

  it('gives the examples of RFC 3720, B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
    expect(crc32c(counted(32))).toBe(0x46dd_794e);
    expect(crc32c(counted(32).reverse())).toBe(0x113f_db5c);
  });

  it('takes the four bytes of its own field as 0, and no others', () => {
    for (const at of [0, 1, 7, 20, 36]) {
      const zeroed = counted(40).fill(0, at, at + 4);
      expect(crc32c(counted(40), at)).toBe(crc32c(zeroed));
      if (at > 0) expect(crc32c(counted(40).with(at - 1, 0xee), at)).not.toBe(crc32c(zeroed));
      if (at < 36) expect(crc32c(counted(40).with(at + 4, 0xee), at)).not.toBe(crc32c(zeroed));
    }
  });

  it('of a field that is not inside the structure is a bug', () => {
    expect(() => crc32c(counted(40), 37)).toThrow('Bug: a checksum at byte 37 is not inside 40 bytes');
    expect(() => crc32c(counted(40), -1)).toThrow('Bug');
  });
});

import { describe, expect, it } from 'vitest';
import { onesComplementChecksum } from './checksum.js';

describe('the VHD checksum', () => {
  it('is the complement of the sum of the bytes', () => {
    expect(onesComplementChecksum(new Uint8Array(512), 64)).toBe(0xffff_ffff);
    expect(onesComplementChecksum(new Uint8Array(512).fill(0xff), 64)).toBe(~(508 * 255) >>> 0);
  });

  it('takes its own four bytes as 0, and no others', () => {
    const structure = new Uint8Array(16);
    structure.fill(9, 4, 8);
    expect(onesComplementChecksum(structure, 4)).toBe(0xffff_ffff);
    structure[3] = 1;
    structure[8] = 1;
    expect(onesComplementChecksum(structure, 4)).toBe(0xffff_fffd);
  });
});

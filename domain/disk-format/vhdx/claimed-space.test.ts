import { describe, expect, it } from 'vitest';
import { GIB, MIB, TIB } from '../../quantities.js';
import { ClaimedSpace } from './claimed-space.js';

describe('the claimed space of a file', () => {
  it('is claimed once', () => {
    const space = new ClaimedSpace();
    expect(space.claim(2 * MIB, 4 * MIB)).toBe(true);
    expect(space.claim(4 * MIB, 5 * MIB)).toBe(true);
    expect(space.claim(MIB, 2 * MIB)).toBe(true);
    expect([1, 2, 3, 4].map((mib) => space.claim(mib * MIB, (mib + 1) * MIB))).toEqual([false, false, false, false]);
    expect(space.claim(0, MIB)).toBe(true);
  });

  it('is refused when only its first or its last MiB is claimed already', () => {
    for (const taken of [8, 15]) {
      const space = new ClaimedSpace();
      space.claim(taken * MIB, (taken + 1) * MIB);
      expect(space.claim(8 * MIB, 16 * MIB)).toBe(false);
    }
  });

  it('is claimed by whole MiB, whatever part of them is asked for', () => {
    const space = new ClaimedSpace();
    expect(space.claim(MIB + 1, 2 * MIB + 1)).toBe(true);
    expect(space.claim(2 * MIB + 2, 2 * MIB + 3)).toBe(false);
    expect(space.claim(3 * MIB, 3 * MIB)).toBe(true);
    expect(space.claim(3 * MIB, 4 * MIB)).toBe(true);
  });

  it('reaches over the borders of pages, and to the end of 256 TiB', () => {
    const space = new ClaimedSpace();
    expect(space.claim(32 * GIB - MIB, 32 * GIB + MIB)).toBe(true);
    expect(space.claim(32 * GIB - MIB, 32 * GIB)).toBe(false);
    expect(space.claim(32 * GIB, 32 * GIB + MIB)).toBe(false);
    expect(space.claim(256 * TIB - MIB, 256 * TIB)).toBe(true);
    expect(space.claim(256 * TIB - MIB, 256 * TIB)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { GIB, KIB, MIB } from '../../quantities.js';
import { geometryOf } from './disk-geometry.js';

const chs = (sizeBytes: number) => Object.values(geometryOf(sizeBytes)).join('/');

describe('the geometry of a disk', () => {
  it('is what the writers of real disks gave it', () => {
    expect(chs(4 * MIB)).toBe('120/4/17'); // Windows 10
    expect(chs(16 * MIB)).toBe('481/4/17'); // XenServer
    expect(chs(136_365_211_648)).toBe('65278/16/255'); // Hyper-V 2012 R2 and Virtual PC, 127 GiB
  });

  it('changes its track length where the specification says', () => {
    expect(chs(64 * KIB)).toBe('1/4/17');
    expect(chs(17 * 4 * 1024 * 512)).toBe('140/16/31');
    expect(chs(17 * (4 * 1024 + 1) * 512)).toBe('819/5/17');
    expect(chs(17 * 16 * 1024 * 512 - 512)).toBe('1023/16/17');
    expect(chs(17 * 16 * 1024 * 512)).toBe('561/16/31');
    expect(chs(31 * 16 * 1024 * 512)).toBe('503/16/63');
    expect(chs(65535 * 16 * 63 * 512 - 512)).toBe('65534/16/63');
    expect(chs(65535 * 16 * 63 * 512)).toBe('16191/16/255');
  });

  it('stays at its maximum for larger disks', () => {
    expect(chs(65535 * 16 * 255 * 512)).toBe('65535/16/255');
    expect(chs(2040 * GIB)).toBe('65535/16/255');
  });
});

import { describe, expect, it } from 'vitest';
import { sharedTypeOf } from './file-system-type.js';

const EXT4 = 0xef53n;
const FUSE = 0x65735546n;

describe('a shared file system', () => {
  it.each([
    [0x6969n, 'nfs4'],
    [0xff534d42n, 'cifs'],
    [0x01021997n, '9p'],
    [FUSE, 'fuse.sshfs'],
    [FUSE, 'virtiofs'],
    [0x00c36400n, 'ceph'],
  ])('is told by the name that the table of mounts has: %s, %s', (magic, name) => {
    expect(sharedTypeOf(magic, name)).toBe(name);
  });

  it('is told by its number when the table has another name for it, or none', () => {
    expect(sharedTypeOf(0x6969n, null)).toBe('nfs');
    expect(sharedTypeOf(0xfe534d42n, 'unheard of')).toBe('smb2');
  });

  it.each([
    [EXT4, 'ext4'],
    [0x58465342n, 'xfs'],
    [0x01021994n, 'tmpfs'],
    [FUSE, 'fuseblk'],
  ])('is not one of this machine alone: %s, %s', (magic, name) => {
    expect(sharedTypeOf(magic, name)).toBeNull();
  });
});

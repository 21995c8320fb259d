import { nameCalls } from './file-calls.js';
import type { Mount } from './mount-table.js';
import { faultOf } from './system-fault.js';

/** SMB mounts of Linux: smb, cifs, smb2. Locks that we take there are mandatory on the server, for our own other descriptors as well. */
const SMB_TYPES: ReadonlySet<bigint> = new Set([0x517bn, 0xff534d42n, 0xfe534d42n]);

export const hasMandatoryLocks = async (path: string): Promise<boolean> =>
  process.platform === 'linux' && SMB_TYPES.has(await magicOf(path));

/**
 * File systems whose files other machines, or the host of this one, reach without any process here: by the number that statfs gives
 * (linux/magic.h, and the projects' own headers).
 */
const SHARED_TYPES: ReadonlyMap<bigint, string> = new Map([
  [0x517bn, 'smb'],
  [0xff534d42n, 'cifs'],
  [0xfe534d42n, 'smb2'],
  [0x6969n, 'nfs'],
  [0x01021997n, '9p'],
  [0x65735546n, 'fuse'],
  [0x00c36400n, 'ceph'],
  [0x01161970n, 'gfs2'],
  [0x7461636fn, 'ocfs2'],
  [0x0bd00bd0n, 'lustre'],
  [0x47504653n, 'gpfs'],
  [0x19830326n, 'beegfs'],
  [0x20030528n, 'orangefs'],
  [0x5346414fn, 'afs'],
  [0x6b414653n, 'afs'],
  [0x73757245n, 'coda'],
  [0xbacbacbcn, 'vmhgfs'],
  [0x786f4256n, 'vboxsf'],
  [0x7c7c6673n, 'prl_fs'],
]);

/** The same by the names in the table of mounts, where they say more: `nfs4`, `fuse.glusterfs`, `virtiofs`. */
const SHARED_NAMES =
  /^(nfs|cifs|smb|9p|fuse($|\.)|virtiofs|ceph|gluster|gfs2|ocfs2|lustre|gpfs|beegfs|orangefs|pvfs2|k?afs|coda|vmhgfs|vboxsf|prl_fs)/;

/** FUSE over a disk of this machine, ntfs-3g for one: nobody else reaches it. */
const LOCAL_FUSE = 'fuseblk';

/** The name of the shared file system that this is; null for one of this machine alone. `magic`: of statfs. */
export const sharedTypeOf = (magic: bigint, mountType: string | null): string | null => {
  if (mountType === LOCAL_FUSE) return null;
  if (mountType !== null && SHARED_NAMES.test(mountType)) return mountType;
  return SHARED_TYPES.get(magic) ?? null;
};

/** Off Linux nothing is known of it, and null. */
export const sharedFileSystemAt = async (path: string, mount: Mount | null): Promise<string | null> =>
  process.platform === 'linux' ? sharedTypeOf(await magicOf(path), mount?.type ?? null) : null;

const magicOf = async (path: string): Promise<bigint> => {
  try {
    return BigInt.asUintN(32, (await nameCalls.statfs(path)).type);
  } catch (error) {
    throw faultOf('look at', path, error);
  }
};

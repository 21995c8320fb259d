import { closeSync, constants, mkdirSync, openSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { NodeFileSystem } from './node-file-system.js';
import { faultOf, systemCodeOf } from './system-fault.js';

/**
 * For files that another library writes, as SQLite does with the journal: the folder, the empty file and their rights. Existing
 * folders and files keep the rights they have. Everything throws a `FileSystemFault`.
 *
 * Nothing here opens a file that exists: POSIX takes all locks of a process off a file when any of its descriptors is closed,
 * and SQLite holds such locks.
 */

/** The folder, and those above it that are missing, for this user alone; durable when it returns. */
export const ensurePrivateFolder = async (folder: string): Promise<void> => {
  const missing: string[] = [];
  let existing = folder;
  while (keyOf(existing) === null && dirname(existing) !== existing) {
    missing.unshift(existing);
    existing = dirname(existing);
  }
  for (const name of missing) {
    make('create', name, () => mkdirSync(name, { mode: 0o700 }));
    await flushNames(dirname(name));
  }
};

/** An empty file for this user alone, unless there is one. Its name is durable after `flushNames`. */
export const ensurePrivateFile = (path: string): void => {
  make('create', path, () =>
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)),
  );
};

/** Names that were added to the folder are on stable storage. A person named the folder: links in it are followed. */
export const flushNames = async (folder: string): Promise<void> => {
  const files = new NodeFileSystem();
  await files.flushFolder(await files.realPath(folder));
};

/** Which file a path leads to now, as text to compare; null when it leads to none. */
export const keyOf = (path: string): string | null => {
  try {
    const stat = statSync(path, { bigint: true });
    return `${String(stat.dev)}:${String(stat.ino)}`;
  } catch (error) {
    const fault = faultOf('look at', path, error);
    if (fault.code === 'not-found') return null;
    throw fault;
  }
};

/**
 * Is the path on a file system that other machines may have mounted, too, or that is served from elsewhere? Those keep no
 * memory in common between processes. Known by number (Linux) or by a UNC name (Windows); elsewhere the answer is no.
 */
export const isOnNetwork = (path: string): boolean => {
  if (process.platform === 'win32') return path.startsWith('\\\\');
  if (process.platform !== 'linux') return false;
  try {
    return NETWORK_FILE_SYSTEMS.has(Number(BigInt.asUintN(32, statfsSync(path, { bigint: true }).type)));
  } catch (error) {
    throw faultOf('look at the file system of', path, error);
  }
};

/** `f_type` of statfs(2): linux/magic.h and the file systems' own sources. */
const NETWORK_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x564c, // NCP
  0x5346414f, // AFS
  0x6b414653, // kAFS
  0x73757245, // Coda
  0x01021997, // 9P
  0x00c36400, // Ceph
  0x65735546, // FUSE: sshfs, GlusterFS and others; which one cannot be told from here
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x19830326, // BeeGFS
  0xaad7aaea, // PanFS
  0x7461636f, // OCFS2
  0x01161970, // GFS2
  0x786f4256, // VirtualBox shared folder
  0xbacbacbc, // VMware shared folder
  0x7c7c6673, // Parallels shared folder
]);

/** Somebody else may be making the same thing at the same time: that it is there is what counts. */
const make = (operation: string, path: string, work: () => void): void => {
  try {
    work();
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw faultOf(operation, path, error);
  }
};

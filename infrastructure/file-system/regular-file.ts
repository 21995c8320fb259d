import { type BigIntStats, constants } from 'node:fs';
import { type FileStat, FileSystemFault } from '#application/ports/file-system';
import { nameCalls, nodeFileCalls, plainNameCalls } from './file-calls.js';
import { assertNoLinkAppeared, inItsFolder, linkAppeared } from './pinned-folder.js';
import { faultOf, systemCodeOf } from './system-fault.js';
import { isUntouchable } from './untouchable-files.js';

/** A flag that this platform may not have: Windows knows neither links of this kind nor FIFOs. */
const flag = (value: number | undefined): number => value ?? 0;

/** macOS 10.15: no link in any component. Node has no constant for it; sys/fcntl.h. */
const NO_LINK_ANYWHERE = process.platform === 'darwin' ? 0x2000_0000 : 0;

const SAFE_OPEN = flag(constants.O_NOFOLLOW) | flag(constants.O_NONBLOCK) | flag(constants.O_NOCTTY) | NO_LINK_ANYWHERE;

export interface OpenedFile {
  readonly fd: number;
  readonly stat: FileStat;
}

/**
 * Opens a regular file and nothing else: never through a link, never waiting for the other end of a FIFO. The path is canonical.
 * Looked at before it is opened, because opening alone makes some devices act (a tape rewinds, a watchdog starts counting), and again
 * when it is open, because what the name means may have changed in between.
 */
export const openRegularFile = async (path: string, mode: 'read' | 'read-write'): Promise<OpenedFile> => {
  try {
    return await inItsFolder(path, async (place) => {
      const stat = fileStatOf(path, await plainNameCalls.lstat(place));
      refuseOther(path, stat);
      if (isUntouchable(stat))
        throw new FileSystemFault('not-a-file', 'open', path, { cause: new Error('it is the journal') });
      const flags = (mode === 'read' ? constants.O_RDONLY : constants.O_RDWR) | SAFE_OPEN;
      return await checked(path, await plainNameCalls.open(place, flags));
    });
  } catch (error) {
    throw faultOf('open', path, systemCodeOf(error) === 'ELOOP' ? linkAppeared(path, path) : error);
  }
};

/** Readable and writable by this user alone: a new image is often a copy of a private one. */
const PRIVATE = 0o600;

/** A new empty file. `O_EXCL` takes a link at that name, even a dangling one, for a file that exists. */
export const createRegularFile = async (path: string): Promise<OpenedFile> => {
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | SAFE_OPEN;
    return await inItsFolder(path, async (place) => checked(path, await plainNameCalls.open(place, flags, PRIVATE)));
  } catch (error) {
    throw faultOf('create', path, error);
  }
};

const checked = async (path: string, fd: number): Promise<OpenedFile> => {
  try {
    const stat = fileStatOf(path, await nodeFileCalls.stat(fd));
    refuseOther(path, stat);
    await assertNoLinkAppeared(path, nameCalls.realPath);
    return { fd, stat };
  } catch (error) {
    await nodeFileCalls.close(fd);
    throw error;
  }
};

const refuseOther = (path: string, stat: FileStat): void => {
  if (stat.kind === 'file') return;
  const what = stat.kind === 'other' ? 'device, FIFO or socket' : stat.kind;
  throw new FileSystemFault('not-a-file', 'open', path, { cause: new Error(`it is a ${what}`) });
};

/** Numbers that JavaScript cannot hold exactly are refused here, before anybody counts with them. */
export const fileStatOf = (path: string, stat: BigIntStats): FileStat => {
  const sizeBytes = Number(stat.size);
  if (!Number.isSafeInteger(sizeBytes)) {
    const cause = new Error(`its size is ${stat.size.toString()} bytes, more than can be counted exactly`);
    throw new FileSystemFault('io', 'stat', path, { cause });
  }
  return {
    kind: kindOf(stat),
    dev: stat.dev.toString(),
    ino: stat.ino.toString(),
    sizeBytes,
    mtimeNs: stat.mtimeNs.toString(),
    mtimeMs: Number(stat.mtimeMs),
    links: Number(stat.nlink),
  };
};

const kindOf = (stat: BigIntStats): FileStat['kind'] => {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'folder';
  return stat.isSymbolicLink() ? 'link' : 'other';
};

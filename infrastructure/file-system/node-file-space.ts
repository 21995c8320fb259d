import { constants } from 'node:os';
import type { FileSpace, FileStretch } from '#application/ports/file-system';
import type { FileCalls } from './file-calls.js';
import type { NativeCalls } from './native-calls.js';

/** `st_blocks` counts these, whatever the file system's own blocks are. stat(2) */
const STAT_BLOCK_BYTES = 512n;

/** One call for so much: between two of them the program can stop, and a file system in memory clears 1 GiB in half a second. */
const LARGEST_RESERVATION_BYTES = 1 << 30;

/** How a file system, or a kernel in front of it, says that it has no such operation. */
const NOT_SUPPORTED: ReadonlySet<number> = new Set([
  constants.errno.EOPNOTSUPP,
  constants.errno.ENOTSUP,
  constants.errno.ENOSYS,
  constants.errno.EINVAL,
]);

export interface SpaceParts {
  readonly fd: number;
  readonly calls: FileCalls;
  readonly native: () => Promise<NativeCalls | null>;
  /** Runs the work as one of the file's own operations, and makes the file's fault of what it throws. */
  readonly run: <T>(operation: string, work: () => Promise<T>) => Promise<T>;
}

/** The space of one open file. Through `koffi`; where that is missing, what stat(2) tells. */
export class NodeFileSpace implements FileSpace {
  constructor(private readonly parts: SpaceParts) {}

  allocatedBytes(): Promise<number | null> {
    return this.parts.run('stat', async () => {
      // Windows has no such number, and libuv makes one up from the size.
      if (process.platform === 'win32') return null;
      const { blocks } = await this.parts.calls.stat(this.parts.fd);
      return Number(blocks * STAT_BLOCK_BYTES);
    });
  }

  stretchAt(position: number): Promise<FileStretch | null> {
    return this.parts.run('look for holes in', async () => {
      const { fd, calls } = this.parts;
      const native = await this.parts.native();
      const sizeBytes = Number((await calls.stat(fd)).size);
      if (native === null || position >= sizeBytes) return null;
      const data = native.seek(fd, position, 'data');
      if (data === null) return { kind: 'hole', endBytes: sizeBytes };
      if (data > position) return { kind: 'hole', endBytes: data };
      return { kind: 'data', endBytes: native.seek(fd, position, 'hole') ?? sizeBytes };
    });
  }

  reserve(position: number, length: number): Promise<'reserved' | 'unsupported'> {
    return this.parts.run('reserve space for', async () => {
      const native = await this.parts.native();
      if (native === null) return 'unsupported';
      for (let at = position; at < position + length; at += LARGEST_RESERVATION_BYTES) {
        const bytes = Math.min(LARGEST_RESERVATION_BYTES, position + length - at);
        const errno = await uninterrupted(() => native.allocateKeepingSize(this.parts.fd, at, bytes));
        if (NOT_SUPPORTED.has(errno)) return 'unsupported';
        if (errno !== 0) throw systemError(errno);
      }
      return 'reserved';
    });
  }

  /** To cut a file to the length that it has drops what it has behind it: on ext4, where no hole can be punched there, nothing else does. */
  giveBack(): Promise<void> {
    return this.parts.run('give back the space of', async () => {
      const { fd, calls } = this.parts;
      await calls.truncate(fd, Number((await calls.stat(fd)).size));
    });
  }
}

/** A signal may cut the call short; what was allocated until then stays, and is passed over quickly. */
const uninterrupted = async (call: () => Promise<number>): Promise<number> => {
  for (;;) {
    const errno = await call();
    if (errno !== constants.errno.EINTR) return errno;
  }
};

/** As Node would have thrown it. */
const systemError = (errno: number): Error => {
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? 'unknown';
  return Object.assign(new Error(`${name}: fallocate`), { code: name, errno: -errno });
};

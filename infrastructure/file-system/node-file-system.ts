import type { FileStat, FileSystem, OpenFile } from '#application/ports/file-system';
import { changeObstacle } from './change-obstacle.js';
import { type FileCalls, nameCalls, nodeFileCalls } from './file-calls.js';
import { loadNativeCalls, type NativeCalls } from './native-calls.js';
import { NodeOpenFile } from './node-open-file.js';
import { dropCachedPages } from './page-cache.js';
import { createRegularFile, fileStatOf, type OpenedFile, openRegularFile } from './regular-file.js';
import { faultOf, systemCodeOf } from './system-fault.js';

/**
 * Files of the operating system, through Node; pages of the cache are dropped through `koffi` where that is there. Paths are canonical,
 * as `realPath` gives them: a link in one is a fault (`not-a-file`), never followed. Only `realPath` itself takes any path.
 */
export class NodeFileSystem implements FileSystem {
  readonly #calls: FileCalls;
  readonly #native: () => Promise<NativeCalls | null>;

  constructor(parts: { readonly calls?: FileCalls; readonly native?: () => Promise<NativeCalls | null> } = {}) {
    this.#calls = parts.calls ?? nodeFileCalls;
    this.#native = parts.native ?? (async () => (await loadNativeCalls()).calls);
  }

  async open(path: string, mode: 'read' | 'read-write'): Promise<OpenFile> {
    return this.#opened(path, await openRegularFile(path, mode));
  }

  /** Only this user may read and write the new file. Its name is durable after `flushFolder`. */
  async create(path: string): Promise<OpenFile> {
    return this.#opened(path, await createRegularFile(path));
  }

  #opened(path: string, { fd }: OpenedFile): OpenFile {
    const dropPages = async (descriptor: number, sizeBytes: number): Promise<'dropped' | 'kept'> =>
      dropCachedPages(await this.#native(), this.#calls, descriptor, sizeBytes);
    return new NodeOpenFile(path, fd, this.#calls, dropPages, this.#native);
  }

  realPath(path: string): Promise<string> {
    return asked('resolve', path, () => nameCalls.realPath(path));
  }

  async stat(path: string): Promise<FileStat | null> {
    try {
      return fileStatOf(path, await nameCalls.lstat(path));
    } catch (error) {
      const fault = faultOf('stat', path, error);
      if (fault.code === 'not-found') return null;
      throw fault;
    }
  }

  list(folder: string): Promise<readonly string[]> {
    return asked('list', folder, () => nameCalls.list(folder));
  }

  link(path: string, newPath: string): Promise<void> {
    return asked('link', newPath, () => nameCalls.link(path, newPath));
  }

  unlink(path: string): Promise<void> {
    return asked('unlink', path, () => nameCalls.unlink(path));
  }

  /**
   * Does nothing on Windows: a folder cannot be flushed there, NTFS journals its names and loses the newest at worst. EINVAL is how a
   * file system says that it has no such operation (PostgreSQL passes over it, too); every other error is a fault.
   */
  async flushFolder(folder: string): Promise<void> {
    if (process.platform === 'win32') return;
    await asked('flush', folder, async () => {
      const fd = await nameCalls.openFolder(folder);
      try {
        await nameCalls.sync(fd);
      } catch (error) {
        if (systemCodeOf(error) !== 'EINVAL') throw error;
      } finally {
        await nodeFileCalls.close(fd);
      }
    });
  }

  /** Without the blocks that are reserved for root. Quotas and thin storage below may leave less: a write or a flush tells. */
  async freeSpaceBytes(path: string): Promise<number> {
    const { bavail, bsize } = await asked('measure', path, () => nameCalls.statfs(path));
    const bytes = bavail * bsize;
    return bytes > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(bytes);
  }

  async changeObstacle(path: string, change: 'write' | 'remove'): Promise<string | null> {
    return asked('look at', path, async () => changeObstacle(path, change, await this.#native()));
  }
}

const asked = async <T>(operation: string, path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw faultOf(operation, path, error);
  }
};

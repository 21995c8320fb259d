/**
 * Files in memory for many thousand cases: each case begins with the same good files, of which it changes a few bytes. What is not
 * changed is shared, so that a case costs what it changes. Nothing is volatile here; crashes have a file system of their own.
 *
 * - Every call that changes something is counted, and what each file was changed by.
 * - The port is strict: a position that is no whole number, a buffer beyond all bounds or endless reading is a `PortMisuse`, which
 *   no part of the product expects and so nobody swallows.
 */
import { dirname } from 'node:path';
import { FileSystemFault, type FileStat, type FileSystem, type OpenFile } from '#application/ports/file-system';
import type { ByteSource } from '../models/byte-source.js';
import { type FileContent, PatchedFile } from './patched-file.js';

/** The product asked for something that no file can answer, or without end. */
export class PortMisuse extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'PortMisuse';
  }
}

/** No structure of either format is read in larger pieces. */
const LARGEST_PIECE_BYTES = 64 * 1024 ** 2;
/** What one case may read, all its commands together. */
const MOST_CALLS = 200_000;
const MOST_BYTES = 4 * 1024 ** 3;
const FREE_BYTES = 256 * 1024 ** 2;

export class PatchedFiles implements FileSystem {
  readonly #files = new Map<string, PatchedFile>();
  #calls = 0;
  #bytes = 0;
  #changes = 0;

  put(path: string, content: FileContent): void {
    this.#files.set(path, new PatchedFile(this.#files.size + 1, content));
  }

  file(path: string): PatchedFile {
    return this.#file(path, 'open');
  }

  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** Calls that changed a file or a name, or asked for it. */
  get changes(): number {
    return this.#changes;
  }

  /** Reads so far, for a case that is slow. */
  get work(): string {
    return `${this.#calls} reads of ${this.#bytes} bytes`;
  }

  /** The file as it is now; what is written later is seen. */
  source(path: string): ByteSource {
    const file = this.file(path);
    return {
      path,
      sizeBytes: file.sizeBytes,
      read: (offsetBytes, lengthBytes) => {
        if (offsetBytes + lengthBytes > file.sizeBytes)
          throw new Error(`${path} ends before ${offsetBytes + lengthBytes}`);
        const bytes = Buffer.alloc(lengthBytes);
        file.read(bytes, offsetBytes);
        return bytes;
      },
    };
  }

  async open(path: string): Promise<OpenFile> {
    if (this.#isFolder(path)) throw new FileSystemFault('not-a-file', 'open', path);
    return this.#handle(path, this.#file(path, 'open'));
  }

  async create(path: string): Promise<OpenFile> {
    this.#changes += 1;
    if (this.#files.has(path)) throw new FileSystemFault('exists', 'create', path);
    this.put(path, { sizeBytes: 0, pages: new Map() });
    return this.#handle(path, this.#file(path, 'open'));
  }

  async realPath(path: string): Promise<string> {
    if (!this.#files.has(path) && !this.#isFolder(path)) throw new FileSystemFault('not-found', 'realpath', path);
    return path;
  }

  async stat(path: string): Promise<FileStat | null> {
    const file = this.#files.get(path);
    return file === undefined ? null : statOf(file);
  }

  async list(folder: string): Promise<readonly string[]> {
    return this.paths.filter((path) => dirname(path) === folder).map((path) => path.slice(folder.length + 1));
  }

  async link(path: string, newPath: string): Promise<void> {
    this.#changes += 1;
    if (this.#files.has(newPath)) throw new FileSystemFault('exists', 'link', newPath);
    this.#files.set(newPath, this.#file(path, 'link'));
  }

  async unlink(path: string): Promise<void> {
    this.#changes += 1;
    this.#file(path, 'unlink');
    this.#files.delete(path);
  }

  async flushFolder(): Promise<void> {
    return undefined;
  }

  async freeSpaceBytes(): Promise<number> {
    return FREE_BYTES;
  }

  async changeObstacle(): Promise<null> {
    return null;
  }

  #isFolder(path: string): boolean {
    return path === '/' || this.paths.some((other) => other.startsWith(`${path}/`));
  }

  #file(path: string, operation: string): PatchedFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new FileSystemFault('not-found', operation, path);
    return file;
  }

  #handle(path: string, file: PatchedFile): OpenFile {
    let isOpen = true;
    const use = (what: string, position: number, lengthBytes: number): void => {
      if (!isOpen) throw new PortMisuse(`${what} ${path} after it was closed`);
      if (!Number.isSafeInteger(position) || position < 0 || !Number.isSafeInteger(position + lengthBytes))
        throw new PortMisuse(`${what} ${lengthBytes} bytes at ${position} of ${path}`);
      if (lengthBytes > LARGEST_PIECE_BYTES) throw new PortMisuse(`${what} ${lengthBytes} bytes of ${path} at once`);
      this.#calls += 1;
      this.#bytes += lengthBytes;
      if (this.#calls > MOST_CALLS || this.#bytes > MOST_BYTES) throw new PortMisuse(`${this.work} and no end of it`);
    };
    const change = (what: string, position: number, lengthBytes: number): void => {
      use(what, position, lengthBytes);
      this.#changes += 1;
    };
    return {
      path,
      read: async (into, position) => {
        use('read', position, into.length);
        return file.read(into, position);
      },
      write: async (from, position) => {
        change('write', position, from.length);
        file.write(from, position);
      },
      truncate: async (length) => {
        change('truncate', length, 0);
        file.resize(length);
      },
      flush: async () => {
        use('flush', 0, 0);
      },
      stat: async () => statOf(file),
      dropCache: async () => 'kept',
      space: SPACE_UNKNOWN,
      close: async () => {
        isOpen = false;
      },
    };
  }
}

/** As on a file system that tells nothing of it. */
const SPACE_UNKNOWN: OpenFile['space'] = {
  allocatedBytes: async () => null,
  stretchAt: async () => null,
  reserve: async () => 'unsupported',
  giveBack: async () => undefined,
};

const statOf = (file: PatchedFile): FileStat => ({
  dev: '1',
  ino: String(file.inode),
  sizeBytes: file.sizeBytes,
  mtimeNs: String(file.changes),
  mtimeMs: 0,
  kind: 'file',
  links: 1,
});

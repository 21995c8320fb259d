/**
 * A file system in memory that records every call and can lose its power. The same code that runs on files runs on it.
 *
 * - `powerLossAt: n` throws `PowerLoss` instead of the n-th call that changes or flushes something (0-based), and from then on at
 *   every call. `afterPowerLoss` then gives the disk as it may have been left.
 * - Names are volatile, too, until `flushFolder`.
 */
import { dirname } from 'node:path';
import {
  FileSystemFault,
  type FileStat,
  type FileSystem,
  type FileSystemFaultCode,
  type OpenFile,
} from '#application/ports/file-system';
import type { ByteSource } from '../models/byte-source.js';
import { type Draw, MemoryFile, type SparseContent } from './memory-file.js';
import { memorySpace, type SpaceOptions } from './memory-space.js';

export class PowerLoss extends Error {
  constructor() {
    super('the power went');
    this.name = 'PowerLoss';
  }
}

/** One call that changes or flushes something, in words: `write a.vhd 512 at 0`, `flush a.vhd`, `link b to c`. */
export type Call = {
  readonly operation:
    | 'write'
    | 'truncate'
    | 'flush'
    | 'create'
    | 'link'
    | 'unlink'
    | 'flushFolder'
    | 'dropCache'
    | 'reserve'
    | 'giveBack';
  readonly path: string;
  readonly position?: number;
  readonly bytes?: Uint8Array;
};

export type MemoryOptions = SpaceOptions & {
  readonly powerLossAt?: number;
  /** The fault to throw instead of the n-th call. A flush that fails loses what it should have made durable. */
  readonly faultAt?: { readonly call: number; readonly code: FileSystemFaultCode };
  /**
   * A disk that is full, until it is restarted: from the n-th call on whatever may need room fails with `out-of-space`. Names are
   * taken away, and space is given back, all the same.
   */
  readonly fullFrom?: number;
  readonly readOnly?: ReadonlySet<string>;
};

export class MemoryFileSystem implements FileSystem {
  readonly calls: Call[] = [];
  #options: MemoryOptions;
  #names = new Map<string, MemoryFile>();
  #durableNames = new Map<string, MemoryFile>();
  #changedNames: { readonly path: string; readonly file: MemoryFile | null }[] = [];
  #nextInode = 1;
  #off = false;

  constructor(options: MemoryOptions = {}) {
    this.#options = options;
  }

  /** The power is gone: every call throws from now on. */
  get isOff(): boolean {
    return this.#off;
  }

  turnOff(): void {
    this.#off = true;
  }

  /** Puts a file in place, durable: all its bytes, or its size and the parts that are not zero. */
  put(path: string, content: Uint8Array | SparseContent): void {
    const file = MemoryFile.holding(this.#nextInode++, content);
    this.#names.set(path, file);
    this.#durableNames.set(path, file);
  }

  bytes(path: string): Uint8Array {
    const file = this.#file(path, 'read');
    const content = new Uint8Array(file.size);
    file.read(content, 0);
    return content;
  }

  /** What is set aside behind the end of the file; 0 for one that is not there. */
  reservedBytes(path: string): number {
    return this.#names.get(path)?.reservedBehindEnd ?? 0;
  }

  /** The file as it reads now, for a judge; it stays as it is when the file changes. */
  source(path: string): ByteSource {
    const { sizeBytes, read } = this.#file(path, 'read').snapshot();
    return {
      path,
      sizeBytes,
      read: (offsetBytes, lengthBytes) => {
        if (offsetBytes + lengthBytes > sizeBytes)
          throw new Error(`${path} ends before byte ${offsetBytes + lengthBytes}`);
        const bytes = Buffer.alloc(lengthBytes);
        read(bytes, offsetBytes);
        return bytes;
      },
    };
  }

  /** The same disk with its power on and other plans. */
  restarted(options: MemoryOptions, draw: Draw): MemoryFileSystem {
    const left = new MemoryFileSystem(options);
    const names = new Map(this.#durableNames);
    for (const { path, file } of this.#changedNames) {
      if (draw(2) === 0) continue;
      if (file === null) names.delete(path);
      else names.set(path, file);
    }
    const files = new Map<MemoryFile, MemoryFile>();
    for (const [path, file] of names) {
      const after = files.get(file) ?? file.afterPowerLoss(draw);
      files.set(file, after);
      left.#names.set(path, after);
      left.#durableNames.set(path, after);
    }
    left.#nextInode = this.#nextInode;
    return left;
  }

  async open(path: string, mode: 'read' | 'read-write'): Promise<OpenFile> {
    const file = this.#file(path, 'open');
    if (mode === 'read-write' && this.#options.readOnly?.has(path) === true)
      throw new FileSystemFault('access-denied', 'open', path);
    return this.#handle(path, file);
  }

  async create(path: string): Promise<OpenFile> {
    this.#call({ operation: 'create', path });
    if (this.#names.has(path)) throw new FileSystemFault('exists', 'create', path);
    const file = new MemoryFile(this.#nextInode++);
    this.#rename(path, file);
    return this.#handle(path, file);
  }

  async realPath(path: string): Promise<string> {
    if (!this.#names.has(path) && (await this.list(path)).length === 0)
      throw new FileSystemFault('not-found', 'realpath', path);
    return path;
  }

  async stat(path: string): Promise<FileStat | null> {
    const file = this.#names.get(path);
    return file === undefined ? null : statOf(file);
  }

  async list(folder: string): Promise<readonly string[]> {
    const names = [...this.#names.keys()].filter((path) => dirname(path) === folder);
    return names.map((path) => path.slice(folder.length + (folder.endsWith('/') ? 0 : 1)));
  }

  async link(path: string, newPath: string): Promise<void> {
    this.#call({ operation: 'link', path: newPath });
    const file = this.#file(path, 'link');
    if (this.#names.has(newPath)) throw new FileSystemFault('exists', 'link', newPath);
    this.#rename(newPath, file);
  }

  async unlink(path: string): Promise<void> {
    this.#call({ operation: 'unlink', path });
    this.#file(path, 'unlink');
    this.#rename(path, null);
  }

  async flushFolder(folder: string): Promise<void> {
    this.#call({ operation: 'flushFolder', path: folder });
    this.#durableNames = new Map(this.#names);
    this.#changedNames = [];
  }

  async freeSpaceBytes(): Promise<number> {
    return Number.MAX_SAFE_INTEGER;
  }

  async changeObstacle(path: string): Promise<string | null> {
    return this.#options.readOnly?.has(path) === true ? 'no right to write it' : null;
  }

  #rename(path: string, file: MemoryFile | null): void {
    if (file === null) this.#names.delete(path);
    else this.#names.set(path, file);
    this.#changedNames.push({ path, file });
  }

  #file(path: string, operation: string): MemoryFile {
    const file = this.#names.get(path);
    if (file === undefined) throw new FileSystemFault('not-found', operation, path);
    return file;
  }

  #call(call: Call): void {
    const number = this.calls.length;
    if (this.#off || number === this.#options.powerLossAt) {
      this.#off = true;
      throw new PowerLoss();
    }
    this.calls.push(call);
    if (number === this.#options.faultAt?.call)
      throw new FileSystemFault(this.#options.faultAt.code, call.operation, call.path);
    if (number >= (this.#options.fullFrom ?? Infinity) && NEEDS_ROOM.has(call.operation))
      throw new FileSystemFault('out-of-space', call.operation, call.path);
  }

  #handle(path: string, file: MemoryFile): OpenFile {
    let poisoned = false;
    const changing = (call: Call): void => {
      if (poisoned) throw new FileSystemFault('io', call.operation, path);
      this.#call(call);
    };
    return {
      path,
      read: async (into, position) => {
        if (this.#off) throw new PowerLoss();
        return file.read(into, position);
      },
      write: async (from, position) => {
        changing({ operation: 'write', path, position, bytes: new Uint8Array(from) });
        file.write(from, position);
      },
      truncate: async (length) => {
        changing({ operation: 'truncate', path, position: length });
        file.truncate(length);
      },
      flush: async () => {
        try {
          changing({ operation: 'flush', path });
        } catch (fault) {
          poisoned = true;
          if (fault instanceof FileSystemFault) file.loseUnflushed();
          throw fault;
        }
        file.flush();
      },
      stat: async () => statOf(file),
      space: memorySpace(path, file, this.#options, (call) => {
        this.#call(call);
      }),
      dropCache: async () => {
        changing({ operation: 'dropCache', path });
        file.dropCache();
        return 'dropped';
      },
      close: async () => undefined,
    };
  }
}

const NEEDS_ROOM: ReadonlySet<Call['operation']> = new Set(['write', 'flush', 'truncate', 'create', 'link', 'reserve']);

const statOf = (file: MemoryFile): FileStat => ({
  dev: '1',
  ino: String(file.inode),
  sizeBytes: file.size,
  mtimeNs: '0',
  mtimeMs: 0,
  kind: 'file',
  links: 1,
});

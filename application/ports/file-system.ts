import type { FileIdentity } from '#domain/chain/image-description';

/**
 * The only way from the product to files. One adapter speaks to the operating system, one is a simulated disk.
 * Every method throws a `FileSystemFault` when the world fails.
 */
export interface FileSystem {
  /** `read-write` never creates or truncates. Refuses what is not a regular file (`not-a-file`), without blocking on it. */
  open(path: string, mode: 'read' | 'read-write'): Promise<OpenFile>;
  /** A new empty file; fault `exists` when there is one already. */
  create(path: string): Promise<OpenFile>;
  /** Absolute path with every link resolved. */
  realPath(path: string): Promise<string>;
  /** Null when nothing is there. Does not follow a link in the last component. */
  stat(path: string): Promise<FileStat | null>;
  /** Names in a folder, unsorted. */
  list(folder: string): Promise<readonly string[]>;
  /** A new name for the file; never replaces (`exists`). */
  link(path: string, newPath: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes names that were added to or taken from the folder durable. */
  flushFolder(folder: string): Promise<void>;
  /** Bytes that this user may still allocate on the file system of the path. */
  freeSpaceBytes(path: string): Promise<number>;
  /**
   * Why this process will fail to `write` the file, or to `remove` its name from its folder (unlink, or a new name beside it), in
   * words that follow "found:"; null: nothing is known to stand against it. Changes nothing.
   */
  changeObstacle(path: string, change: 'write' | 'remove'): Promise<string | null>;
}

export interface OpenFile {
  readonly path: string;
  /** Reads until `into` is full or the file ends; returns the bytes read. Positions and lengths in bytes. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `from`. */
  write(from: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /**
   * Data and size are on stable storage when it returns. After a failed flush this file is poisoned: every further write or
   * flush on it fails, because the kernel reports a lost write once and then says OK.
   */
  flush(): Promise<void>;
  stat(): Promise<FileStat>;
  /** Drops the file's clean pages, so that the next read comes from the device. `kept`: the file system has no device below its cache. */
  dropCache(): Promise<'dropped' | 'kept'>;
  readonly space: FileSpace;
  close(): Promise<void>;
}

/** What a file takes of its file system, beside the bytes that it shows. Positions and lengths in bytes. */
export interface FileSpace {
  /** All that the file has, behind its end as well. Null where the operating system does not tell. */
  allocatedBytes(): Promise<number | null>;
  /**
   * Where the stretch at this position ends, and whether a write there needs space: `hole`. Space that was set aside and never
   * written looks like a hole. Null at and behind the end of the file, and where the operating system does not tell.
   */
  stretchAt(position: number): Promise<FileStretch | null>;
  /**
   * Sets space aside, so that a write there does not fail for want of it. Neither a byte nor the size of the file changes. Fault
   * `out-of-space` when there is not so much; a part may have been set aside then.
   */
  reserve(position: number, length: number): Promise<'reserved' | 'unsupported'>;
  /** Gives back what is set aside behind the end of the file. Nobody may write to the file meanwhile. */
  giveBack(): Promise<void>;
}

export interface FileStretch {
  readonly kind: 'data' | 'hole';
  readonly endBytes: number;
}

export interface FileStat extends FileIdentity {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly mtimeMs: number;
  readonly links: number;
}

export type FileSystemFaultCode =
  'not-found' | 'access-denied' | 'exists' | 'not-a-file' | 'out-of-space' | 'read-only' | 'io' | 'cross-device';

/** The world failed under a file operation. `cause` is the operating system's own error. */
export class FileSystemFault extends Error {
  constructor(
    readonly code: FileSystemFaultCode,
    readonly operation: string,
    readonly path: string,
    options?: { cause?: unknown },
  ) {
    super(
      `${operation} ${path}: ${code}${options?.cause instanceof Error ? ` (${options.cause.message})` : ''}`,
      options,
    );
    this.name = 'FileSystemFault';
  }
}

export const isFault = (error: unknown, code: FileSystemFaultCode): boolean =>
  error instanceof FileSystemFault && error.code === code;

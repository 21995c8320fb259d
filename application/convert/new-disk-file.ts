import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import type { Chunk, DataWalk, ReadableDisk } from '../chain/view-chunks.js';

/** The disk that a conversion makes, while it is made: in one of the two formats, or raw. Empty at first, so that it reads zero. */
export interface NewDiskFile {
  /** Space is taken in units of so many bytes: a block, or the least that a file system gives. */
  readonly unitBytes: number;
  /** Bytes that the file takes more than it has, at most, when so many of its units hold something. */
  spaceFor(units: number): number;
  /** Takes the chunks that are not all zero, ascending. */
  write(chunk: Chunk): Promise<void>;
  /** Everything is flushed, and the file closed, when it returns. */
  finish(): Promise<void>;
  /** The finished disk, opened anew, its cached pages dropped. */
  readBack(): Promise<Result<FinishedDisk, MergeError>>;
  /** For one that will not be finished; a finished one is closed already. */
  close(): Promise<void>;
}

export interface FinishedDisk extends ReadableDisk {
  readonly readFrom: 'device' | 'page-cache';
  /** Finds where it holds something; null when it cannot tell, because all of it has a place. */
  walk(): DataWalk | null;
  close(): Promise<void>;
}

/** What file systems take at least for a byte of a file. Those with larger clusters say that they are full when they are. */
export const PAGE_BYTES = 4096;

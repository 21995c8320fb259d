import type { FileIdentity } from '#domain/chain/image-description';

/**
 * Locks that keep other programs off the chain. They belong to the process and vanish with it, killed or not.
 * Taken in one order (device, inode), so that two merges never wait for each other: the first file decides.
 */
export interface ImageLocks {
  /** All or nothing, without waiting. */
  lockAll(files: readonly FileToLock[]): Promise<HeldLocks | LockConflict>;
  /** Who has any of these files, seen in one look and without taking anything; a holder of two is told twice. Empty when nobody can be seen. */
  holdersOf(paths: readonly string[]): Promise<readonly Holder[]>;
  /**
   * Protection that this host cannot give, one sentence each. With paths also what cannot be seen of those who might have these
   * files: other hosts, programs of other users, other name spaces.
   */
  missingProtection(paths?: readonly string[]): Promise<readonly string[]>;
}

export interface FileToLock {
  readonly path: string;
  /** `write`: we change it, nobody may read or write it. `read`: we read it, nobody may change it. */
  readonly use: 'read' | 'write';
}

export interface HeldLocks {
  readonly held: true;
  /** Is this very file, by device and inode, one of those that are locked? */
  cover(file: Pick<FileIdentity, 'dev' | 'ino'>): boolean;
  release(): Promise<void>;
}

export interface LockConflict {
  readonly held: false;
  readonly path: string;
  readonly holders: readonly Holder[];
}

export interface Holder {
  readonly pid: number | null;
  /** Command name, as far as it can be seen. */
  readonly program: string;
  /** `chainfold lock`, `QEMU write permission`, … */
  readonly how: string;
  /** It has the file open for writing, or lets others write through it. */
  readonly writes: boolean;
  readonly path: string;
}

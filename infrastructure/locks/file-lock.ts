import { constants } from 'node:os';
import { type FileStat, FileSystemFault } from '#application/ports/file-system';
import type { FileToLock } from '#application/ports/image-lock';
import { nodeFileCalls } from '../file-system/file-calls.js';
import { examineDescriptor, type ExaminedFile } from '../file-system/examined-file.js';
import { hasMandatoryLocks } from '../file-system/file-system-type.js';
import type { NativeCalls } from '../file-system/native-calls.js';
import { openRegularFile } from '../file-system/regular-file.js';
import { BYTES_AGAINST_US, BYTES_WE_HOLD } from './image-lock-bytes.js';

/**
 * Files that this process has locked, by device and inode, and how: two runs in one process exclude each other on any host.
 * A number counts those that read.
 */
const lockedHere = new Map<string, 'written' | number>();

/**
 * The locks of one file, on a descriptor of their own that nothing is read or written through: they belong to that open file, so that
 * neither closing another descriptor of the file nor a child process can lose or keep them, and the kernel drops them when we are killed.
 */
export class FileLock {
  readonly path: string;
  readonly use: FileToLock['use'];
  /** Device and inode: one file, by whatever name. */
  readonly key: string;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly #fd: number;
  readonly #native: NativeCalls | null;
  #reserved = false;
  #released: Promise<void> | null = null;

  private constructor({ path, use }: FileToLock, fd: number, stat: FileStat, native: NativeCalls | null) {
    this.path = path;
    this.use = use;
    this.key = `${stat.dev}:${stat.ino}`;
    this.dev = BigInt(stat.dev);
    this.ino = BigInt(stat.ino);
    this.#fd = fd;
    this.#native = native;
  }

  /** Takes nothing yet. Throws `access-denied` or `read-only` when a file to write may not be written. */
  static async open(file: FileToLock, native: NativeCalls | null): Promise<FileLock> {
    const { fd, stat } = await openRegularFile(file.path, file.use === 'write' ? 'read-write' : 'read');
    try {
      // There a lock would stop our own reads and writes, and bytes 100 to 203 lie in a VHD's footer.
      const usable = native !== null && !(await hasMandatoryLocks(file.path));
      return new FileLock(file, fd, stat, usable ? native : null);
    } catch (error) {
      await nodeFileCalls.close(fd);
      throw error;
    }
  }

  /** Keeps other runs of this process off the file, as `takeWhole` does other processes; false when one has it. */
  reserve(): boolean {
    const now = lockedHere.get(this.key);
    if (now === 'written' || (now !== undefined && this.use === 'write')) return false;
    lockedHere.set(this.key, this.use === 'write' ? 'written' : (now ?? 0) + 1);
    this.#reserved = true;
    return true;
  }

  /**
   * The lock that one chainfold has to write the file, and any number to read it; false when another has it the wrong way. Merges
   * of linked clones read one base at the same time, while two merges of one chain both want its destination: one of them gets it.
   */
  takeWhole(): boolean {
    if (this.#native === null) return true;
    return this.#isTaken(this.#native.flock(this.#fd, this.use === 'write' ? 'exclusive' : 'shared'), 'flock');
  }

  /** Takes QEMU's bytes; the first that could not be had, or null. */
  byteThatCannotBeHad(): number | null {
    const native = this.#native;
    if (native === null) return null;
    const taken = (byte: number): boolean =>
      this.#isTaken(native.setByteLock(this.#fd, byte, 'shared'), `lock of byte ${String(byte)}`);
    return BYTES_WE_HOLD[this.use].find((byte) => !taken(byte)) ?? null;
  }

  /** The bytes that others hold and that we cannot bear. */
  bytesAgainstUs(): readonly number[] {
    const native = this.#native;
    if (native === null) return [];
    return BYTES_AGAINST_US[this.use].filter((byte) => native.byteIsLockedByOthers(this.#fd, byte));
  }

  examine(): Promise<ExaminedFile> {
    return examineDescriptor(this.path, this.#fd);
  }

  /**
   * Unlocked first: a process that is being started has a copy of the descriptor for a moment, and closing ours would not end the locks.
   * A second call waits for the first.
   */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    for (const byte of BYTES_WE_HOLD[this.use]) this.#native?.setByteLock(this.#fd, byte, 'none');
    this.#native?.flock(this.#fd, 'unlock');
    if (this.#reserved) this.#giveBack();
    await nodeFileCalls.close(this.#fd);
  }

  #giveBack(): void {
    const now = lockedHere.get(this.key);
    if (typeof now === 'number' && now > 1) lockedHere.set(this.key, now - 1);
    else lockedHere.delete(this.key);
  }

  #isTaken(errno: number, what: string): boolean {
    const { EWOULDBLOCK, EAGAIN, EACCES } = constants.errno;
    if (errno === 0) return true;
    if (errno === EWOULDBLOCK || errno === EAGAIN || errno === EACCES) return false;
    const cause = new Error(`${what}: ${nameOf(errno)}; this file system cannot lock, and unlocked it is not safe`);
    throw new FileSystemFault('io', 'lock', this.path, { cause });
  }
}

/** From the C library's table: libuv has no name for some of these, ENOLCK for one. */
const nameOf = (errno: number): string =>
  Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${String(errno)}`;

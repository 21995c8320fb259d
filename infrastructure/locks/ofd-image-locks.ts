import type { FileToLock, HeldLocks, Holder, ImageLocks, LockConflict } from '#application/ports/image-lock';
import { hasMandatoryLocks } from '../file-system/file-system-type.js';
import { loopDevicesOn } from '../file-system/loop-devices.js';
import { loadNativeCalls, type NativeLoad } from '../file-system/native-calls.js';
import { examineFile, type ExaminedFile, programOf } from '../file-system/proc-files.js';
import { type FileHolder, holderOf, otherHoldersOf, wholeLockHoldersOf } from './file-holders.js';
import { FileLock } from './file-lock.js';
import { wordsForBytes } from './image-lock-bytes.js';
import type { KernelLock } from './kernel-lock.js';

/**
 * Locks on the images themselves, for the life of this process and no longer.
 *
 * - One chainfold at a time: an exclusive flock(2) on every file of the chain.
 * - QEMU stays out, and is seen: its own byte locks are taken, as locks of the open file (OFD).
 * - All or nothing, in the order of device and inode, given back in the opposite one: when several want the same files, whoever has the
 *   first gets all of them.
 * - Ours first, then the look at others.
 *
 * Without koffi, off Linux and on SMB nothing is locked against other processes: `missingProtection` says so. A lock file would be worse
 * than nothing: it outlives a killed process, and nobody else heeds it.
 */
export class OfdImageLocks implements ImageLocks {
  readonly #native: () => Promise<NativeLoad>;

  constructor(native: () => Promise<NativeLoad> = loadNativeCalls) {
    this.#native = native;
  }

  async lockAll(files: readonly FileToLock[]): Promise<HeldLocks | LockConflict> {
    const { calls } = await this.#native();
    const locks: FileLock[] = [];
    try {
      for (const file of files.toSorted(writesFirst)) {
        const lock = await FileLock.open(file, calls);
        if (locks.some(({ key }) => key === lock.key)) await lock.release();
        else locks.push(lock);
      }
      locks.sort(byDeviceAndInode);
      const conflict = takeOrConflict(locks);
      if (conflict === null) return { held: true, release: () => releaseAll(locks) };
      const file = await conflict.lock.examine();
      await releaseAll(locks);
      return { held: false, path: conflict.lock.path, holders: await holdersIn(conflict, file) };
    } catch (error) {
      await releaseAll(locks);
      throw error;
    }
  }

  async holdersOf(paths: readonly string[]): Promise<readonly Holder[]> {
    const holders: Holder[] = [];
    for (const path of new Set(paths)) holders.push(...(await this.#holdersOf(path)));
    return holders;
  }

  async #holdersOf(path: string): Promise<readonly Holder[]> {
    const file = await examineFile(path);
    if (file === null) return [];
    const processes = (await otherHoldersOf(file)).map((holder) => holderOf(path, holder));
    const devices = (await loopDevicesOn(file)).map(({ device, mountedAt }): Holder => {
      const where = mountedAt.length === 0 ? '' : `, mounted at ${mountedAt.join(' and ')}`;
      return { pid: null, program: device, how: `loop device over the file${where}`, writes: true, path };
    });
    return [...processes, ...devices];
  }

  async missingProtection(paths: readonly string[] = []): Promise<readonly string[]> {
    const { missing } = await this.#native();
    if (missing !== null) {
      return [
        `Images are not locked against other programs: ${missing}. Another chainfold or QEMU could change them during a merge, and an image that is in use is not noticed.`,
      ];
    }
    const unlocked: string[] = [];
    for (const path of paths) if (await hasMandatoryLocks(path)) unlocked.push(path);
    return unlocked.map(
      (path) =>
        `${path} lies on an SMB share, where a lock would stop our own writes: it is not locked against other programs.`,
    );
  }
}

/** A file that is asked for both ways is one to write. */
const writesFirst = (a: FileToLock, b: FileToLock): number => Number(b.use === 'write') - Number(a.use === 'write');

const byDeviceAndInode = (a: FileLock, b: FileLock): number => compare(a.dev, b.dev) || compare(a.ino, b.ino);

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b));

/** The last first: while the first is still held, nobody else comes far enough to be refused one of the others. */
const releaseAll = async (locks: readonly FileLock[]): Promise<void> => {
  const outcomes = await Promise.allSettled(locks.toReversed().map((lock) => lock.release()));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
};

interface Conflict {
  readonly lock: FileLock;
  /** Who has what is in our way. Empty when nobody can be seen; null when it is this very process. */
  readonly by: ((file: ExaminedFile) => readonly FileHolder[] | Promise<readonly FileHolder[]>) | null;
  /** What can be said in either case. */
  readonly how: string;
}

/** Never waits, and lets no other run of this process in between. What it took on the way to a conflict is for the caller to release. */
const takeOrConflict = (locks: readonly FileLock[]): Conflict | null => {
  for (const lock of locks) {
    if (!lock.reserve()) return { lock, by: null, how: 'chainfold lock, in this very process' };
  }
  for (const lock of locks) {
    if (!lock.takeWhole()) return { lock, by: wholeLockHoldersOf, how: 'chainfold lock' };
  }
  for (const lock of locks) {
    const byte = lock.byteThatCannotBeHad();
    if (byte !== null) return { lock, by: holdsAnyOf([byte]), how: `exclusive lock on byte ${String(byte)}` };
  }
  for (const lock of locks) {
    const bytes = lock.bytesAgainstUs();
    if (bytes.length > 0) return { lock, by: holdsAnyOf(bytes), how: wordsForBytes(new Set(bytes)).join(', ') };
  }
  return null;
};

const holdsAnyOf =
  (bytes: readonly number[]) =>
  async (file: ExaminedFile): Promise<readonly FileHolder[]> => {
    const covers = ({ kind, start, end }: KernelLock): boolean =>
      kind === 'bytes' && bytes.some((byte) => start <= byte && byte <= end);
    return (await otherHoldersOf(file)).filter(({ locks }) => locks.some(covers));
  };

const holdersIn = async ({ lock: { path }, by, how }: Conflict, file: ExaminedFile): Promise<readonly Holder[]> => {
  if (by === null) return [{ pid: process.pid, program: programOf(process.pid), how, writes: true, path }];
  const holders = await by(file);
  return holders.length > 0
    ? holders.map((holder) => holderOf(path, holder))
    : [{ pid: null, program: 'unknown', how, writes: true, path }];
};

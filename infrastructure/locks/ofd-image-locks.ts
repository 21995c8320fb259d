import type { FileToLock, HeldLocks, Holder, ImageLocks, LockConflict } from '#application/ports/image-lock';
import { examineFile, type ExaminedFile } from '../file-system/examined-file.js';
import { loopDevices } from '../file-system/loop-devices.js';
import { mountTable } from '../file-system/mount-table.js';
import { loadNativeCalls, type NativeLoad } from '../file-system/native-calls.js';
import { programOf } from '../file-system/proc-files.js';
import { swapFiles } from '../file-system/swap-files.js';
import { type FileHolder, otherHoldersOf, wholeLockHoldersOf } from './file-holders.js';
import { FileLock } from './file-lock.js';
import { holderOf, holderOfLoop, holderOfSwap } from './holder-words.js';
import { wordsForBytes } from './image-lock-bytes.js';
import type { KernelLock } from './kernel-lock.js';
import { missingOnThisHost, unseenHolders } from './missing-protection.js';

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
      if (conflict === null) {
        const keys = new Set(locks.map(({ key }) => key));
        return { held: true, cover: ({ dev, ino }) => keys.has(`${dev}:${ino}`), release: () => releaseAll(locks) };
      }
      const file = await conflict.lock.examine();
      await releaseAll(locks);
      return { held: false, path: conflict.lock.path, holders: await holdersIn(conflict, file) };
    } catch (error) {
      await releaseAll(locks);
      throw error;
    }
  }

  async holdersOf(paths: readonly string[]): Promise<readonly Holder[]> {
    const mounts = mountTable();
    const files: ExaminedFile[] = [];
    for (const path of new Set(paths)) {
      const file = await examineFile(path, mounts);
      if (file !== null) files.push(file);
    }
    if (files.length === 0) return [];
    const processes = (await otherHoldersOf(files)).map(holderOf);
    const [devices, swap] = [await loopDevices(), await swapFiles()];
    const kernels = files.flatMap((file) => [
      ...devices.filter((device) => isSame(device.file, file)).map((device) => holderOfLoop(device, file.path)),
      ...(swap.some((one) => isSame(one, file)) ? [holderOfSwap(file.path)] : []),
    ]);
    return [...processes, ...kernels];
  }

  async missingProtection(paths?: readonly string[]): Promise<readonly string[]> {
    const { missing } = await this.#native();
    const ofHost = missingOnThisHost(missing);
    return paths === undefined ? ofHost : [...ofHost, ...(await unseenHolders(paths))];
  }
}

const isSame = (one: Pick<ExaminedFile, 'dev' | 'ino'> | null, other: ExaminedFile): boolean =>
  one !== null && one.dev === other.dev && one.ino === other.ino;

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
    return (await otherHoldersOf([file])).filter(({ locks }) => locks.some(covers));
  };

const holdersIn = async ({ lock: { path }, by, how }: Conflict, file: ExaminedFile): Promise<readonly Holder[]> => {
  if (by === null) return [{ pid: process.pid, program: programOf(process.pid), how, writes: true, path }];
  const holders = await by(file);
  return holders.length > 0 ? holders.map(holderOf) : [{ pid: null, program: 'unknown', how, writes: true, path }];
};

import type { Holder } from '#application/ports/image-lock';
import {
  descriptorsOf,
  type ExaminedFile,
  kernelLockLines,
  programOf,
  type SeenDescriptor,
} from '../file-system/proc-files.js';
import { isOnImageLockBytes, RESIZES, wordsForBytes, WRITES } from './image-lock-bytes.js';
import { type KernelLock, kernelLockOf } from './kernel-lock.js';

/** Another process, or a lock whose owner cannot be seen, and all that can be seen of what it has of a file. */
export interface FileHolder {
  readonly pid: number | null;
  readonly access: 'reading' | 'writing' | null;
  readonly locks: readonly KernelLock[];
}

/**
 * Everybody else who has the file open or locked. A lock of an open file does not name its process, so locks are looked for at the
 * descriptors; those that no visible descriptor has (another user's process, another PID name space) are told without a process.
 */
export const otherHoldersOf = async (file: ExaminedFile): Promise<readonly FileHolder[]> => {
  const descriptors = await descriptorsOf(file);
  const processes = byProcess(descriptors.filter(({ pid }) => pid !== process.pid));
  const seen = [...processes].map(([pid, ofProcess]): FileHolder => ({
    pid,
    access: ofProcess.some(({ access }) => access === 'writing') ? 'writing' : 'reading',
    locks: ofProcess.flatMap(locksAt),
  }));
  return [...seen, ...hiddenHolders(file, descriptors.flatMap(locksAt))];
};

/** Whoever has the whole-file lock: the kernel names its process, so nobody's descriptors need be looked at. Milliseconds. */
export const wholeLockHoldersOf = (file: ExaminedFile): readonly FileHolder[] =>
  kernelLocksOf(file)
    .filter(({ kind, pid }) => kind === 'flock' && pid !== null && pid !== process.pid)
    .map((lock) => ({ pid: lock.pid, access: null, locks: [lock] }));

const kernelLocksOf = (file: ExaminedFile): readonly KernelLock[] =>
  kernelLockLines()
    .map(kernelLockOf)
    .filter((lock) => lock !== null)
    .filter((lock) => lock.file === file.lockedAs);

const locksAt = ({ lockLines }: SeenDescriptor): readonly KernelLock[] =>
  lockLines.map(kernelLockOf).filter((lock) => lock !== null);

/** The locks of the file that are left when those at visible descriptors are taken away, one by one: equal lines are different locks. */
const hiddenHolders = (file: ExaminedFile, visible: readonly KernelLock[]): readonly FileHolder[] => {
  const texts = visible.map(({ text }) => text);
  const hidden = kernelLocksOf(file).filter(({ text, pid }) => {
    const at = texts.indexOf(text);
    if (at >= 0) texts.splice(at, 1);
    return at < 0 && pid !== process.pid;
  });
  return [...byProcess(hidden)].map(([pid, locks]) => ({ pid, access: null, locks }));
};

const byProcess = <T extends { readonly pid: number | null }>(
  things: readonly T[],
): ReadonlyMap<T['pid'], readonly T[]> => {
  const groups = new Map<T['pid'], T[]>();
  for (const thing of things) {
    const group = groups.get(thing.pid);
    if (group === undefined) groups.set(thing.pid, [thing]);
    else group.push(thing);
  }
  return groups;
};

export const holderOf = (path: string, holder: FileHolder): Holder => {
  const program = holder.pid === null ? 'unknown' : programOf(holder.pid);
  return { pid: holder.pid, program, how: wordsFor(holder, program).join(', '), writes: mayWrite(holder), path };
};

/** What an open file says counts; of a lock without one, what only writers hold. */
const mayWrite = ({ access, locks }: FileHolder): boolean =>
  access === null ? locks.some((lock) => lock.exclusive || wantsToWrite(lock)) : access === 'writing';

const wantsToWrite = (lock: KernelLock): boolean =>
  isOnImageLockBytes(lock) && bytesIn(lock).some((byte) => byte === WRITES || byte === RESIZES);

const wordsFor = ({ access, locks }: FileHolder, program: string): readonly string[] => {
  const flock = locks.find(({ kind }) => kind === 'flock');
  const ranges = locks.filter(({ kind }) => kind === 'bytes');
  const ofQemu = new Set(ranges.filter(isOnImageLockBytes).flatMap(bytesIn));
  // QEMU takes no flock: who has both is one of us, and what the bytes say follows from that.
  if (flock !== undefined && (ofQemu.size > 0 || mayBeChainfold(program))) return ['chainfold lock'];
  const words = [
    ...(flock === undefined ? [] : [`${flock.exclusive ? 'exclusive' : 'shared'} lock (flock)`]),
    ...wordsForBytes(ofQemu),
    ...ranges.filter((lock) => !isOnImageLockBytes(lock)).map(wordsForRange),
  ];
  return words.length > 0 ? words : [`has it open for ${access ?? 'an unknown use'}`];
};

const mayBeChainfold = (program: string): boolean => /chainfold|^(node|bun|deno)\b|^unknown$/.test(program);

const wordsForRange = ({ exclusive, start, end }: KernelLock): string =>
  `${exclusive ? 'exclusive' : 'shared'} lock on bytes ${String(start)} to ${end === Infinity ? 'the end' : String(end)}`;

/** The kernel joins neighbouring bytes of one owner: 100 and 101 are one line. */
const bytesIn = ({ start, end }: KernelLock): readonly number[] =>
  Array.from({ length: end - start + 1 }, (_, nth) => start + nth);

import type { ExaminedFile } from '../file-system/examined-file.js';
import { kernelLockLines } from '../file-system/proc-files.js';
import { type SeenUse, usesOf } from '../file-system/uses-of-files.js';
import { type KernelLock, kernelLockOf } from './kernel-lock.js';

/** Another process, or a lock whose owner cannot be seen, and all that can be seen of what it has of a file. */
export interface FileHolder {
  readonly file: ExaminedFile;
  readonly pid: number | null;
  /** Null when only a lock is seen. */
  readonly access: 'reading' | 'writing' | null;
  /** It has the file in its memory, and no descriptor of it. */
  readonly mappedOnly: boolean;
  readonly locks: readonly KernelLock[];
}

/**
 * Everybody else who has any of the files open, mapped or locked. A lock of an open file does not name its process, so locks are looked
 * for at the descriptors; those that no visible descriptor has (another user's process, another PID name space) are told without a process.
 */
export const otherHoldersOf = async (files: readonly ExaminedFile[]): Promise<readonly FileHolder[]> => {
  const uses = groupedBy(await usesOf(files), ({ file }) => file);
  const locks = locksByFile();
  return files.flatMap((file) => {
    const ofFile = uses.get(file) ?? [];
    const others = groupedBy(
      ofFile.filter(({ pid }) => pid !== process.pid),
      ({ pid }) => pid,
    );
    const visible = ofFile.flatMap(locksAt);
    return [
      ...[...others.values()].map(holderSeen),
      ...hiddenHolders(file, locks.get(file.lockedAs ?? '') ?? [], visible),
    ];
  });
};

/** Whoever has the whole-file lock: the kernel names its process, so nobody's descriptors need be looked at. Milliseconds. */
export const wholeLockHoldersOf = (file: ExaminedFile): readonly FileHolder[] =>
  (locksByFile().get(file.lockedAs ?? '') ?? [])
    .filter(({ kind, pid }) => kind === 'flock' && pid !== null && pid !== process.pid)
    .map((lock) => ({ file, pid: lock.pid, access: null, mappedOnly: false, locks: [lock] }));

/** Of one process and one file. */
const holderSeen = (uses: readonly SeenUse[]): FileHolder => ({
  file: uses[0]!.file,
  pid: uses[0]!.pid,
  access: uses.some(({ access }) => access === 'writing') ? 'writing' : 'reading',
  mappedOnly: uses.every(({ by }) => by === 'mapping'),
  locks: uses.flatMap(locksAt),
});

/** The kernel's table, read once. */
const locksByFile = (): ReadonlyMap<string, readonly KernelLock[]> =>
  groupedBy(
    kernelLockLines()
      .map(kernelLockOf)
      .filter((lock) => lock !== null),
    ({ file }) => file,
  );

const locksAt = ({ lockLines }: SeenUse): readonly KernelLock[] =>
  lockLines.map(kernelLockOf).filter((lock) => lock !== null);

/** The locks of the file that are left when those at visible descriptors are taken away, one by one: equal lines are different locks. */
const hiddenHolders = (
  file: ExaminedFile,
  all: readonly KernelLock[],
  visible: readonly KernelLock[],
): readonly FileHolder[] => {
  const texts = visible.map(({ text }) => text);
  const hidden = all.filter(({ text, pid }) => {
    const at = texts.indexOf(text);
    if (at >= 0) texts.splice(at, 1);
    return at < 0 && pid !== process.pid;
  });
  return [...groupedBy(hidden, ({ pid }) => pid)].map(([pid, locks]) => ({
    file,
    pid,
    access: null,
    mappedOnly: false,
    locks,
  }));
};

const groupedBy = <T, K>(things: readonly T[], keyOf: (thing: T) => K): ReadonlyMap<K, readonly T[]> => {
  const groups = new Map<K, T[]>();
  for (const thing of things) {
    const group = groups.get(keyOf(thing));
    if (group === undefined) groups.set(keyOf(thing), [thing]);
    else group.push(thing);
  }
  return groups;
};

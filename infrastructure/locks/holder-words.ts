import type { Holder } from '#application/ports/image-lock';
import type { LoopDevice } from '../file-system/loop-devices.js';
import { programOf, userIdOf, userName } from '../file-system/proc-files.js';
import type { FileHolder } from './file-holders.js';
import { isOnImageLockBytes, RESIZES, wordsForBytes, WRITES } from './image-lock-bytes.js';
import type { KernelLock } from './kernel-lock.js';

/** A holder as people are told of it: which program, whose, and what it does with the file. */
export const holderOf = (holder: FileHolder): Holder => {
  const { pid, file } = holder;
  const program = pid === null ? 'unknown' : programOf(pid);
  const how = [...wordsFor(holder, program), ...userOf(pid)].join(', ');
  return { pid, program, how, writes: mayWrite(holder), path: file.path };
};

/** A loop device that cannot be written reads what is below it, as a process does. */
export const holderOfLoop = ({ device, readOnly, under, mountedAt }: LoopDevice, path: string): Holder => {
  const words = [
    `${readOnly ? 'read-only ' : ''}loop device over the file`,
    ...(under.length === 0 ? [] : [`under ${under.join(' and ')}`]),
    ...(mountedAt.length === 0 ? [] : [`mounted at ${mountedAt.join(' and ')}`]),
  ];
  return { pid: null, program: device, how: words.join(', '), writes: !readOnly, path };
};

export const holderOfSwap = (path: string): Holder => ({
  pid: null,
  program: 'the kernel',
  how: 'swaps to the file',
  writes: true,
  path,
});

/** Said only when it is somebody else: then it explains why this user cannot end the program. */
const userOf = (pid: number | null): readonly string[] => {
  const user = pid === null ? null : userIdOf(pid);
  return user === null || user === process.geteuid?.() ? [] : [`user ${userName(user)}`];
};

/** What an open file says counts; of a lock without one, what only writers hold. */
const mayWrite = ({ access, locks }: FileHolder): boolean =>
  access === null ? locks.some((lock) => lock.exclusive || wantsToWrite(lock)) : access === 'writing';

const wantsToWrite = (lock: KernelLock): boolean =>
  isOnImageLockBytes(lock) && bytesIn(lock).some((byte) => byte === WRITES || byte === RESIZES);

const wordsFor = ({ access, mappedOnly, locks }: FileHolder, program: string): readonly string[] => {
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
  if (words.length > 0) return words;
  return [`has it ${mappedOnly ? 'mapped' : 'open'} for ${access ?? 'an unknown use'}`];
};

const mayBeChainfold = (program: string): boolean => /chainfold|^(node|bun|deno)\b|^unknown$/.test(program);

const wordsForRange = ({ exclusive, start, end }: KernelLock): string =>
  `${exclusive ? 'exclusive' : 'shared'} lock on bytes ${String(start)} to ${end === Infinity ? 'the end' : String(end)}`;

/** The kernel joins neighbouring bytes of one owner: 100 and 101 are one line. */
const bytesIn = ({ start, end }: KernelLock): readonly number[] =>
  Array.from({ length: end - start + 1 }, (_, nth) => start + nth);

import type { FileToLock } from '#application/ports/image-lock';

/**
 * QEMU's image locks (`block/file-posix.c`): shared locks on single bytes. Byte 100 + i says "I use permission i", byte 200 + i "I do not
 * share permission i with others". Of i, 1 is writing and 3 resizing; 0 is reading, 2 (writing what is there already) harms nobody.
 * Nobody locks them exclusively: who wants to know asks whether an exclusive lock would be possible.
 */
export const READS = 100;
export const WRITES = 101;
export const RESIZES = 103;
export const SHARES_NO_WRITING = 201;
export const SHARES_NO_RESIZING = 203;

type Use = FileToLock['use'];

/** What we hold, so that QEMU refuses to do to the file what we could not bear: on a file that we write this is what its own writer holds. */
export const BYTES_WE_HOLD: Readonly<Record<Use, readonly number[]>> = {
  write: [READS, WRITES, RESIZES, SHARES_NO_WRITING, SHARES_NO_RESIZING],
  read: [READS, SHARES_NO_WRITING, SHARES_NO_RESIZING],
};

/**
 * What nobody else may hold. Somebody who writes disturbs a reader; a writer is disturbed by those, too, who rely on the file not being
 * changed: a running child. Byte 100 alone is a reader that bears everything (`qemu-io -U`).
 */
export const BYTES_AGAINST_US: Readonly<Record<Use, readonly number[]>> = {
  write: [WRITES, RESIZES, SHARES_NO_WRITING, SHARES_NO_RESIZING],
  read: [WRITES, RESIZES],
};

/** What the holder of these bytes does, for people: the strongest of each kind. */
export const wordsForBytes = (held: ReadonlySet<number>): readonly string[] => {
  const words: string[] = [];
  if (held.has(WRITES)) words.push('QEMU write permission');
  else if (held.has(RESIZES)) words.push('QEMU resize permission');
  else if (held.has(READS)) words.push('QEMU read permission');
  if (held.has(SHARES_NO_WRITING)) words.push('does not share writing');
  else if (held.has(SHARES_NO_RESIZING)) words.push('does not share resizing');
  return words;
};

export const isOnImageLockBytes = ({ start, end }: { readonly start: number; readonly end: number }): boolean =>
  start >= READS && end <= SHARES_NO_RESIZING;

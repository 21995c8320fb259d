import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FileCalls } from './file-calls.js';
import type { NativeCalls } from './native-calls.js';

/** Pages stay for a moment when another thread has them in hand (read-ahead, write-back, another reader). */
const TRIES = 4;
const PAUSE_MS = 5;

/**
 * Drops a flushed file's pages and proves that they are gone: `dropped` means that the next read comes from below this host's page cache.
 * What cannot be proved is `kept`: no native calls, a file system that is memory itself (tmpfs), one whose cache cannot be seen (ZFS,
 * FUSE with direct I/O), pages that a program holds mapped.
 *
 * No list of file systems decides, because an overlay may lie on either kind. A byte is read, and the page that this brings must be seen
 * before an answer "no pages" is believed: on an overlay cachestat(2) says 0 of pages that are there (measured), and mincore(2) sees them.
 * Between a network file system's server and its disk nothing is known; there it is our own cache that is dropped.
 */
export const dropCachedPages = async (
  native: NativeCalls | null,
  calls: FileCalls,
  fd: number,
  sizeBytes: number,
): Promise<'dropped' | 'kept'> => {
  if (native === null) return 'kept';
  await calls.read(fd, new Uint8Array(1), 0, 1, 0);
  const anyCached = seeingProbe(native, fd, sizeBytes);
  if (anyCached === null) return sizeBytes === 0 ? 'dropped' : 'kept';
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) await sleep(PAUSE_MS);
    if ((await native.dropPages(fd)) !== 0) return 'kept';
    if (!(await anyCached())) return 'dropped';
  }
  return 'kept';
};

/** cachestat takes microseconds at any size; mincore 10 ms for each GiB of the file. Null: neither sees the page that was just read. */
const seeingProbe = (native: NativeCalls, fd: number, sizeBytes: number): (() => Promise<boolean>) | null => {
  if ((native.cachedPages(fd) ?? 0) > 0) return async () => native.cachedPages(fd) !== 0;
  if (sizeBytes > 0 && native.anyPageResident(fd, 0, 1) === true) return () => anyResident(native, fd, sizeBytes);
  return null;
};

const WINDOW_BYTES = 256 * 1024 * 1024;

const anyResident = async (native: NativeCalls, fd: number, sizeBytes: number): Promise<boolean> => {
  for (let offset = 0; offset < sizeBytes; offset += WINDOW_BYTES) {
    if (native.anyPageResident(fd, offset, Math.min(WINDOW_BYTES, sizeBytes - offset)) !== false) return true;
    await nextTurn();
  }
  return false;
};

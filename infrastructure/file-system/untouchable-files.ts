import { statSync } from 'node:fs';
import { faultOf } from './system-fault.js';

/**
 * Files of another library in this process that nobody else in it may open, not even to read: POSIX takes all locks of a process
 * off a file when any of its descriptors of that file is closed. An SQLite journal that lies among the images would lose its locks to the
 * search for siblings; the next process would then take the write-ahead log away from under it, and what is appended after
 * that is lost (seen).
 */
const databases = new Map<string, number>();

/** What SQLite keeps beside a database, and locks as well: sqlite.org/tempfiles.html. */
const ENDINGS = ['', '-wal', '-shm', '-journal'];

/** Until the function that it returns is called. The path is absolute. */
export const keepHandsOff = (databasePath: string): (() => void) => {
  databases.set(databasePath, (databases.get(databasePath) ?? 0) + 1);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    const left = (databases.get(databasePath) ?? 1) - 1;
    if (left === 0) databases.delete(databasePath);
    else databases.set(databasePath, left);
  };
};

/** By device and inode, looked up anew: a log comes and goes, and a file has many names. */
export const isUntouchable = (file: { readonly dev: string; readonly ino: string }): boolean =>
  [...databases.keys()].some((path) =>
    ENDINGS.some((ending) => keyOf(`${path}${ending}`) === `${file.dev}:${file.ino}`),
  );

const keyOf = (path: string): string | null => {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? null : `${String(stat.dev)}:${String(stat.ino)}`;
  } catch (error) {
    throw faultOf('look at', path, error);
  }
};

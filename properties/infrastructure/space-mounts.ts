/** File systems of a size that a test chooses, and what it puts there. They need root and Linux. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';

/** Null when file systems can be mounted here, else why not. */
export const noMountsHere = (): string | null => {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'mounting needs root';
  try {
    withTmpfs(1 << 20, () => undefined);
    return null;
  } catch (error) {
    return `tmpfs cannot be mounted: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** `describe` for tests that mount; where that cannot be done, a skipped test that says what was left out. */
export const describeWithMounts = (title: string, tests: () => void): void => {
  const reason = noMountsHere();
  describe(title, () => {
    if (reason === null) tests();
    else {
      console.warn(`left out: ${title}: ${reason}`);
      test.skip(`left out: ${reason}`);
    }
  });
};

/** A file system in memory with room for so many bytes, gone when `work` has ended. */
export const withTmpfs = <T>(sizeBytes: number, work: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'chainfold-mount-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(sizeBytes)},mode=0755`, 'tmpfs', folder]);
  return ending(
    () => work(folder),
    () => {
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
    },
  );
};

/** An ext4 of this size, in a loop device. */
export const withExt4 = <T>(sizeBytes: number, work: (folder: string) => T): T =>
  withThinExt4(sizeBytes, sizeBytes + (8 << 20), work);

/**
 * An ext4 in a loop device over a sparse file of `sizeBytes`, which lies on a file system with room for `thinBytes` only: thin
 * storage. `below` is the folder of that file system.
 */
export const withThinExt4 = <T>(sizeBytes: number, thinBytes: number, work: (folder: string, below: string) => T): T =>
  withTmpfs(thinBytes, (below) => {
    const [disk, folder] = [join(below, 'thin'), join(below, 'mounted')];
    writeFileSync(disk, '');
    truncateSync(disk, sizeBytes);
    execFileSync('mkfs.ext4', ['-q', '-E', 'nodiscard,lazy_itable_init=1', disk]);
    mkdirSync(folder);
    execFileSync('mount', ['-o', 'loop', disk, folder]);
    return ending(
      () => work(folder, below),
      () => {
        execFileSync('umount', ['-l', folder]);
      },
    );
  });

const ending = <T>(work: () => T, end: () => void): T => {
  let result: T;
  try {
    result = work();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) return result.finally(end) as T;
  end();
  return result;
};

export const freeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** Fills the file system up until so many bytes are free, or fewer by `toleranceBytes`: ext4 needs some for the filler's own maps. */
export const fillUp = (folder: string, leftBytes: number, toleranceBytes = 0): string => {
  const filler = join(folder, 'filler');
  rmSync(filler, { force: true });
  const bytes = freeBytes(folder) - leftBytes;
  if (bytes < 0) throw new Error(`${folder} has less than ${String(leftBytes)} bytes free`);
  if (bytes > 0) execFileSync('fallocate', ['-l', String(bytes), filler]);
  const left = freeBytes(folder);
  if (left > leftBytes || left < leftBytes - toleranceBytes) throw new Error(`${String(left)} bytes are free`);
  return filler;
};

export const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

export const allocatedBytes = (path: string): number => statSync(path).blocks * 512;

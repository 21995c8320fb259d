import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { FileToLock, HeldLocks, LockConflict } from '../../application/ports/image-lock.js';
import { OfdImageLocks } from '../../infrastructure/locks/ofd-image-locks.js';
import { scratchFolder } from '../models/scratch-folder.js';

export const toWrite = (path: string): FileToLock => ({ path, use: 'write' });
export const toRead = (path: string): FileToLock => ({ path, use: 'read' });

/** Files to lock, and locks that are given back after each test. To be called where tests are described. */
export const lockedImages = () => {
  const locks = new OfdImageLocks();
  const folder = scratchFolder();
  const held: HeldLocks[] = [];
  let number = 0;
  afterEach(async () => {
    for (const one of held.splice(0)) await one.release();
  });
  return {
    locks,
    folder,
    image: (): string => {
      const path = join(folder(), `image-${String(number++)}`);
      writeFileSync(path, 'x'.repeat(4096));
      return path;
    },
    lock: async (...files: FileToLock[]): Promise<HeldLocks | LockConflict> => {
      const outcome = await locks.lockAll(files);
      if (outcome.held) held.push(outcome);
      return outcome;
    },
  };
};

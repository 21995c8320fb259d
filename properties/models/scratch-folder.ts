import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A folder in memory where there is one: for what makes thousands of files and asks nothing of the disk below them. */
export const folderInMemory = (): string => (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());

/** An empty folder for the tests of the surrounding `describe`, removed after the last of them; ask for its path inside a test. */
export const scratchFolder = (parent: string = tmpdir()): (() => string) => {
  let path: string | undefined;
  beforeAll(() => {
    path = mkdtempSync(join(parent, 'chainfold-'));
  });
  afterAll(() => {
    if (path !== undefined) rmSync(path, { recursive: true });
  });
  return () => {
    if (path === undefined) throw new Error('the scratch folder exists while tests run only');
    return path;
  };
};

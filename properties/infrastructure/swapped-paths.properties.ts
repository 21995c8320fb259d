import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { FileSystemFault } from '../../application/ports/file-system.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { fileStatOf } from '../../infrastructure/file-system/regular-file.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { arenaIn, openedWhileSwapped, whileSwapping, type Opener } from './swapped-paths.js';

const onLinux = process.platform === 'linux';
if (!onLinux) console.warn('left out: paths that are swapped while they are opened: only Linux can pin folders');

const OPENS = 2000;

/** What almost everybody writes: the real path is checked, and the last component guarded. */
const naiveOpen: Opener = async (path) => {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const stat = fileStatOf(path, await handle.stat({ bigint: true }));
    return { stat: () => Promise.resolve(stat), close: () => handle.close() };
  } catch (cause) {
    throw new FileSystemFault('not-found', 'open', path, { cause });
  }
};

describe.runIf(onLinux)('while somebody swaps files and folders for links', () => {
  const scratch = scratchFolder(folderInMemory());

  test('nothing outside the root is ever opened', async () => {
    const arena = arenaIn(scratch());
    const files = new NodeFileSystem();
    const outcomes = await whileSwapping(arena, () =>
      openedWhileSwapped(arena, OPENS, (path) => files.open(path, 'read')),
    );
    expect(outcomes.outside).toBe(0);
    expect(outcomes.inside).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  test('checking the real path and opening it without following a link is not enough: the test would see it', async () => {
    const arena = arenaIn(scratch());
    let outside = 0;
    await whileSwapping(arena, async () => {
      for (let round = 0; round < 50 && outside === 0; round++)
        outside += (await openedWhileSwapped(arena, OPENS / 2, naiveOpen)).outside;
    });
    expect(outside).toBeGreaterThan(0);
  });
});

import { expect, test } from 'vitest';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { arenaIn, openedWhileSwapped, whileSwapping } from './swapped-paths.js';

const OPENS = 100_000;
const scratch = scratchFolder();

test.runIf(process.platform === 'linux')(`of ${String(OPENS)} opens against a swapper none is outside`, async () => {
  const arena = arenaIn(scratch());
  const files = new NodeFileSystem();
  const outcomes = await whileSwapping(arena, () =>
    openedWhileSwapped(arena, OPENS, (path) => files.open(path, 'read')),
  );
  console.log(JSON.stringify(outcomes));
  expect(outcomes.outside).toBe(0);
  expect(outcomes.inside).toBeGreaterThan(0);
  expect(outcomes.refused).toBeGreaterThan(0);
});

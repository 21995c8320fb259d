import { describe, it } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { vhdToKill } from './kill-chain.js';
import { expectSurvivesKills } from './killed-merge.js';

// Starts the built program, CHAINFOLD_BIN.
describe('a merge of 220 MiB that is killed 15 times at random moments', () => {
  const folder = scratchFolder();

  it('goes on each time after the last committed block, and ends with the right disk and a clean audit', async () => {
    await expectSurvivesKills(folder(), vhdToKill(folder()), 15);
  }, 240_000);
});

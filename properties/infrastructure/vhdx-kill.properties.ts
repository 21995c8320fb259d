import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { qemuOrReason } from '../qemu.js';
import { expectSurvivesKills } from './killed-merge.js';
import { vhdxToKill } from './vhdx-kill-chain.js';

// Starts the built program, CHAINFOLD_BIN.
describe('a merge of four VHDX disks, into one that grows, that is killed 15 times at random moments', () => {
  const folder = scratchFolder();

  it('goes on each time, shows through source and child what it showed, and ends with the right disk and a clean audit', async () => {
    const chain = vhdxToKill(folder(), 120, 4);
    await expectSurvivesKills(folder(), chain, 15);
    await chain.expectAtEnd();
    if (typeof qemuOrReason() !== 'string') expect(chain.replayedByQemu()).toBeGreaterThan(0);
  }, 240_000);
});

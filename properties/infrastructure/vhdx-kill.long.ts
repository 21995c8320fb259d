import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { qemuOrReason } from '../qemu.js';
import { expectSurvivesKills } from './killed-merge.js';
import { vhdxToKill } from './vhdx-kill-chain.js';

// Starts the built program, CHAINFOLD_BIN.
describe('a merge of four VHDX disks, into one that grows, that is killed 200 times at random moments', () => {
  const folder = scratchFolder();

  it('goes on each time, shows through source and child what it showed, and ends with the right disk and a clean audit', async () => {
    const chain = vhdxToKill(folder(), 500, 30);
    await expectSurvivesKills(folder(), chain, 200);
    await chain.expectAtEnd();
    if (typeof qemuOrReason() !== 'string') expect(chain.replayedByQemu()).toBeGreaterThan(0);
  });
});

import { describe, it } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { expectSurvivesKills } from './killed-conversion.js';

// Starts the built program, CHAINFOLD_BIN.
describe('a conversion that is killed 40 times at random moments', () => {
  const folder = scratchFolder();

  it('leaves the new disk whole or absent each time, and nothing that stays', async () => {
    await expectSurvivesKills(folder(), 40);
  });
});

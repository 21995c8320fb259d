import { describe, test } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { FORMATS } from './reparent-disks.js';
import { expectSurvivesKills } from './reparent-kill.js';

describe.each(FORMATS)('a re-parenting (%s) by the built program', (format) => {
  const scratch = scratchFolder();

  test('killed forty times at random moments is finished each time, and the child never shows anything else', async () => {
    await expectSurvivesKills(scratch(), format, 40);
  }, 300_000);
});

import { test } from '@fast-check/vitest';
import { describe } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { expectSurvivesPowerLosses, interruptedVhdxMerges } from '../product/interrupted-vhdx-merge.js';

describe('a merge of VHDX that loses its power', () => {
  test.prop([interruptedVhdxMerges()], runs(60, 1000))(
    'anywhere, again and again, shows the source unchanged each time and ends as an uninterrupted one',
    expectSurvivesPowerLosses,
    PATIENCE_MS,
  );
});

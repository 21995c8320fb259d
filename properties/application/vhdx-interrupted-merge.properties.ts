import { test } from '@fast-check/vitest';
import { describe } from 'vitest';
import { expectSurvivesPowerLosses, interruptedVhdxMerges } from '../product/interrupted-vhdx-merge.js';

describe('a merge of VHDX that loses its power', () => {
  test.prop([interruptedVhdxMerges()], { numRuns: 60 })(
    'anywhere, again and again, shows the source unchanged each time and ends as an uninterrupted one',
    expectSurvivesPowerLosses,
    240_000,
  );
});

import { test } from '@fast-check/vitest';
import { describe } from 'vitest';
import { expectSurvivesPowerLosses, interruptedVhdxMerges } from '../product/interrupted-vhdx-merge.js';

describe('merges of VHDX that lose their power', () => {
  test.prop([interruptedVhdxMerges()], { numRuns: 1000 })(
    'anywhere, again and again, show the source unchanged each time and end as uninterrupted ones',
    expectSurvivesPowerLosses,
    3_600_000,
  );
});

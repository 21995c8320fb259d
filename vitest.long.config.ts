import { defineConfig } from 'vitest/config';
import short from './vitest.config.js';

const HOUR_MS = 3_600_000;

/** The big budgets: `npm run test:long`. */
export default defineConfig({
  ...short,
  test: {
    ...short.test,
    include: [
      'properties/**/*.long.ts',
      // The same properties as in `npm test`, tried more often: see properties/budget.ts.
      'properties/application/{,vhdx-}{merge,interrupted-merge}.properties.ts',
      'infrastructure/disk-image/**/*crash.test.ts',
      'properties/infrastructure/disk-image.properties.ts',
      'properties/domain/merge-job.properties.ts',
      'properties/models/plain-vhd{,x}-qemu.test.ts',
      'properties/infrastructure/event-store-kurrentdb.properties.ts',
      'properties/infrastructure/journal-killed.properties.ts',
      'properties/infrastructure/event-store-long-streams.properties.ts',
    ],
    env: { ...short.test?.env, CHAINFOLD_BUDGET: 'long' },
    testTimeout: HOUR_MS,
    hookTimeout: HOUR_MS,
  },
});

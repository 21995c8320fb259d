import { defineConfig } from 'vitest/config';
import short from './vitest.config.js';

const HOUR_MS = 3_600_000;

/** The big budgets: `npm run test:long`. */
export default defineConfig({
  ...short,
  test: { ...short.test, include: ['properties/**/*.long.ts'], testTimeout: HOUR_MS, hookTimeout: HOUR_MS },
});

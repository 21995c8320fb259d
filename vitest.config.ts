import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './vitest.reporter.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** One seed for a whole run, so that one number replays it. */
const seed = process.env.CHAINFOLD_SEED ?? String(randomInt(2 ** 31));

export default defineConfig({
  // "#domain/…" must mean the source. Without this vitest tests the last build, silently.
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'module', 'default'] } },
  test: {
    include: [
      '{domain,application,infrastructure}/**/*.test.ts',
      'properties/**/*.properties.ts',
      'properties/**/*.test.ts',
    ],
    globalSetup: [here('./vitest.global-setup.ts')],
    setupFiles: [here('./vitest.setup.ts')],
    env: {
      CHAINFOLD_SEED: seed,
      /** The built program, for tests that start it. */
      CHAINFOLD_BIN: here('./dist/infrastructure/cli/main.js'),
    },
    // Half of the time tests wait for flushes and for programs that they started, so a core of its own for each worker is too few.
    maxWorkers: Math.max(2, availableParallelism()),
    // No test mocks modules or changes its process, so that each worker loads the product once and not once a file.
    isolate: false,
    reporters: ['default', new ClosingLine(seed)],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      include: ['{domain,application,infrastructure}/**/*.ts', 'index.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'html'],
    },
  },
});

import { randomInt } from 'node:crypto';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './vitest.reporter.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** One seed for a whole run, so that one number replays it. */
const seed = process.env.CHAINFOLD_SEED ?? String(randomInt(2 ** 31));

/** Made by the first test that signs, removed with its folder at the end of the run. */
const keyOfRun = join(tmpdir(), `chainfold-tests-${String(process.pid)}`, 'audit-key.pem');

export default defineConfig({
  // "#domain/…" must mean the source. Without this vitest tests the last build, silently. Not `import`: workers get these as conditions
  // of Node, which would then give an ES module to CommonJS that requires one (pg).
  ssr: { resolve: { conditions: ['source', 'node', 'default'] } },
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
      /** Heads are signed by a key of this run, never by the user's own. */
      CHAINFOLD_KEY: keyOfRun,
      /** The built program, for tests that start it. */
      CHAINFOLD_BIN: here('./dist/program/main.js'),
    },
    // Half of the time tests wait for flushes and for programs that they started, so there is one worker more than cores.
    maxWorkers: availableParallelism() + 1,
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

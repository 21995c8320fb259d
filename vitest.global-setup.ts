import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

/** What a test file says when it, or what it imports, starts the built program. */
const STARTS_THE_PROGRAM = /CHAINFOLD_BIN|built-program|\bdist\//;

export default async function setUp(project: TestProject): Promise<() => void> {
  await buildWhatTestsStart(project);
  const key = project.config.env.CHAINFOLD_KEY;
  return () => {
    if (key !== undefined) rmSync(dirname(key), { recursive: true, force: true });
  };
}

/**
 * Tests that start the built program start the build of today's sources. `npx vitest run FILE` builds too, but only when a file that it
 * runs needs it. CHAINFOLD_NO_BUILD=1 takes dist/ as it is.
 */
const buildWhatTestsStart = async (project: TestProject): Promise<void> => {
  if (process.env.CHAINFOLD_NO_BUILD === '1') return;
  const { testFiles } = await project.globTestFiles(filtersOf(project));
  if (!testFiles.some((file) => STARTS_THE_PROGRAM.test(readFileSync(file, 'utf8')))) return;
  const builder = fileURLToPath(new URL('tools/build.js', import.meta.url));
  const { status } = spawnSync(process.execPath, [builder, '--if-stale'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The build failed, and a test of this run starts the built program.');
};

/** The file names given on the command line. Not in vitest's public types: should it go away, every run counts as a whole one. */
const filtersOf = ({ vitest }: TestProject): string[] | undefined =>
  (vitest as { readonly filenamePattern?: string[] }).filenamePattern?.map((filter) => filter.replace(/:\d+$/, ''));

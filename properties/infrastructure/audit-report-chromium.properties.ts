import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { exported, recordedStory } from './audit-report-files.js';

/** Since this version it has Ed25519. */
const OLDEST = 137;

const run = (...words: readonly string[]): string =>
  execFileSync('chromium', ['--headless', '--no-sandbox', '--disable-gpu', ...words], {
    encoding: 'utf8',
    stdio: 'pipe',
    timeout: 60_000,
  });

/** The version of the chromium on PATH, or a sentence about why it cannot be used. */
const chromiumOrReason = (): number | string => {
  try {
    const version = Number(/Chrom\w+ (\d+)/.exec(run('--version'))?.[1]);
    return version >= OLDEST ? version : `chromium is version ${String(version)}, expected ${String(OLDEST)} or later`;
  } catch (error) {
    return `chromium cannot be run: ${error instanceof Error ? error.message : String(error)}`;
  }
};

describe('the check in a browser', () => {
  const chromium = chromiumOrReason();
  if (typeof chromium === 'string') {
    console.warn(`left out: the check in a browser: ${chromium}`);
    test.skip(`left out: ${chromium}`);
    return;
  }
  const scratch = scratchFolder();

  /** What the button says, with the page opened from its file. */
  const checked = (page: string): string => {
    const path = join(scratch(), 'page.html');
    writeFileSync(path, page);
    const profile = `--user-data-dir=${join(scratch(), 'profile')}`;
    const dom = run('--dump-dom', '--virtual-time-budget=10000', profile, `file://${path}#check`);
    return /data-result="(\w+)"/.exec(dom)?.[1] ?? 'nothing';
  };

  let pages = 0;
  const pageOf = async (story: string): Promise<string> => {
    const job = await recordedStory(story);
    return (
      await exported(job, join(scratch(), `${story}-${String((pages += 1))}.html`), join(scratch(), 'key', 'key.pem'))
    ).toString('utf8');
  };

  test.each(['block-repaired', 'odd-names'])('finds the report of %s right', { timeout: 120_000 }, async (story) => {
    expect(checked(await pageOf(story))).toBe('right');
  });

  test('finds that what a page shows was changed', { timeout: 120_000 }, async () => {
    const page = await pageOf('vhd');
    expect(checked(page.replace('The record is right', 'The record is  right'))).toBe('wrong');
  });

  test.each([
    ['is shown behind the script', (page: string) => page.replace('</body>', '<p>All is well</p></body>')],
    ['is shown before the report', (page: string) => page.replace('<main>', '<h1>All is well</h1><main>')],
    ['is shown in its place', (page: string) => page.replace('<main>', '<main hidden="">')],
    ['hides the report', (page: string) => page.replace('<main>', '<style>main{display:none}</style><main>')],
  ])('finds what %s', { timeout: 120_000 }, async (_, change) => {
    const page = await pageOf('vhd');
    expect(change(page)).not.toBe(page);
    expect(checked(change(page))).toBe('wrong');
  });
});

import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { exportReport, reportKindOf } from '#infrastructure/cli/audit-export';
import { UsageError } from '#infrastructure/cli/exit-codes';
import { openTrail } from '#infrastructure/trail/open-trail';
import recordedIndex from '../recorded/0.1.0/index.json' with { type: 'json' };
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import {
  auditOf,
  eventsIn,
  exported,
  jobOf,
  journalOf,
  readBack,
  recordedStory,
  type JournalledJob,
} from './audit-report-files.js';
import { assertPlain, checkedInPage, shownIn } from './audit-report-browser.js';

const scratch = scratchFolder(folderInMemory());
const STORIES = Object.keys(recordedIndex);
let names = 0;
const newPath = (ending: string): string => join(scratch(), `report-${String((names += 1))}.${ending}`);
const lastPath = (): string => join(scratch(), `report-${String(names)}.json`);
const DIFFERS = { destination: '/x', blocks: 2, bytes: 4096, differing: [1], unreadable: null, changedSince: false };
const key = (): string => join(scratch(), 'keys', 'audit-key.pem');

describe.each(STORIES)('the report of the job %s', (story) => {
  let job: JournalledJob;
  beforeAll(async () => {
    job = await recordedStory(story);
  });

  test.each(['html', 'json'])('as %s holds the very events of the journal', async (ending) => {
    const path = newPath(ending);
    await exported(job, path, key());
    expect(await readBack(path, job)).toEqual(await journalOf(job));
    expect((await openTrail(path)).kind).toBe(`report-${ending}`);
  });

  test('is right for the script in the page, and asks for nothing outside of it', async () => {
    const page = (await exported(job, newPath('html'), key())).toString('utf8');
    expect(await checkedInPage(page)).toMatchObject({ result: 'right' });
    assertPlain(shownIn(page));
    const shown = page.replace(/<script type="application\/gzip"[^]*?<\/script>/, '');
    expect(shown).not.toMatch(
      /\b(src|href|srcset|action|poster|background)\s*=|@import|<(link|img|iframe|base|form)\b/i,
    );
    expect(shown.match(/url\([^)]*\)/g) ?? []).toSatisfy((urls: readonly string[]) =>
      urls.every((url) => url.startsWith('url(#')),
    );
    expect(shown).toContain("content=\"default-src 'none';");
  });
});

describe('an export', () => {
  test('never replaces a file, and leaves no part of its own', async () => {
    const folder = join(scratch(), 'kept');
    const job = await recordedStory('vhd');
    const path = newPath('html');
    writeFileSync(path, 'mine');
    const refused = await exportReport({
      program: job,
      audit: await auditOf(job),
      path,
      key: key(),
      journal: 'memory:',
    });
    expect(refused).toMatchObject({ kind: 'invalid-parameter', path });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(readdirSync(scratch()).filter((name) => name.includes('.part'))).toEqual([]);
    const nowhere = await exportReport({
      program: job,
      audit: await auditOf(job),
      path: join(folder, 'x.json'),
      key: key(),
      journal: 'memory:',
    });
    expect(nowhere).toMatchObject({ kind: 'file-not-found' });
  });

  test.each(['report', 'report.htm', 'report.html.pdf', ''])('to %j is wrong usage', (path) => {
    expect(() => reportKindOf(path)).toThrow(UsageError);
  });

  test('of a journal that was changed since the audit is refused', async () => {
    const job = await recordedStory('vhd');
    const audit = await auditOf(job);
    const streams = audit.streams.map((stream) => ({ ...stream, head: { ...stream.head, hash: 'f'.repeat(64) } }));
    const path = newPath('json');
    const refused = await exportReport({
      program: job,
      audit: { ...audit, streams },
      path,
      key: key(),
      journal: 'memory:',
    });
    expect(refused).toMatchObject({ kind: 'journal-failed' });
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });

  test('of a job whose record is not right says so, and tells what stands before the first wrong event', async () => {
    const events = await journalOf(await recordedStory('vhd'));
    const at = events.findIndex(({ type }) => type === 'BlockMerged') + 1;
    const forged = events.map((event, index) =>
      index === at ? { ...event, occurredAt: event.occurredAt + 1 } : event,
    );
    const job = await jobOf(forged);
    const path = newPath('html');
    const page = (await exported(job, path, key())).toString('utf8');
    expect(page).toContain('The record is not right');
    expect(page).toContain(`event ${String(at)}: BlockMerged has hash`);
    const { lines, problem } = await openTrail(path);
    expect(problem).toMatch(
      new RegExp(`says that the record is not right: .* event ${String(at)}: BlockMerged has hash`),
    );
    expect(await eventsIn(lines, job)).toEqual(events.slice(0, at));
    const checked = await checkedInPage(page);
    expect(checked.result).toBe('wrong');
    expect(checked.says).toContain('Result wrong: the report says that the record is not right.');
    await exported(job, newPath('json'), key());
    expect(await readBack(lastPath(), job)).toMatch(/says that the record is not right: .*BlockMerged has hash/);
  });

  test.each(['html', 'json'])(
    'of a job whose disk is not right, or a known head of it, is not right as %s',
    async (ending) => {
      const job = await recordedStory('vhd');
      const audit = await auditOf(job, { knownHead: () => ({ revision: 1, hash: 'f'.repeat(64) }) });
      const path = newPath(ending);
      const ofDisk = { ...(await auditOf(job)), isRight: false, data: DIFFERS };
      for (const [found, problem] of [
        [audit, /says that the record is not right: merge-.*event 1/],
        [ofDisk, /says that the record is not right: The destination differs from the record in 1 blocks/],
      ] as const) {
        rmSync(path, { force: true });
        expect(await exportReport({ program: job, audit: found, path, key: key(), journal: 'memory:' })).toBeNull();
        expect(await readBack(path, job)).toMatch(problem);
      }
    },
  );

  test('says what was checked, by whom it is signed, and what only a known head shows', async () => {
    const page = (await exported(await recordedStory('vhd'), newPath('html'), key())).toString('utf8');
    const verdict = /<div class="verdict">([^]*?)<\/div>/.exec(page)?.[1] ?? '';
    expect(verdict).toMatch(/Everything up to event \d+ is signed, by key [0-9a-f]{16}\./);
    expect(verdict).toContain('is found only by a head that was kept elsewhere');
    expect(verdict).not.toMatch(/none is missing|as they were written/);
    const unsigned = (await exported(await recordedStory('killed'), newPath('html'), key())).toString('utf8');
    expect(unsigned).toContain('No event is signed, so anyone could have written them.');
  });

  test('shows no password of the journal', async () => {
    const job = await recordedStory('vhd');
    for (const ending of ['html', 'json']) {
      const path = newPath(ending);
      const audit = await auditOf(job);
      const journal = 'postgres://me:secret@host/db?password=secret';
      expect(await exportReport({ program: job, audit, path, key: key(), journal })).toBeNull();
      expect(readFileSync(path, 'utf8')).not.toContain('secret');
      const lines: string[] = [];
      for await (const line of (await openTrail(path)).lines) lines.push(line);
      expect(lines.join('\n')).not.toContain('secret');
    }
  });
});

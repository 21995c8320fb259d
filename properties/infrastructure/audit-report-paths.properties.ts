import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENDS_A_RUN } from '#application/jobs/job-stream';
import { emptyHead, seal, type RecordedEvent } from '#application/journal/recorded-event';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import {
  auditOf,
  exported,
  jobOf,
  journalOf,
  readBack,
  recordedStory,
  type JournalledJob,
} from './audit-report-files.js';
import { assertPlain, checkedInPage, shownIn } from './audit-report-browser.js';

const scratch = scratchFolder(folderInMemory());
let names = 0;
const newPath = (ending: string): string => join(scratch(), `report-${String((names += 1))}.${ending}`);
const key = (): string => join(scratch(), 'keys', 'audit-key.pem');

/** The story again with other words in it, sealed and signed as if it had happened so. */
const retold = async (story: string, change: (json: string) => string): Promise<JournalledJob> => {
  const job = await recordedStory(story);
  const { ports } = job;
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of await journalOf(job)) {
    const { signature: _, ...meta } = event.meta;
    const told = JSON.parse(change(JSON.stringify({ ...event, meta }))) as RecordedEvent;
    streams.set(event.stream, [...(streams.get(event.stream) ?? []), { ...told, stream: event.stream }]);
  }
  const sealed = [...streams].flatMap(([stream, events]) =>
    seal(
      stream,
      emptyHead(stream, ports.digests),
      events.map((event) => ({ ...event, isSigned: ENDS_A_RUN.has(event.type) })),
      ports,
    ),
  );
  return await jobOf(sealed);
};

const HOSTILE = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '--><!-- chainfold-report ed25519 x y -->',
  '<!--<script>',
  '</main><main>',
  '&lt;b&gt; &amp;quot; &#60;i>',
  'javascript:alert(1)',
  '\u202egpj.dhv\u2066\u200b\u00a0\ufeff',
  '\u001b[31m\u0000\u0007\u009f\r\n\t',
  '$' + '{alert(1)} `x` {{y}}',
];

describe('whatever a path is called', () => {
  test.each(HOSTILE)('%j is text in the page and nothing else', async (hostile) => {
    const inJson = JSON.stringify(hostile).slice(1, -1);
    const job = await retold('sources-quarantined', (json) =>
      json
        .replaceAll('/vm/child.vhd', `/vm/${inJson}`)
        .replaceAll('"operator"', JSON.stringify(hostile))
        .replaceAll('storage-host', inJson),
    );
    expect((await auditOf(job)).isRight).toBe(true);
    const path = newPath('html');
    const page = (await exported(job, path, key())).toString('utf8');
    assertPlain(shownIn(page));
    expect(page.match(/<script/g)).toHaveLength(3);
    expect(page.match(/<main>/g)).toHaveLength(1);
    expect(await checkedInPage(page)).toMatchObject({ result: 'right' });
    expect(await readBack(path, job)).toEqual(await journalOf(job));
  });
});

describe('whatever a clock said', () => {
  test.each([253_402_300_800_000, 8.64e15, -1])('a run that ended at %d has no picture, and a report', async (at) => {
    const job = await retold('suspended-and-resumed', (json) =>
      json.includes('"MergeCompleted"') ? json.replace(/"occurredAt":\d+/, `"occurredAt":${String(at)}`) : json,
    );
    const page = (await exported(job, newPath('html'), key())).toString('utf8');
    expect(page).toContain('times that are no dates');
    expect(page).toContain(`no time (${String(at)})`);
    expect(page).not.toContain('<svg');
    assertPlain(shownIn(page));
    expect(await checkedInPage(page)).toMatchObject({ result: 'right' });
  });

  test('a file that was changed at no time is told as such', async () => {
    const job = await retold('vhd', (json) => json.replace(/"mtimeNs":"\d+"/g, `"mtimeNs":"${'9'.repeat(40)}"`));
    const page = (await exported(job, newPath('html'), key())).toString('utf8');
    expect(page).toMatch(/<td data-label="Before">no time<\/td>/);
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { HeadSigner } from '#application/ports/head-signer';
import { openSigner } from '#infrastructure/platform/audit-key';
import { canonicalJson } from '#infrastructure/platform/canonical-json';
import { closingLine, reportSignedText, viewSignedText } from '#infrastructure/audit-report/report-signature';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { checkedInPage } from './audit-report-browser.js';
import { exported, readBack, recordedStory, type JournalledJob } from './audit-report-files.js';

/** Reports that somebody puts together by hand and signs with his own key, as anybody can. */
const scratch = scratchFolder(folderInMemory());
let names = 0;
const newPath = (ending: string): string => join(scratch(), `forged-${String((names += 1))}.${ending}`);
const key = (): string => join(scratch(), 'keys', 'audit-key.pem');

let job: JournalledJob;
let json: JsonReport;
let page: string;
let ownSigner: HeadSigner;

interface JsonReport {
  readonly report: Readonly<Record<string, unknown>>;
  readonly trail: readonly string[];
}

beforeAll(async () => {
  job = await recordedStory('suspended-and-resumed');
  json = JSON.parse((await exported(job, newPath('json'), key())).toString('utf8')) as JsonReport;
  ownSigner = await openSigner(key());
  page = (await exported(job, newPath('html'), key())).toString('utf8');
});

const signedBy = (signer: HeadSigner, text: string): string =>
  JSON.stringify(signer.sign(reportSignedText(job.ports.digests.sha256Text(text))));

/** `content`: the text of the report, without its signature. */
const readSigned = async (content: string, signer: HeadSigner): Promise<unknown> => {
  const path = newPath('json');
  writeFileSync(path, `${content.slice(0, -1)},"signature":${signedBy(signer, content)}}\n`);
  return await readBack(path, job);
};

const readJson = async (report: unknown, trail = json.trail, signer = owner()): Promise<unknown> =>
  await readSigned(canonicalJson({ format: 1, report, trail }), signer);

const owner = (): HeadSigner => ownSigner;

describe('a JSON report that was signed anew', () => {
  test('as it was is right', async () => {
    expect(await readJson(json.report)).toBeInstanceOf(Array);
  });

  test.each<[string, (report: JsonReport['report']) => unknown]>([
    ['that is null', () => null],
    ['that is a list', () => []],
    ['without a verdict', ({ verdict: _, ...rest }) => rest],
    ['with a verdict that is a word', (report) => ({ ...report, verdict: 'right' })],
    ['that is right and has problems', (report) => ({ ...report, verdict: { isRight: true, problems: ['x'] } })],
    ['that is wrong and has none', (report) => ({ ...report, verdict: { isRight: false, problems: [] } })],
    ['whose known head does not hold', (report) => ({ ...report, knownHead: { holds: false } })],
    ['whose disk differs', (report) => ({ ...report, data: { differing: [1], unreadable: null } })],
    ['without streams', ({ streams: _, ...rest }) => rest],
    ['of no stream', (report) => ({ ...report, streams: [] })],
    ['of another job', (report) => ({ ...report, jobId: '00000000-0000-4000-8000-000000000000' })],
  ])('%s is none of ours', async (_, change) => {
    expect(await readJson(change(json.report))).toMatch(/does not say as this program writes it/);
  });

  test('with another head than its trail is found', async () => {
    const streams = (json.report.streams as readonly object[]).map((stream) => ({ ...stream, hash: 'f'.repeat(64) }));
    expect(await readJson({ ...json.report, streams })).toMatch(/the report names another one or none/);
  });

  test('with a right trail in it that somebody else has signed is found', async () => {
    expect(await readJson(json.report, json.trail, job.ports.signer)).toMatch(/it was put together from two/);
  });

  test.each([
    ['half a surrogate pair', '"\\ud800"'],
    ['a number without end', '1e999'],
    ['200,000 levels', '['.repeat(200_000) + ']'.repeat(200_000)],
  ])('with %s in it is a flaw and no fault of the program', async (_, value) => {
    const content = `{"format":1,"report":{"x":${value}},"trail":${canonicalJson(json.trail)}}`;
    expect(await readSigned(content, owner())).toMatch(/not in the canonical form|is no report/);
  });

  test('with empty lines for a trail is none of ours', async () => {
    expect(await readJson(json.report, Array<string>(1000).fill(''))).toMatch(/is no report/);
  });
});

describe('a page that was signed anew', () => {
  const signed = (body: string): Buffer =>
    Buffer.from(`${body}${closingLine(owner().sign(reportSignedText(job.ports.digests.sha256Text(body))))}`);

  const withoutClosing = (): string => page.slice(0, page.lastIndexOf('<!-- chainfold-report'));

  const readPage = async (body: string): Promise<unknown> => {
    const path = newPath('html');
    writeFileSync(path, signed(body));
    return await readBack(path, job);
  };

  test.each<[string, (body: string) => string]>([
    ['without a verdict', (body) => body.replace('<div class="verdict">', '<div>')],
    ['with two verdicts', (body) => body.replace('</header>', '<div class="verdict"></div></header>')],
    ['without a main part', (body) => body.replace('<main>', '<div>')],
  ])('%s is none of ours', async (_, change) => {
    expect(await readPage(change(withoutClosing()))).toMatch(/does not say as this program writes it/);
  });

  test('with another head than its trail is found', async () => {
    const forged = withoutClosing().replace(
      /<code>(\d+):[0-9a-f]{64}/g,
      (_, revision: string) => `<code>${revision}:${'f'.repeat(64)}`,
    );
    expect(await readPage(forged)).toMatch(/the report names another one or none/);
  });

  test('with a trail of line feeds is refused at once', { timeout: 5000 }, async () => {
    const zipped = gzipSync(Buffer.alloc(64 * 1024 * 1024, '\n')).toString('base64');
    const forged = withoutClosing().replace(/(id="trail">\n)[^<]*/, (_, opens: string) => `${opens}${zipped}\n`);
    const began = performance.now();
    expect(await readPage(forged)).toMatch(/Line 1 of the trail is not the first line/);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('with a trail of long lines that unpacks without end is refused', { timeout: 60_000 }, async () => {
    const [start] = json.trail;
    const zipped = gzipSync(Buffer.concat([Buffer.from(`${String(start)}\n`), Buffer.alloc(64 * 1024 * 1024, '{"')]));
    const forged = withoutClosing().replace(
      /(id="trail">\n)[^<]*/,
      (_, opens: string) => `${opens}${zipped.toString('base64')}\n`,
    );
    expect(await readPage(forged)).toMatch(/Line 2 of the trail is longer than/);
  });

  test.each<[string, (body: string) => string]>([
    ['an attribute of its main part', (body) => body.replace('<main>', '<main hidden="">')],
    ['an attribute of its body', (body) => body.replace('<body>', '<body hidden="">')],
    ['an element before it', (body) => body.replace('<main>', '<p>All is well</p><main>')],
    ['words before it', (body) => body.replace('<main>', 'All is well<main>')],
    ['an element behind the script', (body) => body.replace('</body>', '<p>All is well</p></body>')],
    ['other words below it', (body) => body.replace('How to check this page', 'All is well')],
    ['another style', (body) => body.replace('<style>', '<style>main{display:none}')],
  ])('and shows another thing by %s is found by its button', async (_, change) => {
    expect(await checkedInPage(page)).toMatchObject({ result: 'right' });
    const forged = change(page);
    expect(forged).not.toBe(page);
    expect(await checkedInPage(forged)).toMatchObject({ result: 'wrong' });
  });

  test('whose seal and trail are right is wrong for its button when it says so itself', async () => {
    const { digests } = job.ports;
    const told = page.replace('<div class="verdict">', '<div class="verdict bad">');
    const shown = ['head', 'main', 'footer'].map(
      (name) => new RegExp(`<${name}>([^]*?)</${name}>`).exec(told)?.[1] ?? '',
    );
    const view = digests.sha256Text(shown.join('').replaceAll('&quot;', '"'));
    const seal = JSON.stringify({ view, signature: owner().sign(viewSignedText(view)) });
    const forged = told.replace(/\{"view".*\}/, () => seal);
    expect(await checkedInPage(forged)).toMatchObject({
      result: 'wrong',
      says: expect.stringMatching('Result wrong: the report says') as unknown,
    });
  });

  test('holds the very trail of the JSON', () => {
    const [, zipped = ''] = /id="trail">\n([^<]*)/.exec(page) ?? [];
    const events = (lines: readonly string[]): readonly string[] =>
      lines.filter((line) => line.startsWith('{"type":"Merge'));
    const lines = gunzipSync(Buffer.from(zipped, 'base64')).toString('utf8').split('\n');
    expect(events(lines)).toEqual(events(json.trail));
  });
});

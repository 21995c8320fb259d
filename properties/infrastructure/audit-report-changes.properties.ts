import { writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { exported, readBack, recordedStory, type JournalledJob } from './audit-report-files.js';
import { checkedInPage } from './audit-report-browser.js';

const scratch = scratchFolder(folderInMemory());
let names = 0;
const newPath = (ending: string): string => join(scratch(), `report-${String((names += 1))}.${ending}`);
const key = (): string => join(scratch(), 'keys', 'audit-key.pem');

describe('one flipped bit', () => {
  const FLIPS = 2000;

  test.each(['html', 'json'])('anywhere in a report as %s is found', { timeout: 60_000 }, async (ending) => {
    const job = await recordedStory('suspended-and-resumed');
    const right = await exported(job, newPath(ending), key());
    const path = newPath(ending);
    // Evenly over the file, and four bits of each byte at its end, where the signature is.
    const flips = [
      ...Array.from({ length: FLIPS }, (_, flip) => [Math.floor((flip * right.length) / FLIPS), flip % 8] as const),
      ...Array.from({ length: 4 * 200 }, (_, flip) => [right.length - 1 - (flip >> 2), flip % 4] as const),
    ];
    const unseen: number[] = [];
    for (const [place, bit] of flips) {
      const changed = Buffer.from(right);
      changed[place]! ^= 1 << bit;
      writeFileSync(path, changed);
      if (typeof (await readBack(path, job)) !== 'string') unseen.push(place);
    }
    expect(unseen).toEqual([]);
  });

  test.each(['html', 'json'])('is as little needed as a byte cut off or added, as %s', async (ending) => {
    const job = await recordedStory('vhd');
    const right = await exported(job, newPath(ending), key());
    const path = newPath(ending);
    const changed = [1, 2, 50, 200, right.length / 2, right.length - 20].map((cut) =>
      right.subarray(0, right.length - cut),
    );
    for (const bytes of [
      ...changed,
      Buffer.concat([right, Buffer.from('\n')]),
      Buffer.concat([right, right]),
      Buffer.alloc(0),
    ]) {
      writeFileSync(path, bytes);
      expect(await readBack(path, job)).toBeTypeOf('string');
    }
  });

  test('in what the page shows, in its seal or in its trail is found by the script in the page', async () => {
    const page = (await exported(await recordedStory('killed-and-recovered'), newPath('html'), key())).toString(
      'latin1',
    );
    const inside = (opens: string, closes: string, aside: number): readonly number[] => {
      const begin = page.indexOf(opens) + opens.length + aside;
      const length = page.indexOf(closes, begin) - aside - begin;
      return Array.from({ length: 150 }, (_, flip) => begin + Math.floor((flip * length) / 150));
    };
    const places = [
      ...inside('<main>', '</main>', 0),
      ...inside('id="seal">', '</script>', 0),
      // Without the time in the head of the archive and the bits that pad it, which are no part of the trail.
      ...inside('id="trail">', '</script>', 20),
    ].filter((place) => page.charAt(place) !== '\n');
    expect(places.length).toBeGreaterThan(430);
    const unseen: string[] = [];
    for (const [flip, place] of places.entries()) {
      const changed = `${page.slice(0, place)}${String.fromCharCode(page.charCodeAt(place) ^ (1 << (flip % 6)))}${page.slice(place + 1)}`;
      if ((await checkedInPage(changed)).result !== 'wrong') unseen.push(page.slice(place - 20, place + 20));
    }
    expect(unseen).toEqual([]);
  });
});

/** The page with other lines in its trail: digest, signatures and seal made anew, by somebody else's key. */
const withTrail = (
  page: string,
  { ports }: JournalledJob,
  change: (lines: readonly string[]) => readonly string[],
): string => {
  const [, opening, zipped, closing] = /^([^]*id="trail">\n)([^]*?)(<\/script>[^]*)$/.exec(page) ?? [];
  const lines = gunzipSync(Buffer.from(zipped ?? '', 'base64'))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  const end = JSON.parse(lines.at(-1) ?? '') as object;
  const changed = change(lines.slice(0, -1))
    .map((line) => `${line}\n`)
    .join('');
  const sha256 = ports.digests.sha256Text(changed);
  const signature = ports.signer.sign(`chainfold trail ${sha256}`);
  const trail = `${changed}${JSON.stringify({ ...end, sha256, signature })}\n`;
  const sealed = opening!.replace(/"view":"(\w+)","signature":\{[^}]*\}/, (_, view: string) => {
    const seal = ports.signer.sign(`chainfold report view ${view}`);
    return `"view":"${view}","signature":${JSON.stringify(seal)}`;
  });
  return `${sealed}${gzipSync(trail).toString('base64')}\n${closing!}`;
};

describe('a trail that somebody has written anew into a page', () => {
  const at = (lines: readonly string[], index: number, change: (line: string) => string): readonly string[] =>
    lines.map((line, place) => (place === index ? change(line) : line));

  test.each<[string, (lines: readonly string[]) => readonly string[], string]>([
    ['as it was is right', (lines) => lines, 'right'],
    [
      'with another time is not',
      (lines) => at(lines, 3, (line) => line.replace(/"occurredAt":\d/, '"occurredAt":9')),
      'wrong',
    ],
    [
      'with a hash changed is not',
      (lines) => at(lines, 3, (line) => line.replace(/"hash":"..../, '"hash":"0000')),
      'wrong',
    ],
    ['without an event is not', (lines) => lines.filter((_, place) => place !== 4), 'wrong'],
    [
      'with an event twice is not',
      (lines) => lines.flatMap((line, place) => (place === 4 ? [line, line] : [line])),
      'wrong',
    ],
    [
      'with two events swapped is not',
      (lines) => [...lines.slice(0, 4), lines[5]!, lines[4]!, ...lines.slice(6)],
      'wrong',
    ],
    ['without a head is not', (lines) => lines.slice(0, -1), 'wrong'],
    [
      'with another head is not',
      (lines) => at(lines, lines.length - 1, (line) => line.replace(/"hash":"..../, '"hash":"0000')),
      'wrong',
    ],
    ['with a white space is not', (lines) => at(lines, 3, (line) => line.replace(':', ': ')), 'wrong'],
    ['without its first line is not', (lines) => lines.slice(1), 'wrong'],
  ])('%s', async (_, change, result) => {
    const job = await recordedStory('vhd');
    const page = (await exported(job, newPath('html'), key())).toString('utf8');
    expect(await checkedInPage(withTrail(page, job, change))).toMatchObject({ result });
  });

  test('with a word changed that no hash covers but the last is not', async () => {
    const page = (await exported(await recordedStory('vhd'), newPath('html'), key())).toString('utf8');
    const forged = page.replace(
      /(id="trail">\n)([^]*?)(<\/script>)/,
      (_, opens: string, zipped: string, closes: string) => {
        const lines = gunzipSync(Buffer.from(zipped, 'base64')).toString('utf8').replace('"host":"', '"host":"not-');
        return `${opens}${gzipSync(lines).toString('base64')}\n${closes}`;
      },
    );
    expect(await checkedInPage(forged)).toMatchObject({ result: 'wrong' });
  });

  test('and signed by another key than the page is not', async () => {
    const job = await recordedStory('vhd');
    const page = (await exported(job, newPath('html'), key())).toString('utf8');
    const [seal] = /\{"view".*\}/.exec(page) ?? [];
    const forged = withTrail(page, job, (lines) => lines).replace(/\{"view".*\}/, () => seal!);
    expect(await checkedInPage(forged)).toMatchObject({ result: 'wrong' });
  });
});

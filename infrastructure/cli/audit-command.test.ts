import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UnsealedEvent } from '#application/journal/recorded-event';
import { sealed } from '../../properties/product/recorded-events.js';
import { smallChain, type SmallChain } from '../../properties/product/small-chain.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { SqliteEventStore } from '../event-store/sqlite-event-store.js';
import { newPrivateKeyPem, publicKeyOfPem, publicKeyPem } from '../platform/ed25519-signer.js';
import { run } from './program.js';
import { LineWriter } from './terminal.js';

const scratch = scratchFolder(folderInMemory());
const inScratch = (name: string): string => join(scratch(), name);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const chainfold = async (...words: readonly string[]): Promise<Ran> => {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await run(words, { out: new LineWriter(out), err: new LineWriter(err) });
  return { code, out: String(out.read() ?? ''), err: String(err.read() ?? '') };
};

const object = (ran: Ran): Record<string, unknown> => JSON.parse(ran.out) as Record<string, unknown>;

/** The journal of a completed merge, and the key that it was signed with. */
let journal: string;
let chain: SmallChain;
let jobId: string;
let head: string;

beforeAll(async () => {
  vi.stubEnv('CHAINFOLD_KEY', inScratch('operator-key.pem'));
  journal = inScratch('journal.db');
  chain = await smallChain(scratch());
  const merged = await chainfold('merge', chain.child, chain.base, '--journal', journal, '--json');
  ({ jobId } = JSON.parse(merged.out.trimEnd().split('\n').at(-1)!) as { jobId: string });
  const { streams } = object(await audit('--json')) as { streams: { head: { revision: number; hash: string } }[] };
  head = `${String(streams[0]!.head.revision)}:${streams[0]!.head.hash}`;
  writeFileSync(inScratch('operator.pem'), (await chainfold('key', '--public')).out);
  await chainfold('journal', 'export', '--journal', journal, '--output', inScratch('trail.ndjson'));
  writeFileSync(inScratch('stranger.pem'), publicKeyPem(publicKeyOfPem(newPrivateKeyPem())));
  await audit('--export', inScratch('report.html'));
  await audit('--export', inScratch('report.json'));
}, 60_000);

beforeEach(() => {
  vi.stubEnv('CHAINFOLD_KEY', inScratch('operator-key.pem'));
  vi.stubEnv('CHAINFOLD_JOURNAL', inScratch('nobodys.db'));
});
afterEach(() => vi.unstubAllEnvs());

/** The same history, sealed anew without its signature. */
const strip = async (from: string, to: string): Promise<void> => {
  const [source, target] = await Promise.all([
    SqliteEventStore.open({ path: from, mode: 'read-only' }),
    SqliteEventStore.open({ path: to, mode: 'read-write' }),
  ]);
  const stream = `merge-${jobId}`;
  const events: UnsealedEvent[] = [];
  for await (const { meta, ...event } of source.read(stream)) {
    const { signature: _, ...unsigned } = meta;
    events.push({ ...event, meta: unsigned });
  }
  await target.append(stream, -1, sealed(stream, events));
  await Promise.all([source.close(), target.close()]);
};

const audit = async (...words: readonly string[]): Promise<Ran> =>
  await chainfold('audit', jobId, '--journal', journal, ...words);

describe('chainfold audit', () => {
  it('names the head to keep, and who signed it', async () => {
    const { code, out } = await audit('--data');
    expect(code).toBe(0);
    expect(out).toContain(`head: ${head}`);
    expect(out).toMatch(/^Signed up to revision \d+ by key [0-9a-f]{16} \(your own\)\.$/m);
    expect(out).toContain(`Job ${jobId}: right`);
  });

  it('takes another key than the given one for wrong, and names both', async () => {
    const { code, out } = await audit('--key', inScratch('stranger.pem'));
    expect(code).toBe(1);
    expect(out).toMatch(/is signed by key [0-9a-f]{16}, expected [0-9a-f]{16}/);
    expect((await audit('--key', inScratch('operator.pem'))).code).toBe(0);
    expect((await audit('--key', inScratch('stranger.pem'), '--key', inScratch('operator.pem'))).code).toBe(0);
  });

  it('tells of a record without signatures, and takes it for wrong when a key is given', async () => {
    const stripped = inScratch('stripped.db');
    await strip(journal, stripped);
    const told = await chainfold('audit', jobId, '--journal', stripped);
    expect([told.code, told.out]).toEqual([0, expect.stringMatching(/Not signed, though 1 run ended/)]);
    const expected = await chainfold('audit', jobId, '--journal', stripped, '--key', inScratch('operator.pem'));
    expect([expected.code, expected.out]).toEqual([1, expect.stringMatching(/ends a run without a signature/)]);
  });

  it('without --key only names keys, and marks the user’s own', async () => {
    vi.stubEnv('CHAINFOLD_KEY', inScratch('another-key.pem'));
    const named = await audit();
    expect([named.code, existsSync(inScratch('another-key.pem'))]).toEqual([0, false]);
    expect(named.out).toMatch(/whose it is was not checked/);
    vi.stubEnv('CHAINFOLD_KEY', inScratch('third-key.pem'));
    await chainfold('key');
    const foreign = await audit();
    expect([foreign.code, foreign.out]).toEqual([0, expect.stringMatching(/^Signed up to .* by key [0-9a-f]{16} \(/m)]);
    expect(foreign.out).not.toMatch(/your own\)/);
  });

  it.each(['operator-key', 'auditor-key'])(
    'prints a command that checks the report by the same keys, and it works for one signed with %s',
    async (own) => {
      vi.stubEnv('CHAINFOLD_KEY', inScratch(`${own}.pem`));
      const [report, keys] = [inScratch(`to check, by ${own}.html`), ['--key', inScratch('operator.pem')]];
      const { code, out } = await audit('--export', report, ...keys);
      expect(code).toBe(0);
      expect(out).toContain(`to check it: chainfold audit --file '${report}' ${keys.join(' ')}\n`);
      expect((await chainfold('audit', '--file', report, ...keys)).code).toBe(0);
      expect((await chainfold('audit', '--file', report)).code).toBe(0);
    },
  );

  it('writes no report where one cannot be, and says so before the audit', async () => {
    for (const [path, sentence] of [
      [inScratch('report.html'), /there is a file of this name already/],
      [inScratch('no-folder/report.html'), /no such file or folder/],
    ] as const) {
      const { code, out, err } = await audit('--export', path);
      expect([code, out, err]).toEqual([1, '', expect.stringMatching(sentence)]);
    }
  });

  it.each(['report.html', 'report.json', 'trail.ndjson'])(
    'audits %s without its journal, with the same result',
    async (name) => {
      const file = await chainfold('audit', '--file', inScratch(name), '--data', '--json');
      expect([file.code, file.err]).toEqual([0, '']);
      const [job] = object(file).jobs as unknown[];
      expect(job).toEqual(object(await audit('--data', '--json')));
      const text = await chainfold(
        'audit',
        '--file',
        inScratch(name),
        jobId.slice(0, 8),
        '--key',
        inScratch('operator.pem'),
      );
      expect(text.out).toMatch(
        /a (report|report as JSON|trail) of 1 stream, \d+ events; made by key [0-9a-f]{16} \(as expected\)/,
      );
      expect(text.out.trimEnd().split('\n').at(-1)).toBe(`${inScratch(name)}: right`);
    },
  );

  it.each(['report.html', 'report.json', 'trail.ndjson'])('finds a changed byte in %s', async (name) => {
    const bytes = readFileSync(inScratch(name));
    const at = bytes.length >> 1;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(inScratch(`changed-${name}`), bytes);
    const { code, out } = await chainfold('audit', '--file', inScratch(`changed-${name}`));
    expect(code).toBe(1);
    expect(out).toMatch(/first bad: .*\n(.*\n)*.*: NOT RIGHT\n$/);
  });

  it.each(['journal.db', 'operator.pem'])('says of %s that it is no trail', async (name) => {
    const { code, out } = await chainfold('audit', '--file', inScratch(name));
    expect(code).toBe(1);
    expect(out).toMatch(/first bad: .*\n.*: NOT RIGHT\n$/);
  });

  it('knows a head as it printed it, and by an earlier export of any kind', async () => {
    for (const kept of [head, ...['report.html', 'report.json', 'trail.ndjson'].map(inScratch)]) {
      const { code, out } = await audit('--head', kept);
      expect([kept, code]).toEqual([kept, 0]);
      expect(out).toMatch(/^Known head \d+: holds/m);
    }
    const other = await audit('--head', head.replace(/:.*/, `:${'0'.repeat(64)}`));
    expect(other.code).toBe(1);
    expect(other.out).toMatch(/DOES NOT HOLD/);
    const longer = await audit('--head', `999:${'0'.repeat(64)}`);
    expect(longer.out).toMatch(/cut off/);
  });

  it('does not take a head from a file that is not whole, nor one that is of other jobs', async () => {
    for (const name of ['report.json', 'trail.ndjson']) {
      const bytes = readFileSync(inScratch(name));
      writeFileSync(inScratch(`cut-${name}`), bytes.subarray(0, bytes.length - 10));
      const cut = await audit('--head', inScratch(`cut-${name}`));
      expect([cut.code, cut.out]).toEqual([1, '']);
      expect(cut.err).toContain(`cut-${name}`);
    }
    const other = inScratch('other.db');
    const { child, base } = await smallChain(scratch());
    await chainfold('merge', child, base, '--journal', other, '--quiet');
    const jobs = JSON.parse((await chainfold('jobs', '--journal', other, '--json')).out.split('\n')[0]!) as {
      jobId: string;
    };
    const unknown = await chainfold('audit', jobs.jobId, '--journal', other, '--head', inScratch('report.json'));
    expect(unknown.code).toBe(1);
    expect(unknown.err).toContain(`has no head of job ${jobs.jobId}`);
  });

  it.each([
    [['audit'], /expected JOB, or --file/],
    [['audit', '--file', 'x', '--export', 'y.html'], /--export goes with a journal/],
    [['audit', '--file', 'x', '--journal', 'y'], /--journal or --file/],
    [['audit', '--file', 'x', '--head', `1:${'0'.repeat(64)}`], /of one job: expected JOB/],
    [['audit', 'abcd', '--head', '1:abc'], /64 hex digits/],
    [['audit', 'abcd', '--export', 'report.pdf'], /\.html|\.json/],
  ])('%j is wrong use', async (words, sentence) => {
    const { code, err } = await chainfold(...words);
    expect(code).toBe(2);
    expect(err).toMatch(sentence);
  });

  it.each([
    [['--key', 'none.pem'], /none\.pem: there is no such file/],
    [['--key', '/dev/null'], /Audit key \/dev\/null: .*not-a-file/],
    [['--head', 'none.ndjson'], /none\.ndjson: not-found/],
  ])('%j says what is not there', async (words, sentence) => {
    const { code, err } = await audit(...words);
    expect(code).toBe(1);
    expect(err).toMatch(sentence);
  });
});

describe('chainfold key', () => {
  it('makes the key, and prints its file, its fingerprint and the public key', async () => {
    vi.stubEnv('CHAINFOLD_KEY', inScratch('new-key.pem'));
    const { code, out } = await chainfold('key');
    const pem = publicKeyPem(publicKeyOfPem(readFileSync(inScratch('new-key.pem'), 'utf8')));
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Key [0-9a-f]{16} in ${inScratch('new-key.pem')}\n`));
    expect(out.endsWith(pem)).toBe(true);
    expect((await chainfold('key', '--public')).out).toBe(pem);
    const { path, fingerprint, publicKey } = object(await chainfold('key', '--json'));
    expect([path, publicKey]).toEqual([inScratch('new-key.pem'), publicKeyOfPem(pem)]);
    expect(out).toContain(String(fingerprint));
  });

  it('of a merge is the one that --key names', async () => {
    const { child, base } = await smallChain(scratch());
    const [other, key] = [inScratch('with-key.db'), inScratch('given-key.pem')];
    const merged = await chainfold('merge', child, base, '--journal', other, '--key', key, '--json');
    expect(merged.code).toBe(0);
    const { jobId: id } = JSON.parse(merged.out.trimEnd().split('\n').at(-1)!) as { jobId: string };
    expect((await chainfold('audit', id, '--journal', other, '--key', key)).code).toBe(0);
    expect((await chainfold('audit', id, '--journal', other)).code).toBe(0);
    expect((await chainfold('audit', id, '--journal', other, '--key', inScratch('operator.pem'))).code).toBe(1);
    const report = inScratch('with-key.html');
    expect((await chainfold('audit', id, '--journal', other, '--key', key, '--export', report)).code).toBe(0);
    expect((await chainfold('audit', '--file', report, '--key', key)).code).toBe(0);
  });
});

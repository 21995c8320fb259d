import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { describeWithPostgres } from '../product/postgres-server.js';
import { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';
import { jsonLines, ran, start, type Ended, type Environment } from './cli-processes.js';

/** Jobs that go from one journal to another, by the built program. */

const scratch = scratchFolder();
const BLOCK_BYTES = 64 * 1024;
const BLOCKS = 64;

interface Disks extends Environment {
  readonly base: string;
  readonly child: string;
}

let original: Disks & { readonly sha256: string };

beforeAll(async () => {
  const cwd = mkdtempSync(join(scratch(), 'o-'));
  const after = Buffer.alloc(BLOCKS * BLOCK_BYTES, 7);
  writeFileSync(join(cwd, 'a.raw'), Buffer.alloc(after.length));
  writeFileSync(join(cwd, 'b.raw'), after);
  const environment = { cwd, journal: join(cwd, 'none') };
  await done(['create', 'base.vhd', '--from', 'a.raw', '--block-size', '64K'], environment);
  await done(['diff', 'child.vhd', 'base.vhd', '--from', 'b.raw', '--block-size', '64K'], environment);
  const sha256 = createHash('sha256').update(after).digest('hex');
  original = { ...environment, base: join(cwd, 'base.vhd'), child: join(cwd, 'child.vhd'), sha256 };
});

const done = async (words: readonly string[], environment: Environment): Promise<string> => {
  const { code, out, err } = await ran(words, environment);
  expect([code, err], words.join(' ')).toEqual([0, '']);
  return out;
};

const refused = async (words: readonly string[], environment: Environment): Promise<string> => {
  const { code, err } = await ran(words, environment);
  expect(code, err).toBe(3);
  return err;
};

const newDisks = (): Disks => {
  const cwd = mkdtempSync(join(scratch(), 'd-'));
  for (const name of ['base.vhd', 'child.vhd']) copyFileSync(join(original.cwd, name), join(cwd, name));
  return { cwd, journal: join(cwd, 'old.db'), base: join(cwd, 'base.vhd'), child: join(cwd, 'child.vhd') };
};

/** A merge that was killed half-way, and what a move of it while it ran was answered. */
const killedMerge = async (disks: Disks): Promise<{ readonly jobId: string; readonly whileRunning: Ended }> => {
  const words = ['merge', disks.child, disks.base, '--window', '64K', '--rate', '1M', '--json'];
  const running = start(words, disks);
  const jobId = await running.says(/"stream":"merge-([^"]+)"/);
  await running.says(/BlockMerged(?:[^]*BlockMerged){5}/);
  const whileRunning = await ran(['journal', 'move', jobId, '--to', join(disks.cwd, 'other.db')], disks);
  running.child.kill('SIGKILL');
  await running.end();
  return { jobId, whileRunning };
};

/** Ends the job in its new journal. */
const expectGoesOn = async (jobId: string, disks: Disks, to: string): Promise<void> => {
  const there = { ...disks, journal: to };
  await done(['resume', jobId, '--quiet', '--rate', '100M'], there);
  const [digest] = jsonLines(await done(['digest', disks.base, '--json'], there));
  expect(digest?.sha256).toBe(original.sha256);
  expect(await done(['audit', jobId, '--data'], there)).toContain(`Job ${jobId}: right`);
};

/** Nobody goes on with it in its old journal. */
const expectGone = async (jobId: string, disks: Disks): Promise<void> => {
  expect(await refused(['resume', jobId], disks)).toContain('was moved to another journal');
  expect(await done(['resume', '--all'], disks)).toContain('There is no unfinished job');
  expect(await refused(['merge', disks.child, disks.base], disks)).toContain('job-holds-image');
  expect(await done(['jobs'], disks)).toContain('Moved');
  expect(await done(['audit', jobId], disks)).toContain(`Job ${jobId}: right`);
};

const expectMoves = async (urlIn: (folder: string) => string): Promise<{ disks: Disks; jobId: string; to: string }> => {
  const disks = newDisks();
  const to = urlIn(disks.cwd);
  const { jobId, whileRunning } = await killedMerge(disks);
  expect(whileRunning.code).toBe(3);
  expect(whileRunning.err).toContain('image-in-use');
  await done(['journal', 'move', jobId, '--to', to], disks);
  expect(await done(['journal', 'move', jobId, '--to', to], disks)).toContain('all events were there already');
  return { disks, jobId, to };
};

describe('a job that was killed half-way', () => {
  test('goes on in another SQLite journal', async () => {
    const { disks, jobId, to } = await expectMoves((folder) => `sqlite:${join(folder, 'new.db')}`);
    await expectGone(jobId, disks);
    await expectGoesOn(jobId, disks, to);
  }, 120_000);

  test('goes on in a KurrentDB journal', async () => {
    const server = await KurrentProtocolServer.start();
    try {
      const { disks, jobId, to } = await expectMoves(() => server.url);
      await expectGoesOn(jobId, disks, to);
    } finally {
      await server.stop();
    }
  }, 120_000);

  test('goes on in a journal that got it as a file', async () => {
    const disks = newDisks();
    const { jobId } = await killedMerge(disks);
    const to = join(disks.cwd, 'new.db');
    await done(['journal', 'export', '--output', 'copy.ndjson'], disks);
    expect(await refused(['journal', 'import', 'copy.ndjson', '--journal', to], disks)).toContain('is not finished');
    await done(['journal', 'export', jobId, '--move-to', to, '--output', 'job.ndjson'], disks);
    const again = await ran(['journal', 'export', jobId, '--move-to', to], disks);
    expect([again.code, again.out.split('\n').length]).toEqual([
      0,
      readFileSync(join(disks.cwd, 'job.ndjson'), 'utf8').split('\n').length,
    ]);
    expect(await refused(['journal', 'export', '--output', 'job.ndjson'], disks)).toContain('is a file of this name');
    await done(['journal', 'import', 'job.ndjson', '--journal', to], disks);
    expect(await done(['journal', 'import', 'job.ndjson', '--journal', to], disks)).toContain('was here already');
    await expectGoesOn(jobId, disks, to);
  }, 120_000);
});

describeWithPostgres('a job that was killed half-way, and PostgreSQL', (server) => {
  test('goes on in a PostgreSQL journal', async () => {
    const url = await server().newDatabase();
    const { disks, jobId, to } = await expectMoves(() => url);
    await expectGoesOn(jobId, disks, to);
  }, 120_000);
});

describe('a hostile trail', () => {
  /** A reader of SQLite leaves an empty write-ahead log and its index behind; neither holds an event. */
  const contentOf = (folder: string): unknown =>
    readdirSync(folder)
      .filter((name) => !name.endsWith('-shm') && statSync(join(folder, name)).size > 0)
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]);

  test('is refused with its line, and leaves the journal as it was, to the byte', async () => {
    const disks = newDisks();
    await done(['merge', disks.child, disks.base], disks);
    await done(['journal', 'export', '--output', 'trail.ndjson'], disks);
    const target = { ...newDisks(), cwd: disks.cwd, journal: join(mkdtempSync(join(scratch(), 'j-')), 'journal.db') };
    const other = newDisks();
    await done(['merge', other.child, other.base, '--journal', target.journal], other);
    const folder = join(target.journal, '..');
    const before = contentOf(folder);
    const text = readFileSync(join(disks.cwd, 'trail.ndjson'));
    const middle = text.length >> 1;
    const hostile: Readonly<Record<string, readonly [Buffer, string]>> = {
      'a flipped bit': [Buffer.from(text.map((byte, at) => (at === middle ? byte ^ 1 : byte))), 'Line '],
      'half a file': [text.subarray(0, middle), 'Line '],
      'a huge line': [
        Buffer.concat([text.subarray(0, 300), Buffer.alloc(17 * 1024 * 1024, 0x20), text.subarray(300)]),
        'is longer than',
      ],
      'no UTF-8': [Buffer.concat([Buffer.from([0xff]), text]), 'is not UTF-8'],
      'something else': [Buffer.from('hello\n'), 'is not the first line of a trail'],
      nothing: [Buffer.alloc(0), 'Line 1 of the trail is missing'],
    };
    for (const [name, [bytes, what]] of Object.entries(hostile)) {
      writeFileSync(join(disks.cwd, 'hostile.ndjson'), bytes);
      expect(await refused(['journal', 'import', 'hostile.ndjson'], target), name).toContain(what);
      expect(contentOf(folder), name).toEqual(before);
    }
    const absent = { ...target, journal: join(disks.cwd, 'absent.db') };
    await refused(['journal', 'import', 'hostile.ndjson'], absent);
    expect(existsSync(absent.journal)).toBe(false);
    await done(['journal', 'import', 'trail.ndjson'], target);
  }, 120_000);
});

describe('wrong use', () => {
  test.each([
    [['journal', 'move', '3f2a', '--to', 'memory:'], 'a journal in memory ends with this program'],
    [['journal', 'move', '3f2a', '--to', 'sqlite:old.db', '--journal', './old.db'], 'in this journal already'],
    [['journal', 'move', '3f2a'], '--to'],
    [['journal', 'import', 'x', '--journal', 'memory:'], 'a journal in memory ends with this program'],
    [['journal', 'import', 'x', '--key', 'none.pem'], 'no such file'],
    [['journal', 'export', '--json'], '--output'],
    [['journal', 'export', '--move-to', 'new.db'], 'expected JOB'],
    [['journal', 'move', '3f2a', '--to', 'mysql://ops:secret@db'], 'mysql://ops:***@db'],
  ])('%j says what was expected', async (words, what) => {
    const { code, err } = await ran(words, { cwd: original.cwd, journal: join(original.cwd, 'old.db') });
    expect([code, err]).toEqual([2, expect.stringContaining(what)]);
    expect(err).not.toContain('secret');
    expect(readdirSync(original.cwd).filter((name) => name.endsWith('.db'))).toEqual([]);
  });
});

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../models/scratch-folder.js';
import { programPath } from './built-program.js';
import { type Ended, type Environment, jsonLines, ran, start, type Started } from './cli-processes.js';

const scratch = scratchFolder();
const MIB = 1024 * 1024;

const COMMANDS = [
  ...['plan', 'merge', 'resume', 'suspend', 'terminate', 'jobs', 'show', 'watch', 'events', 'audit'],
  ...['journal', 'key'],
  ...['inspect', 'chain', 'validate', 'digest', 'create', 'diff', 'convert'],
  ...['scan', 'reparent'],
];

const BLOCK_BYTES = 64 * 1024;
const BLOCKS = 48;

/** Base and child of 12 MiB, made by the program from raw files: the child differs in some of its blocks. */
type Disks = Environment & { readonly base: string; readonly child: string; readonly sha256: string };

const disks = (journalIn: 'apart' | 'among the images' = 'apart'): Disks => {
  const cwd = mkdtempSync(join(scratch(), 'd-'));
  const journal = join(journalIn === 'apart' ? mkdtempSync(join(scratch(), 'j-')) : cwd, 'journal.db');
  for (const name of ['base.vhd', 'child.vhd']) copyFileSync(join(original.cwd, name), join(cwd, name));
  return { ...original, cwd, journal, base: join(cwd, 'base.vhd'), child: join(cwd, 'child.vhd') };
};

let original: Disks;

beforeAll(async () => {
  const cwd = mkdtempSync(join(scratch(), 'o-'));
  const before = Buffer.alloc(12 * MIB);
  before.fill(1, 0, 2 * MIB);
  const after = Buffer.from(before);
  for (let block = 40; block < 40 + BLOCKS; block++) after.fill(block, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
  writeFileSync(join(cwd, 'a.raw'), before);
  writeFileSync(join(cwd, 'b.raw'), after);
  const environment = { cwd, journal: join(cwd, 'none') };
  const made = [
    await ran(['create', 'base.vhd', '--from', 'a.raw', '--block-size', '64K'], environment),
    await ran(['diff', 'child.vhd', 'base.vhd', '--from', 'b.raw', '--block-size', '64K'], environment),
  ];
  expect(made.map(({ code, err }) => [code, err])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  const sha256 = createHash('sha256').update(after).digest('hex');
  original = { ...environment, base: join(cwd, 'base.vhd'), child: join(cwd, 'child.vhd'), sha256 };
});

const digestOf = async (image: string, environment: Environment): Promise<unknown> =>
  (JSON.parse((await ran(['digest', image, '--json'], environment)).out) as { sha256: string }).sha256;

const snapshot = (folder: string): unknown =>
  readdirSync(folder)
    .sort()
    .map((name) => {
      const { mtimeNs, ctimeNs } = statSync(join(folder, name), { bigint: true });
      return [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
        mtimeNs,
        ctimeNs,
      ];
    });

const merge = (made: Disks, ...options: readonly string[]): readonly string[] => [
  'merge',
  made.child,
  made.base,
  ...options,
];

/** A merge of a block a second, met when its first block is committed: it is stopped long before its end. */
const slowly = ['--rate', '64K', '--window', '64K', '--json'];
const met = async (made: Disks): Promise<{ readonly process: Started; readonly jobId: string }> => {
  const process = start(merge(made, ...slowly), made);
  return { process, jobId: await process.says(/"type":"BlockMerged","stream":"merge-([0-9a-f-]{36})"/) };
};

const lastLine = ({ out }: Ended): Readonly<Record<string, unknown>> => jsonLines(out).at(-1)!;

describe.concurrent('help', () => {
  it.each(COMMANDS)('of %s works, and has an example that is a command line of it', async (command) => {
    const { code, out, err } = await ran([command, '--help'], { cwd: scratch(), journal: 'none:' });
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`Examples?:\\n  chainfold ${command}`));
    expect(out).toContain(`Usage: chainfold ${command} `);
  });

  it('names every command, and the exit codes', async () => {
    const { code, out } = await ran(['--help'], { cwd: scratch(), journal: 'none:' });
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(out).toContain('2 wrong usage');
  });

  it('has the version', async () => {
    const version = await ran(['--version'], { cwd: scratch(), journal: 'none:' });
    expect(version).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string, err: '' });
  });
});

describe.concurrent('wrong usage is exit code 2, and says what was expected', () => {
  it.each<readonly [readonly string[], RegExp]>([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['merge', '/a'], /missing required argument 'DESTINATION'/],
    [['merge', '/a', '/b', '/c'], /too many arguments/],
    [['merge', '/a', '/b', '--verify', 'maybe'], /blocks, full, none/],
    [['merge', '/a', '/b', '--window', '64MB'], /64M/],
    [['merge', '/a', '/b', '--rate', '0'], /Expected a number of bytes/],
    [['merge', '/a', '/b', '--verify', 'none', '--retire', 'delete'], /--verify blocks/],
    [['merge', '/a', '/b', '--verify', 'none', '--retire', 'quarantine'], /--verify blocks/],
    [['merge', '/a', '/b', '--journal', 'kurrentdb://h:1/?tls=perhaps'], /tls/],
    [['merge', '/a', '/b', '--journal', 'ftp:x'], /sqlite:PATH/],
    [['merge', '/a', '/b', '--root', '/nowhere/at/all'], /expected a folder, found nothing/],
    [['create', 'x.vhd'], /--size BYTES or --from RAW/],
    [['create', 'x.vhd', '--size', '1M', '--from', 'y'], /cannot be used with/],
    [['create', 'x.vhd', '--size', '1000'], /multiple of 512/],
    [['diff', 'x.img', 'y.vhd'], /\.vhd/],
    [['resume', 'abcd', '--all'], /JOB or --all/],
    [['audit', 'abcd', '--export', 'f'], /\.html/],
    [['suspend', 'abcd', '--timeout', 'soon'], /number of seconds/],
    [['digest', 'x.vhd', '--nonsense'], /unknown option/],
  ])('%j', async (words, sentence) => {
    const cwd = mkdtempSync(join(scratch(), 'u-'));
    const { code, out, err } = await ran(words, { cwd, journal: join(cwd, 'j.db') });
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(sentence);
    expect(readdirSync(cwd).filter((name) => !name.startsWith('j.db'))).toEqual([]);
  });

  it('and without a command shows the help', async () => {
    const { code, err } = await ran([], { cwd: scratch(), journal: 'none:' });
    expect(code).toBe(2);
    expect(err).toContain('Usage: chainfold');
  });
});

describe('a merge', () => {
  let made: Disks;
  let first: Ended;
  beforeAll(async () => {
    made = disks();
    expect(await digestOf('child.vhd', made)).toBe(made.sha256);
    first = await ran(merge(made, '--json'), made);
  });

  it('leaves a destination that shows what the source shows', async () => {
    expect(first.code).toBe(0);
    expect(await digestOf('base.vhd', made)).toBe(made.sha256);
    expect(await digestOf('child.vhd', made)).toBe(made.sha256);
  });

  it('with --json prints the events as they are in the journal, progress, and the result last', async () => {
    const lines = jsonLines(first.out);
    expect(lines.at(-1)).toMatchObject({
      type: 'result',
      returnValue: 0,
      jobState: 7,
      error: null,
      blocksMerged: BLOCKS,
    });
    const events = lines.filter((line) => 'hash' in line);
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, revision) => revision));
    expect(events.map(({ type }) => type).filter((type) => type !== 'BlockMerged')).toEqual([
      ...['MergeRequested', 'ChainAccepted', 'MergeStarted', 'DestinationFinalized', 'MergeVerified', 'MergeCompleted'],
    ]);
    expect(lines.filter(({ type }) => type === 'progress').length).toBeGreaterThan(0);
    expect(lines.every((line) => 'hash' in line || line.type === 'progress' || line.type === 'result')).toBe(true);
    const { jobId } = lines.at(-1) as { readonly jobId?: string };
    const printed = await ran(['events', jobId!, '--json'], made);
    expect(jsonLines(printed.out)).toEqual(events);
  });

  it('run again is answered 0 with the same job, and writes nothing', async () => {
    const before = [snapshot(made.cwd), (await ran(['jobs', '--json'], made)).out];
    const again = await ran(merge(made, '--json'), made);
    expect(again.code).toBe(0);
    expect(lastLine(again)).toMatchObject({
      jobId: lastLine(first).jobId,
      returnValue: 0,
      blocksMerged: BLOCKS,
      blocksRedone: 0,
    });
    expect([snapshot(made.cwd), (await ran(['jobs', '--json'], made)).out]).toEqual(before);
  });

  it('stands the audit, with the data and without', async () => {
    const { code, out } = await ran(['audit', String(lastLine(first).jobId), '--data', '--json'], made);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ right: true, data: { blocks: BLOCKS, differing: [] } });
  });

  it('that is refused is exit code 3 with the codes of WMI on stderr, and its result is the last line', async () => {
    const refused = await ran(['merge', 'child.vhd', made.base, '--json'], made);
    expect(refused.code).toBe(3);
    expect(lastLine(refused)).toMatchObject({
      returnValue: 32773,
      hresult: 0x80070057,
      error: { kind: 'invalid-parameter' },
    });
    expect(refused.err).toMatch(/\$PWD\/child\.vhd.*\n.*32773 \(invalid parameter\), HRESULT 0x80070057/);
  });
});

describe('a plan', () => {
  it('writes nothing, and makes no journal', async () => {
    const made = disks();
    const before = snapshot(made.cwd);
    const { code, out } = await ran(['plan', made.child, '--json'], made);
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(out) as object)).toEqual([
      ...[
        'source',
        'destination',
        'blocks',
        'bytes',
        'newBlocks',
        'spaceNeeded',
        'spaceFree',
        'siblings',
        'holders',
        'refusal',
      ],
    ]);
    expect(JSON.parse(out)).toMatchObject({
      destination: made.base,
      blocks: BLOCKS,
      bytes: BLOCKS * BLOCK_BYTES,
      refusal: null,
    });
    expect(snapshot(made.cwd)).toEqual(before);
    expect(existsSync(made.journal)).toBe(false);
  });
});

describe.concurrent('a merge that is under way', { timeout: 90_000 }, () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops at a durable point on %s with exit code 4, and the rerun completes it',
    async (signal) => {
      const made = disks();
      const { process, jobId } = await met(made);
      process.child.kill(signal);
      const stopped = await process.end();
      expect(stopped.code).toBe(4);
      expect(lastLine(stopped)).toMatchObject({
        jobId,
        jobState: 5,
        returnValue: 32768,
        hresult: 0x800704c7,
        error: null,
      });
      expect(stopped.err).toContain(`chainfold resume ${jobId}`);
      expect(await digestOf('child.vhd', made)).toBe(made.sha256);
      const again = await ran(merge(made, '--json'), made);
      expect(again.code).toBe(0);
      expect(jsonLines(again.out)[0]).toMatchObject({ type: 'MergeResumed' });
      expect(lastLine(again)).toMatchObject({ jobId, jobState: 7, blocksMerged: BLOCKS });
      expect(await digestOf('base.vhd', made)).toBe(made.sha256);
    },
  );

  it('is suspended from another process, shown, and resumed', async () => {
    const made = disks();
    const { process, jobId } = await met(made);
    const suspended = await ran(['suspend', jobId.slice(0, 8)], made);
    expect([suspended.code, suspended.out]).toEqual([0, expect.stringContaining('is suspended') as string]);
    expect((await process.end()).code).toBe(4);
    const shown = await ran(['show', jobId, '--json'], made);
    expect(JSON.parse(shown.out)).toMatchObject({ jobStateName: 'Suspended', unfinished: true });
    const resumed = await ran(['resume', '--rate', '1G', '--json'], made);
    expect([resumed.code, lastLine(resumed).jobId]).toEqual([0, jobId]);
    expect(await digestOf('base.vhd', made)).toBe(made.sha256);
  });

  it('is terminated from another process; the same merge is then a new job', async () => {
    const made = disks();
    const { process, jobId } = await met(made);
    expect((await ran(['terminate', jobId], made)).code).toBe(0);
    expect((await process.end()).code).toBe(4);
    const again = await ran(['terminate', jobId], made);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('has ended') as string]);
    const anew = await ran(merge(made, '--json'), made);
    expect(anew.code).toBe(0);
    expect(lastLine(anew).jobId).not.toBe(jobId);
    expect(await digestOf('base.vhd', made)).toBe(made.sha256);
  });

  it('that is killed is told as interrupted, and goes on', async () => {
    const made = disks();
    const { process, jobId } = await met(made);
    process.child.kill('SIGKILL');
    await process.end();
    expect((await ran(['jobs'], made)).out).toContain('Interrupted');
    const watched = await ran(['watch', jobId], made);
    expect([watched.code, watched.err]).toEqual([1, expect.stringContaining(`chainfold resume ${jobId}`) as string]);
    const again = await ran(merge(made, '--json'), made);
    expect(jsonLines(again.out)[0]).toMatchObject({ type: 'MergeRecovered' });
    expect(await digestOf('base.vhd', made)).toBe(made.sha256);
    expect((await ran(['audit', jobId, '--data'], made)).code).toBe(0);
  });

  it('refuses a second one with 32774 that names the process and the job; the journal may lie among the images', async () => {
    const made = disks('among the images');
    const { process, jobId } = await met(made);
    const second = await ran(merge(made, '--json'), made);
    expect(second.code).toBe(3);
    expect(lastLine(second)).toMatchObject({ returnValue: 32774, error: { kind: 'image-in-use' } });
    expect(second.err).toContain(`pid ${String(process.child.pid)}`);
    expect(second.err).toContain(jobId);
    process.child.kill('SIGTERM');
    expect((await process.end()).code).toBe(4);
    // The search for siblings must not touch the journal: its locks would be gone, and the second process would take its log away.
    expect(jsonLines((await ran(['events', jobId, '--json'], made)).out).at(-1)).toMatchObject({
      type: 'MergeSuspended',
    });
  });

  it('is followed by a watcher in another process until it stops', async () => {
    const made = disks();
    const { process, jobId } = await met(made);
    const watcher = start(['watch', jobId, '--json'], made);
    await watcher.says(/"type":"BlockMerged"/);
    process.child.kill('SIGINT');
    const watched = await watcher.end();
    expect(watched.code).toBe(4);
    const lines = jsonLines(watched.out);
    expect(lines.at(-1)).toMatchObject({ type: 'end', jobState: 5 });
    const events = jsonLines((await process.end()).out).filter((line) => 'hash' in line);
    expect(lines.filter((line) => 'hash' in line)).toEqual(events);
  });
});

describe.concurrent('a reader', { timeout: 90_000 }, () => {
  it('who is slow gets every event, and does not slow the merge', async () => {
    const made = disks();
    const process = start(merge(made, '--json', '--window', '64K'), made);
    process.child.stdout!.pause();
    for (;;) {
      const jobs = jsonLines((await ran(['jobs', '--json'], made)).out);
      if (jobs[0]?.jobStateName === 'Completed') break;
    }
    process.child.stdout!.resume();
    const { code, out } = await process.end();
    expect(code).toBe(0);
    const revisions = jsonLines(out)
      .filter((line) => 'hash' in line)
      .map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.map((_, at) => at));
    expect(jsonLines(out).at(-1)).toMatchObject({ type: 'result', returnValue: 0 });
  });

  it('who goes away does not stop the merge', async () => {
    const made = disks();
    const process = start(merge(made, '--json', '--rate', '2M', '--window', '64K'), made);
    await process.says(/BlockMerged/);
    process.child.stdout!.destroy();
    expect(await process.end()).toMatchObject({ code: 0, err: '' });
    expect(await digestOf('base.vhd', made)).toBe(made.sha256);
  });

  it('of plain lines gets one for each event that is not a block, and few about the blocks', async () => {
    const made = disks();
    const startedAt = performance.now();
    const { code, out } = await ran(merge(made, '--rate', '2M', '--window', '64K'), made);
    const seconds = (performance.now() - startedAt) / 1000;
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('merging')).length).toBeLessThanOrEqual(seconds);
    expect(out).toMatch(/^requested by .*\nchain accepted: .*\nstarted: /);
    expect(out).toMatch(/\ncompleted: .*\nMerged .* verified \(blocks\)\. Job .*\n/);
  });

  it('with --quiet gets the last word only', async () => {
    const made = disks();
    const { out } = await ran(merge(made, '--quiet'), made);
    expect(out).toMatch(/^Merged .*\n.*\n$/);
  });

  it('at a terminal sees a bar with committed and copied bytes, rate and time left', async () => {
    if (!hasScript()) return;
    const made = disks();
    const command = [process.execPath, programPath(), ...merge(made, '--rate', '2M', '--window', '64K')];
    const child = spawn('script', ['-qec', command.map((word) => `'${word}'`).join(' '), '/dev/null'], {
      env: { ...process.env, CHAINFOLD_JOURNAL: made.journal, TERM: 'xterm', COLUMNS: '200' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
    await once(child, 'close');
    expect(child.exitCode).toBe(0);
    expect(seen).toMatch(
      /█.*merging \d+ %: committed [\d.]+ MiB of 3 MiB, copied [\d.]+ MiB, [\d.]+ .iB\/s, ETA [\d.]+ s/,
    );
    expect(seen).toMatch(/Merged .* Job /);
  });
});

/** `script` of util-linux gives a program a terminal. */
const hasScript = (): boolean => {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch (error) {
    console.warn(`left out: the progress bar at a terminal: ${String(error)}`);
    return false;
  }
};

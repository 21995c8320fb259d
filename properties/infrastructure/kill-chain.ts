import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { programPath, run, type Ended } from './built-program.js';
import { followChain, guestSha256, writePlainVhd, type PlainBlock } from '../models/plain-vhd.js';

/** A merge of 220 MiB, killed again and again, by the built program. */
export const MERGED_MIB = 220;
const BLOCK_BYTES = 512 * 1024;
const BLOCKS = (MERGED_MIB * 1024 * 1024) / BLOCK_BYTES;
const WINDOW_BYTES = 2 * BLOCK_BYTES;
/** Room for both: blocks that the base has, and blocks that it gets. */
const DISK_BLOCKS = BLOCKS + 40;

export type KillReport = {
  /** The number of committed blocks that the journal showed when each kill struck. */
  readonly struckAt: readonly number[];
  /** Kills after which the next run found an unfinished job. */
  readonly foundUnfinished: number;
  readonly events: readonly JournalEvent[];
  readonly sha256: string;
  readonly expected: string;
  readonly audit: Ended;
};

export type JournalEvent = { readonly type: string; readonly revision: number; readonly data: Record<string, unknown> };

/** Merges, kills, and merges on, until `kills` have struck and the merge has ended. `random` in [0, 1). */
export const killedMerge = async (folder: string, kills: number, random: () => number): Promise<KillReport> => {
  const { base, child } = writeChain(folder);
  const expected = guestSha256(followChain(child));
  const journal = `sqlite:${join(folder, 'journal', 'journal.db')}`;
  const mergeArguments = [
    'merge',
    child,
    base,
    '--journal',
    journal,
    '--json',
    '--window',
    String(WINDOW_BYTES),
    '--rate',
    '60M',
  ];
  const struckAt: number[] = [];
  let foundUnfinished = 0;
  let committed = 0;
  while (struckAt.length < kills) {
    // Where this kill is to strike: the rest of the merge is shared out among the kills that are left.
    const left = (BLOCKS - committed) / (kills - struckAt.length);
    // The last blocks are left to the run that is not killed.
    const target = Math.min(committed + Math.floor(random() * 2 * left), BLOCKS - 10);
    const ended = await runUntil(
      mergeArguments,
      (seen) => seen >= target,
      committed,
      () => random() * 25,
    );
    if (!ended.killed)
      throw new Error(`the merge ended with ${kills - struckAt.length} kills to come: ${ended.output}`);
    struckAt.push(ended.committed);
    committed = Math.max(committed, ended.committed);
    foundUnfinished += 1;
  }
  const last = await runUntil(
    mergeArguments,
    () => false,
    committed,
    () => 0,
  );
  if (last.code !== 0) throw new Error(`the last run exited with ${String(last.code)}: ${last.output}`);
  const events = await readEvents(journal);
  return {
    struckAt,
    foundUnfinished,
    events,
    sha256: guestSha256(followChain(base)),
    expected,
    audit: await run(['audit', jobOf(last.output), '--journal', journal]),
  };
};

const writeChain = (folder: string): { readonly base: string; readonly child: string } => {
  const base = join(folder, 'base.vhd');
  const child = join(folder, 'child.vhd');
  const common = {
    dialect: 'windows',
    sizeBytes: DISK_BLOCKS * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    timeStamp: 1,
  } as const;
  const baseId = 'aaaaaaaa-0000-4000-8000-000000000001';
  const bits = Array.from({ length: BLOCK_BYTES / 512 }, () => true);
  const block = (seed: number): PlainBlock => ({ bits, data: contentOf(seed) });
  // The base has every other block, so that a merge both overwrites and appends.
  const ofBase = new Map(Array.from({ length: DISK_BLOCKS / 2 }, (_, n) => [n * 2, block(1_000_000 + n)]));
  writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: baseId, blocks: ofBase });
  const ofChild = new Map(Array.from({ length: BLOCKS }, (_, n) => [n + 20, block(n)]));
  writePlainVhd(child, {
    ...common,
    type: 'differencing',
    uniqueId: 'aaaaaaaa-0000-4000-8000-000000000002',
    blocks: ofChild,
    parent: { uniqueId: baseId, fileName: 'base.vhd', timeStamp: 1 },
  });
  return { base, child };
};

/** Every sector says which block it is of and where. */
const contentOf = (seed: number): Uint8Array => {
  const data = new Uint8Array(BLOCK_BYTES);
  const words = new Uint32Array(data.buffer);
  for (let word = 0; word < words.length; word++) words[word] = (seed * 2_654_435_761 + word) >>> 0;
  return data;
};

type RunEnd = {
  readonly killed: boolean;
  readonly committed: number;
  readonly code: number | null;
  readonly output: string;
};

/** Starts the program and kills it a moment after `strike` says so, by the blocks that it has told of as committed. */
const runUntil = async (
  args: readonly string[],
  strike: (committed: number) => boolean,
  before: number,
  delayMs: () => number,
): Promise<RunEnd> => {
  const child = spawn(process.execPath, [programPath(), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let committed = before;
  let struck = false;
  const kill = (): void => {
    if (struck) return;
    struck = true;
    setTimeout(() => child.kill('SIGKILL'), delayMs());
  };
  child.stderr.on('data', (text: Buffer) => lines.push(text.toString()));
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const event = JSON.parse(line) as { type: string; data?: { totals?: { blocks: number } } };
    committed = event.data?.totals?.blocks ?? committed;
    // Recovered and started: the earliest moment at which this run may write.
    if (strike(committed) && ['MergeStarted', 'MergeRecovered', 'BlockMerged', 'progress'].includes(event.type)) kill();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { killed: signal === 'SIGKILL', committed, code, output: lines.slice(-5).join('\n') };
};

const readEvents = async (journal: string): Promise<readonly JournalEvent[]> => {
  const jobs = await run(['jobs', '--json', '--journal', journal]);
  const [job] = jobs.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { jobId: string }).jobId);
  const { stdout } = await run(['events', job!, '--json', '--journal', journal]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalEvent);
};

const jobOf = (output: string): string => (JSON.parse(output.trim().split('\n').at(-1)!) as { jobId: string }).jobId;

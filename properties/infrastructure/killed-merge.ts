import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { drawnFrom } from '../simulation/draws.js';
import { programPath, run, type Ended } from './built-program.js';
import type { ChainToKill } from './kill-chain.js';

type KillReport = {
  /** The number of committed blocks that the journal showed when each kill struck. */
  readonly struckAt: readonly number[];
  /** What `afterKill` said of each. */
  readonly stages: readonly string[];
  readonly events: readonly JournalEvent[];
  readonly audit: Ended;
};

type JournalEvent = { readonly type: string; readonly revision: number; readonly data: Record<string, unknown> };

/** What must hold after any number of kills; prints where they struck, so that one can see that they spread. */
export const expectSurvivesKills = async (folder: string, chain: ChainToKill, kills: number): Promise<void> => {
  const expected = chain.digest(chain.source);
  const seed = Number(process.env.CHAINFOLD_SEED ?? '1');
  const draw = drawnFrom(seed);
  const report = await killedMerge(folder, chain, kills, () => draw(1_000_000) / 1_000_000);
  const points = report.struckAt.map((at, kill) => `${at}${report.stages[kill] ?? ''}`);
  process.stdout.write(
    `${points.length} kills (seed ${seed}) struck at these counts of committed blocks: ${points.join(' ')}\n`,
  );

  expect(chain.digest(chain.destination)).toBe(expected);
  expect(report.audit).toMatchObject({ code: 0 });
  const blocks = report.events.filter(({ type }) => type === 'BlockMerged').map(({ data }) => data.block as number);
  expect(blocks).toHaveLength(chain.blocks);
  expect(new Set(blocks).size).toBe(blocks.length);
  const recoveries = report.events.filter(({ type }) => type === 'MergeRecovered');
  // A run that was killed before it could append left none; every other run after a kill has one.
  expect(recoveries.length).toBeLessThanOrEqual(points.length);
  expect(recoveries.length).toBeGreaterThanOrEqual(Math.ceil(points.length * 0.9));
  for (const { data } of recoveries) expect(data.redoBytesAtMost).toBeLessThanOrEqual(2 * chain.windowBytes);
  const thirds = [0, 1, 2].map(
    (third) => report.struckAt.filter((at) => Math.floor((at / (chain.blocks + 1)) * 3) === third).length,
  );
  // Of fifteen kills at random moments a third of the merge may well get one or none; of two hundred it never gets less than a tenth.
  if (kills >= 100) expect(Math.min(...thirds)).toBeGreaterThan(kills / 10);
  else expect(thirds.filter((struck) => struck > 0).length).toBeGreaterThan(1);
};

/** Merges, kills, and merges on, until `kills` have struck and the merge has ended. `random` in [0, 1). */
const killedMerge = async (
  folder: string,
  chain: ChainToKill,
  kills: number,
  random: () => number,
): Promise<KillReport> => {
  const journal = `sqlite:${join(folder, 'journal', 'journal.db')}`;
  const { source, destination, blocks, windowBytes, rate, early = [], late = [] } = chain;
  const mergeArguments = ['merge', source, destination, '--journal', journal, '--json'].concat([
    '--window',
    String(windowBytes),
    '--rate',
    rate,
  ]);
  const struckAt: number[] = [];
  const stages: string[] = [];
  let committed = 0;
  const strikes = async (strike: Strike): Promise<RunEnd> => {
    const ended = await runUntil(mergeArguments, strike, committed);
    if (ended.killed) {
      struckAt.push(ended.committed);
      committed = Math.max(committed, ended.committed);
      stages.push((await chain.afterKill?.(struckAt.length)) ?? '');
    }
    return ended;
  };
  const mustStrike = async (strike: Strike): Promise<void> => {
    const ended = await strikes(strike);
    if (!ended.killed) throw new Error(`the merge ended after ${struckAt.length} of ${kills} kills: ${ended.output}`);
  };

  // What is to be seen may be too short: then the kill strikes with the first block.
  for (const sees of early)
    await mustStrike({ sees, at: ({ type }) => type === 'BlockMerged', delayMs: () => random() * 5 });
  while (struckAt.length < kills) {
    // Where this kill is to strike: the rest of the merge is shared out among the kills that are left.
    const left = (blocks - committed) / (kills - struckAt.length);
    // The last blocks are left to the run that is not killed.
    const target = Math.min(committed + Math.floor(random() * 2 * left), blocks - 10);
    await mustStrike({
      at: (event) => MAY_WRITE.has(event.type) && event.committed >= target,
      delayMs: () => random() * 25,
    });
  }
  // The end may come sooner than the kill.
  let last: RunEnd | undefined;
  for (const event of late) {
    const ended = await strikes({ at: ({ type }) => type === event, delayMs: () => random() * 10 });
    if (!ended.killed) {
      last = ended;
      break;
    }
  }
  last ??= await runUntil(mergeArguments, { at: () => false, delayMs: () => 0 }, committed);
  if (last.code !== 0) throw new Error(`the last run exited with ${String(last.code)}: ${last.output}`);
  const { jobId } = JSON.parse(last.output.trim().split('\n').at(-1)!) as { jobId: string };
  return {
    struckAt,
    stages,
    events: await readEvents(jobId, journal),
    audit: await run(['audit', jobId, '--data', '--journal', journal]),
  };
};

/** From the first two on a run may write, and with the others it has written. */
const MAY_WRITE = new Set(['MergeStarted', 'MergeRecovered', 'BlockMerged', 'progress']);

type Told = { readonly type: string; readonly committed: number };
/** Kills a moment after the first thing told that fits. */
type Strike = {
  readonly at: (told: Told) => boolean;
  readonly delayMs: () => number;
  /** Looked at all the time from where the run may write: kills at once when it says so, before `at` does. */
  readonly sees?: () => boolean;
};

type RunEnd = {
  readonly killed: boolean;
  readonly committed: number;
  readonly code: number | null;
  readonly output: string;
};

/** Starts the program and kills it when `strike` says so, by what it tells. */
const runUntil = async (args: readonly string[], strike: Strike, before: number): Promise<RunEnd> => {
  const child = spawn(process.execPath, [programPath(), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let committed = before;
  let struck = false;
  const { sees } = strike;
  const watch = (): void => {
    if (struck || child.exitCode !== null) return;
    struck = sees?.() === true;
    if (struck) child.kill('SIGKILL');
    else setImmediate(watch);
  };
  let watches = false;
  child.stderr.on('data', (text: Buffer) => lines.push(text.toString()));
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const { type, data } = JSON.parse(line) as { type: string; data?: { totals?: { blocks: number } } };
    committed = data?.totals?.blocks ?? committed;
    if (sees !== undefined && !watches && MAY_WRITE.has(type)) {
      watches = true;
      watch();
    }
    if (struck || !strike.at({ type, committed })) return;
    struck = true;
    setTimeout(() => child.kill('SIGKILL'), strike.delayMs());
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { killed: signal === 'SIGKILL', committed, code, output: lines.slice(-5).join('\n') };
};

const readEvents = async (jobId: string, journal: string): Promise<readonly JournalEvent[]> => {
  const { stdout } = await run(['events', jobId, '--json', '--journal', journal]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JournalEvent);
};

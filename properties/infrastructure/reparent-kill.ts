/** The built program, killed at random moments while it relinks a child to and fro. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { drawnFrom } from '../simulation/draws.js';
import { programPath, resultOf, run } from './built-program.js';
import type { Format } from './reparent-disks.js';
import { judged, smallChain } from './reparent-files.js';

/** After every kill the child shows what it showed; the same command again succeeds, and then it has its new parent. */
export const expectSurvivesKills = async (scratch: string, format: Format, kills: number): Promise<void> => {
  const { root, child, base } = await smallChain(scratch, format);
  const journal = join(root, 'journal', 'journal.db');
  const copy = `${base}-copy`;
  copyFileSync(base, copy);
  const shown = judged(format, child).sha256;
  const words = (parent: string): readonly string[] => ['reparent', child, parent, '--journal', journal, '--json'];
  const draw = drawnFrom(Number(process.env.CHAINFOLD_SEED ?? '1'));
  const wholeMs = await timed(() => run(words(copy)));
  const struck: string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const parent = kill % 2 === 0 ? base : copy;
    // A change takes milliseconds at the end of a start: two of three kills are to strike there.
    const delayMs = kill % 3 === 0 ? null : draw(12);
    const latestMs = wholeMs * (delayMs === null ? 0.4 + draw(600) / 1000 : 5);
    const wasKilled = await killed({ journalLog: `${journal}-wal`, latestMs, delayMs }, words(parent));
    expect(judged(format, child).sha256).toBe(shown);
    const ended = await run(words(parent));
    expect(ended.code, ended.stderr).toBe(0);
    const { answer, finished } = resultOf(ended);
    const finishedText = finished === null ? '' : ', finished first';
    struck.push(`${wasKilled ? 'killed' : 'ended'}: ${String(answer)}${finishedText}`);
    expect(judged(format, child)).toEqual({ paths: [child, parent], sha256: shown });
  }
  // Else no kill has struck between the record and the end.
  expect(struck.filter((text) => text.includes('finished first')).length).toBeGreaterThan(kills / 10);
  process.stdout.write(`${format}: ${struck.join('; ')}\n`);
};

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

/** Kills a moment after the journal has grown, or after this time when it has not. True when the kill came before the end. */
const killed = async (strike: Strike, words: readonly string[]): Promise<boolean> => {
  const { journalLog, latestMs, delayMs } = strike;
  const child = spawn(process.execPath, [programPath(), ...words], { stdio: 'ignore' });
  const kill = (): void => void child.kill('SIGKILL');
  const latest = setTimeout(kill, latestMs);
  const before = sizeOf(journalLog);
  const watch = (): void => {
    if (child.exitCode !== null || child.killed) return;
    const size = sizeOf(journalLog);
    // It is emptied when the journal is opened, and grows with the first append.
    if (size > 0 && size !== before) setTimeout(kill, delayMs ?? 0);
    else setTimeout(watch, 1);
  };
  if (delayMs !== null) watch();
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(latest);
  return signal === 'SIGKILL';
};

type Strike = {
  readonly journalLog: string;
  readonly latestMs: number;
  /** After the journal has grown; null: `latestMs` alone counts. */
  readonly delayMs: number | null;
};

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * Defends two figures of DESIGN §3: the last committed block of a job with 1,000,000 `BlockMerged` events is found in less than
 * 50 ms, and the replay of them all takes less than 5 s. Exit 1 when either is missed.
 *
 * Run: node --conditions=source --import tsx bench/replay-a-million.ts [EVENTS]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldWholeStream, readJobState } from '#application/jobs/read-job-state';
import type { EventStore } from '#application/ports/event-store';
import { committedOf } from '#domain/merge-job/state';
import { EventJson } from '#infrastructure/event-store/event-json';
import { openEventStore } from '#infrastructure/event-store/open-event-store';
import { EVENTS_PER_APPEND, appendsOfJob } from '../properties/product/long-job.js';
import { tools } from '../properties/product/recorded-events.js';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const MOST_MS_TO_LAST_BLOCK = 50;
const MOST_S_TO_REPLAY = 5;
const REPLAYS = 3;
const STREAM = 'merge-0b0f9d6e-7a50-5b1c-9b58-0d3c8f0ad5a1';

const write = async (store: EventStore): Promise<void> => {
  for (const events of appendsOfJob(STREAM, EVENTS)) {
    const { outcome } = await store.append(STREAM, events[0]!.revision - 1, events);
    if (outcome !== 'appended')
      throw new Error(`An append before revision ${String(events[0]!.revision)} answered ${outcome}.`);
  }
};

const timed = async <T>(
  work: () => Promise<T>,
): Promise<{ readonly ms: number; readonly cpuMs: number; readonly value: T }> => {
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(cpuFrom);
  return { ms: performance.now() - from, cpuMs: (user + system) / 1000, value };
};

const show = (what: string, figure: string): void => console.log(`${what.padEnd(58)} ${figure}`);
const seconds = ({ ms, cpuMs }: { readonly ms: number; readonly cpuMs: number }): string =>
  `${(ms / 1000).toFixed(2)} s (${(cpuMs / 1000).toFixed(2)} s of CPU)`;

const measure = async (path: string): Promise<boolean> => {
  const writer = await openEventStore(path, { mode: 'read-write' });
  const written = await timed(() => write(writer));
  await writer.close();
  show(`${String(EVENTS)} events sealed and appended, ${String(EVENTS_PER_APPEND)} each`, seconds(written));
  show('journal', `${String(Math.round(statSync(path).size / 2 ** 20))} MiB`);

  const opened = await timed(() => openEventStore(path, { mode: 'read-write' }));
  const store = opened.value;
  show('store opened', `${opened.ms.toFixed(1)} ms`);
  const reader = { store, codec: new EventJson(), digests: tools.digests };

  const last = await timed(() => store.readLast(STREAM, 'BlockMerged'));
  show('last committed block found', `${last.ms.toFixed(1)} ms`);
  const state = await timed(() => readJobState(STREAM, reader));
  show('state of the job found (without its blocks)', `${state.ms.toFixed(1)} ms`);

  let replayMs = Infinity;
  for (let run = 1; run <= REPLAYS; run += 1) {
    const replay = await timed(() => foldWholeStream(STREAM, reader));
    show(`whole replay: read, decode, fold (${String(run)} of ${String(REPLAYS)})`, seconds(replay));
    replayMs = Math.min(replayMs, replay.ms);
    const { blocks } = committedOf(replay.value.state);
    if (blocks !== EVENTS || committedOf(state.value.state).blocks !== EVENTS) throw new Error('The states differ.');
  }
  show('peak memory', `${String(Math.round(process.resourceUsage().maxRSS / 1024))} MiB`);
  await store.close();
  return state.ms < MOST_MS_TO_LAST_BLOCK && last.ms < MOST_MS_TO_LAST_BLOCK && replayMs < MOST_S_TO_REPLAY * 1000;
};

const folder = mkdtempSync(join(tmpdir(), 'chainfold-bench-'));
try {
  show('node', process.version);
  show('cpu', `${cpus()[0]?.model ?? 'unknown'}, ${String(cpus().length)} threads`);
  show('date', new Date().toISOString());
  if (!(await measure(join(folder, 'journal.db')))) {
    console.error(
      `Missed: ${String(MOST_MS_TO_LAST_BLOCK)} ms to the last block, ${String(MOST_S_TO_REPLAY)} s for the replay.`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

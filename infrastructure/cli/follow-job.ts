import { jobStreamName } from '#application/jobs/job-stream';
import { JournalProgress } from '#application/progress/journal-progress';
import { jobStateOf, percentOf } from '#application/use-cases/job-summary';
import type { WatchEnd } from '#application/use-cases/watch-merge';
import type { Program } from '../container/compose.js';
import { printEvent } from '#application/journal/event-text';
import { eventLine } from './event-line.js';
import { tickLine } from './plain-view.js';
import { printable, printableJson, printableJsonText } from './printable.js';
import type { Terminal } from './terminal.js';

const TICK_EVERY_MS = 250;
const LINE_EVERY_MS = 1000;

/** Every event, with a progress tick after it when the last one is long enough ago, and last how the job stands. */
export const followAsJson = async (
  jobId: string,
  from: number,
  program: Program,
  { out }: Terminal,
): Promise<WatchEnd> => {
  const { codec, clock } = program.ports;
  const progress = await progressUpTo(jobId, from, program);
  let tickAt = -Infinity;
  const events = program.watchMerge.events(jobId, from);
  for (;;) {
    const next = await events.next();
    if (next.done === true) {
      const { state, revision, runner } = next.value;
      const { number, name } = jobStateOf(state);
      await out.line(printableJson(progress.current));
      await out.line(
        printableJson({
          type: 'end',
          jobId,
          jobState: number,
          jobStateName: name,
          percent: percentOf(state),
          revision,
          running: runner.presence,
        }),
      );
      return next.value;
    }
    await out.line(printableJsonText(printEvent(next.value)));
    const changed = progress.see(codec.decodeJobEvent(next.value), next.value.occurredAt);
    if (!changed || clock.monotonic() - tickAt < TICK_EVERY_MS) continue;
    tickAt = clock.monotonic();
    await out.line(printableJson(progress.current));
  }
};

/** One line for each event that is not a block, and at most one a second about the blocks. */
export const followAsText = async (
  jobId: string,
  from: number,
  program: Program,
  { out }: Terminal,
  quiet: boolean,
): Promise<WatchEnd> => {
  const { codec, clock } = program.ports;
  const progress = await progressUpTo(jobId, from, program);
  if (!quiet) await out.line(`Job ${jobId}: ${tickLine(progress.current)}`);
  let lineAt = clock.monotonic();
  const events = program.watchMerge.events(jobId, from);
  for (;;) {
    const next = await events.next();
    if (next.done === true) {
      const { state } = next.value;
      const { source, destination } = 'request' in state ? state.request : { source: '?', destination: '?' };
      await out.line(
        printable(`Job ${jobId} is ${jobStateOf(state).name}, ${percentOf(state)} %: ${source} into ${destination}`),
      );
      return next.value;
    }
    if (quiet) continue;
    const event = codec.decodeJobEvent(next.value);
    progress.see(event, next.value.occurredAt);
    if (event.type !== 'BlockMerged') await out.line(eventLine(event));
    else if (clock.monotonic() - lineAt >= LINE_EVERY_MS) {
      lineAt = clock.monotonic();
      await out.line(tickLine(progress.current));
    }
  }
};

/** What the events before `from` said: of the blocks the last one says it all. */
const progressUpTo = async (jobId: string, from: number, { ports }: Program): Promise<JournalProgress> => {
  const { store, codec } = ports;
  const progress = new JournalProgress(jobId);
  const stream = jobStreamName(jobId);
  if (from === 0) return progress;
  for await (const event of store.read(stream)) {
    if (event.type === 'BlockMerged' || event.revision >= from) break;
    progress.see(codec.decodeJobEvent(event), event.occurredAt);
  }
  const lastBlock = await store.readLast(stream, 'BlockMerged');
  if (lastBlock === null || lastBlock.revision >= from) return progress;
  for await (const event of store.read(stream, { fromRevision: lastBlock.revision })) {
    if (event.revision >= from) break;
    progress.see(codec.decodeJobEvent(event), event.occurredAt);
  }
  return progress;
};

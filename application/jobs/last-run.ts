import type { RunIdentity } from '#domain/merge-job/events';
import { eventAt } from '../journal/event-at.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { UnreadableEvent, type EventCodec } from '../ports/event-codec.js';
import type { EventStore } from '../ports/event-store.js';

interface RunReader {
  readonly store: EventStore;
  readonly codec: EventCodec;
}

/**
 * Every run of the job that has begun to write, from the events with which they began. A run's events carry its number (the lease
 * epoch), which only grows along a stream: so each is found by halving, a million blocks or not.
 */
export async function* runsOf(stream: string, reader: RunReader): AsyncGenerator<RunIdentity> {
  const last = await reader.store.readLast(stream);
  if (last === null) return;
  const first = await firstRun(stream, reader);
  if (first !== null) yield first;
  for (let epoch = FIRST_EPOCH + 1; epoch <= last.meta.leaseEpoch; epoch += 1) {
    const run = await laterRun(stream, epoch, last, reader);
    if (run !== null) yield run;
  }
}

/** The run that wrote last, from the event with which it began; null when none has begun to write. */
export const lastRunOf = async (stream: string, reader: RunReader): Promise<RunIdentity | null> => {
  const last = await reader.store.readLast(stream);
  if (last === null) return null;
  for (let epoch = last.meta.leaseEpoch; epoch > FIRST_EPOCH; epoch -= 1) {
    const run = await laterRun(stream, epoch, last, reader);
    if (run !== null) return run;
  }
  return await firstRun(stream, reader);
};

/** The run of a job that has not been interrupted yet. */
const FIRST_EPOCH = 1;

/** It says who it is once the chain is accepted, before the first block. */
const firstRun = async (stream: string, { store, codec }: RunReader): Promise<RunIdentity | null> => {
  for await (const recorded of store.read(stream)) {
    if (recorded.meta.leaseEpoch > FIRST_EPOCH || recorded.type === 'BlockMerged') return null;
    if (recorded.type !== 'MergeStarted') continue;
    const event = codec.decodeJobEvent(recorded);
    return 'run' in event ? event.run : null;
  }
  return null;
};

/** Says who it is with its first event. */
const laterRun = async (
  stream: string,
  epoch: number,
  last: RecordedEvent,
  { store, codec }: RunReader,
): Promise<RunIdentity | null> => {
  const began = await firstOfEpoch(stream, epoch, last, store);
  const event = codec.decodeJobEvent(began);
  return 'run' in event && event.run.epoch === epoch ? event.run : null;
};

const firstOfEpoch = async (
  stream: string,
  epoch: number,
  last: RecordedEvent,
  store: EventStore,
): Promise<RecordedEvent> => {
  let [before, found] = [-1, last];
  while (found.revision - before > 1) {
    const revision = before + Math.floor((found.revision - before) / 2);
    const middle = await eventAt(stream, revision, store);
    if (middle === null) throw new UnreadableEvent(stream, revision, 'it is missing, though the stream goes on');
    if (middle.meta.leaseEpoch < epoch) before = middle.revision;
    else found = middle;
  }
  return found;
};

import type { RunIdentity } from '#domain/merge-job/events';
import type { EventCodec } from '../ports/event-codec.js';
import type { EventStore } from '../ports/event-store.js';

/** Every run of the job, from the events with which they began. Reads the whole stream. */
export async function* runsOf(
  stream: string,
  { store, codec }: { readonly store: EventStore; readonly codec: EventCodec },
): AsyncGenerator<RunIdentity> {
  for await (const recorded of store.read(stream)) {
    if (!FIRST_EVENTS_OF_A_RUN.includes(recorded.type)) continue;
    const event = codec.decodeJobEvent(recorded);
    if ('run' in event) yield event.run;
  }
}

const FIRST_EVENTS_OF_A_RUN = ['MergeStarted', 'MergeResumed', 'MergeRecovered'];

/** The run that wrote last, from the event with which it began; null when none has begun to write. */
export const lastRunOf = async (
  stream: string,
  { store, codec }: { readonly store: EventStore; readonly codec: EventCodec },
): Promise<RunIdentity | null> => {
  let last: { readonly revision: number; readonly run: RunIdentity } | null = null;
  for (const type of FIRST_EVENTS_OF_A_RUN) {
    const recorded = await store.readLast(stream, type);
    if (recorded === null || (last !== null && recorded.revision < last.revision)) continue;
    const event = codec.decodeJobEvent(recorded);
    if ('run' in event) last = { revision: recorded.revision, run: event.run };
  }
  return last?.run ?? null;
};

import type { EventStore } from '../ports/event-store.js';
import type { RecordedEvent } from './recorded-event.js';

/** The event at a revision of a stream; null beyond its end. */
export const eventAt = async (stream: string, revision: number, store: EventStore): Promise<RecordedEvent | null> => {
  let found: RecordedEvent | null = null;
  for await (const event of store.read(stream, { fromRevision: revision, limit: 1 })) found = event;
  return found;
};

import { emptyHead, seal, type ChainHead, type RecordedEvent } from '../journal/recorded-event.js';
import { EventStoreFault, type EventStore } from '../ports/event-store.js';
import { jobStreamName, metaFor, type JournalPorts } from './job-stream.js';

/**
 * A job that comes from another journal in several appends is not whole until the last: cut short, it looks like a job in an
 * earlier state, and going on from there could put old data over newer. So before the first append its mark says how far the
 * stream is to go, in a stream of its own; as long as the job's stream is shorter, nobody runs it.
 */
export const importMarkStream = (jobId: string): string => `import-${jobId}`;

/** Says that the job's stream is whole only with this head. Gives back the mark that is there now. Saying it again adds nothing. */
export const markImport = async (jobId: string, upTo: ChainHead, ports: JournalPorts): Promise<RecordedEvent> => {
  const { store, clock, host, digests } = ports;
  const stream = importMarkStream(jobId);
  for (;;) {
    const last = await store.readLast(stream);
    if (last !== null && isSameHead(markOf(last), upTo)) return last;
    const head = last ?? emptyHead(stream, digests);
    const { revision, hash } = upTo;
    const event = {
      type: 'ImportBegun',
      v: 1,
      occurredAt: clock.now(),
      meta: metaFor(jobId, host, 0),
      data: { revision, hash },
    };
    const [mark] = seal(stream, head, [event], ports) as [RecordedEvent];
    const answer = await store.append(stream, head.revision, [mark]);
    // Somebody else imports the same job at the same moment: both say so.
    if (answer.outcome === 'appended') return mark;
  }
};

/** Throws an `EventStoreFault` when the job was imported in part. */
export const assertWholeImport = async (jobId: string, store: EventStore): Promise<void> => {
  const last = await store.readLast(importMarkStream(jobId));
  if (last === null) return;
  const mark = markOf(last);
  const revision = (await store.head(jobStreamName(jobId)))?.revision ?? -1;
  if (mark !== null && revision >= mark.revision) return;
  const expected = mark === null ? 'a mark that can be read' : `its events up to revision ${String(mark.revision)}`;
  throw new EventStoreFault(
    `Job ${jobId} was imported into this journal only in part, so it cannot be run here. Expected ${expected}, found revision ${String(revision)}. ` +
      'Run the same `chainfold journal import` or `journal move` again: it goes on where it stopped.',
  );
};

const isSameHead = (one: ChainHead | null, other: ChainHead): boolean =>
  one !== null && one.revision === other.revision && one.hash === other.hash;

const markOf = ({ data }: RecordedEvent): ChainHead | null => {
  if (typeof data !== 'object' || data === null || !('revision' in data) || !('hash' in data)) return null;
  const { revision, hash } = data;
  return typeof revision === 'number' && typeof hash === 'string' ? { revision, hash } : null;
};

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { brokenLink, emptyHead, type ChainHead, type RecordedEvent } from '#application/journal/recorded-event';
import type { EventStore } from '#application/ports/event-store';
import { sealed, tools, unsealed } from '../product/recorded-events.js';
import type { Journal } from './journal.js';

/** The stream that the contract is about, where the journal is the test's alone. */
export const STREAM = 'merge-5b7c1c1e-2f43-4f0e-9d0a-6f0f3f6f2a11';

/** The same on a journal that other tests use, too. */
export const streamOf = ({ prefix }: Journal): string => `${prefix}${STREAM}`;

export const allOf = async (events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> => {
  const found: RecordedEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
};

export const headOf = async (store: EventStore, stream: string): Promise<ChainHead> =>
  (await store.head(stream)) ?? emptyHead(stream, tools.digests);

/** Long enough for a server that is killed and started on a busy machine. */
const PATIENCE_MS = 15_000;

/** Reads on until so many events have come, or one that is not the next, or until patience ends. `afterEach` holds the subscriber up. */
export const firstOf = async (
  count: number,
  store: EventStore,
  fromRevision: number,
  stream = STREAM,
  afterEach: () => Promise<void> = async () => undefined,
): Promise<RecordedEvent[]> => {
  const enough = new AbortController();
  const giveUp = setTimeout(() => enough.abort(), PATIENCE_MS);
  const found: RecordedEvent[] = [];
  try {
    for await (const event of store.subscribe(stream, fromRevision, enough.signal)) {
      found.push(event);
      const isNext = event.revision === fromRevision + found.length - 1;
      if (found.length === count || !isNext) enough.abort();
      else await afterEach();
    }
  } finally {
    clearTimeout(giveUp);
  }
  return found;
};

/** What the watchers have got when both they and the work beside them are done; when either fails, so does this. */
export const watchedWhile = async <T>(watched: Promise<T>, work: () => Promise<void>): Promise<T> => {
  const [found] = await Promise.all([watched, work()]);
  return found;
};

/** Appends so many events, each at the head of the moment, again and again until it is there; gives back their ids. */
export const appendOneByOne = async (
  store: EventStore,
  who: string,
  count: number,
  stream = STREAM,
): Promise<string[]> => {
  const ids: string[] = [];
  for (let number = 0; number < count;) {
    const head = await headOf(store, stream);
    const [event] = sealed(stream, [unsealed({ who, number })], head);
    // Lets the others in between the look at the head and the append.
    await sleep(number % 3);
    const { outcome } = await store.append(stream, head.revision, [event!]);
    if (outcome === 'wrong-revision') continue;
    ids.push(event!.id);
    number += 1;
  }
  return ids;
};

/** What is wrong with the event as the next one after another, or as the first one; null when it is sound. */
export const brokenAfter = (previous: RecordedEvent | null, event: RecordedEvent, stream: string): string | null =>
  brokenLink(event, stream, previous ?? emptyHead(stream, tools.digests), tools.digests);

export const expectUnbroken = (events: readonly RecordedEvent[], stream = STREAM): void => {
  let previous: RecordedEvent | null = null;
  for (const event of events) {
    expect(brokenAfter(previous, event, stream)).toBeNull();
    previous = event;
  }
};

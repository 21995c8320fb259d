import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { brokenLink, emptyHead, type ChainHead, type RecordedEvent } from '#application/journal/recorded-event';
import type { EventStore } from '#application/ports/event-store';
import { sealed, tools, unsealed } from '../product/recorded-events.js';

/** The stream that the contract is about. */
export const STREAM = 'merge-5b7c1c1e-2f43-4f0e-9d0a-6f0f3f6f2a11';

export const allOf = async (events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> => {
  const found: RecordedEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
};

const headOf = async (store: EventStore): Promise<ChainHead> =>
  (await store.head(STREAM)) ?? emptyHead(STREAM, tools.digests);

/** Reads on until so many events have come, or fails. */
export const firstOf = async (count: number, store: EventStore, fromRevision: number): Promise<RecordedEvent[]> => {
  const enough = new AbortController();
  const giveUp = setTimeout(() => enough.abort(), 10_000);
  const found: RecordedEvent[] = [];
  for await (const event of store.subscribe(STREAM, fromRevision, enough.signal)) {
    found.push(event);
    if (found.length === count) enough.abort();
  }
  clearTimeout(giveUp);
  return found;
};

/** Appends so many events, each at the head of the moment, again and again until it is there; gives back their ids. */
export const appendOneByOne = async (store: EventStore, who: string, count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let number = 0; number < count;) {
    const head = await headOf(store);
    const [event] = sealed(STREAM, [unsealed({ who, number })], head);
    // Lets the others in between the look at the head and the append.
    await sleep(number % 3);
    const { outcome } = await store.append(STREAM, head.revision, [event!]);
    if (outcome === 'wrong-revision') continue;
    ids.push(event!.id);
    number += 1;
  }
  return ids;
};

export const expectUnbroken = (events: readonly RecordedEvent[], stream = STREAM): void => {
  let head = emptyHead(stream, tools.digests);
  for (const event of events) {
    expect(brokenLink(event, stream, head, tools.digests)).toBeNull();
    head = event;
  }
};

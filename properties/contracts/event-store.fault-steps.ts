import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { emptyHead, type RecordedEvent } from '#application/journal/recorded-event';
import { EventStoreFault, NO_STREAM, type AppendOutcome, type EventStore } from '#application/ports/event-store';
import { sealed, tools, unsealed } from '../product/recorded-events.js';

/** The patience of stores that are asked while nothing answers. */
export const SHORT_TIMEOUT_MS = 500;

/** A call may look for its server three times, each time connecting and asking, with pauses between, on a busy machine. */
const LONGEST_CALL_MS = 3 * 2 * SHORT_TIMEOUT_MS + 3000;

const LONGEST_OUTAGE_MS = 15_000;
const PAUSE_MS = 20;

/** The answer of the call, or 'unreachable' when the store says that of itself. Every other error is one. */
export const orUnreachable = async <T>(call: () => Promise<T>): Promise<T | 'unreachable'> => {
  try {
    return await call();
  } catch (error) {
    if (error instanceof EventStoreFault && error.kind === 'unreachable') return 'unreachable';
    throw error;
  }
};

/** Asks the same again until the store can be reached. */
export const onceReachable = async <T>(call: () => Promise<T>): Promise<T> => {
  for (const from = Date.now(); Date.now() - from < LONGEST_OUTAGE_MS;) {
    const answer = await orUnreachable(call);
    if (answer !== 'unreachable') return answer;
    await sleep(PAUSE_MS);
  }
  throw new Error(`The store was not reached again within ${String(LONGEST_OUTAGE_MS)} ms.`);
};

/** Fails unless every one of the calls ends in time and says that the store is unreachable. They run beside each other. */
export const expectUnreachable = async (calls: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> => {
  const ended = await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      const tooLate = sleep(LONGEST_CALL_MS, 'no answer in time', { ref: false });
      const answer = await Promise.race([orUnreachable(call), tooLate]);
      return [name, answer];
    }),
  );
  expect(ended).toEqual(Object.keys(calls).map((name) => [name, 'unreachable']));
};

/** Every question that a store answers from its server. */
export const questionsTo = (store: EventStore, stream: string): Readonly<Record<string, () => Promise<unknown>>> => ({
  head: () => store.head(stream),
  read: () => firstOfAll(store.read(stream)),
  'read backwards': () => firstOfAll(store.read(stream, { direction: 'backwards' })),
  readLast: () => store.readLast(stream),
  'readLast of a type': () => store.readLast(stream, 'BlockMerged'),
  list: () => firstOfAll(store.list('')),
  checkBeside: () => store.checkBeside(stream),
});

const firstOfAll = async (items: AsyncIterable<unknown>): Promise<void> => {
  const iterator = items[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
};

/** Waits until the stream has grown beyond the revision; gives back its new one. */
export const headBeyond = async (revision: number, store: EventStore, stream: string): Promise<number> => {
  for (const from = Date.now(); Date.now() - from < LONGEST_OUTAGE_MS;) {
    const now = (await onceReachable(() => store.head(stream)))?.revision ?? NO_STREAM;
    if (now > revision) return now;
    await sleep(5);
  }
  throw new Error(`${stream} did not grow beyond revision ${String(revision)} within ${String(LONGEST_OUTAGE_MS)} ms.`);
};

/** The append is made, once and whole, whatever became of its first attempt. */
export const appended = ({ length }: readonly RecordedEvent[], expectedRevision: number): AppendOutcome => ({
  outcome: 'appended',
  revision: expectedRevision + length,
});

/**
 * Appends one event after the other at the head of the moment until told to end, whatever becomes of the server; gives back the
 * ids of what was acknowledged. An append without an answer is made again as it is, so that at the end nothing is unknown.
 */
export const appendThroughOutages = async (
  store: EventStore,
  stream: string,
  who: string,
  isEnough: () => boolean,
): Promise<string[]> => {
  const ids: string[] = [];
  while (!isEnough()) {
    const head = (await onceReachable(() => store.head(stream))) ?? emptyHead(stream, tools.digests);
    const events = sealed(stream, [unsealed({ who, number: ids.length })], head);
    const { outcome } = await onceReachable(() => store.append(stream, head.revision, events));
    if (outcome === 'appended') ids.push(...events.map(({ id }) => id));
  }
  return ids;
};

/** Longer than any guarantee takes. */
const LONGEST_GUARANTEE_MS = 25_000;

/** Fails when this goes on for ever, as with an adapter that waits without a timer. */
export const endsInTime = async <T>(work: Promise<T>): Promise<T> => {
  const timer = new AbortController();
  const tooLate = async (): Promise<never> => {
    await sleep(LONGEST_GUARANTEE_MS, undefined, { signal: timer.signal });
    throw new Error(`It still goes on after ${String(LONGEST_GUARANTEE_MS)} ms.`);
  };
  try {
    return await Promise.race([work, tooLate()]);
  } finally {
    timer.abort();
  }
};

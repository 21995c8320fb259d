import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { numbered } from '../product/recorded-events.js';
import type { Guarantee } from './event-store.guarantee.js';
import { allOf, firstOf, streamOf, watchedWhile } from './event-store.steps.js';

/** Eight appends a second. */
const BETWEEN_APPENDS_MS = 125;
const SLOW_CONSUMER_MS = 150;

export const SUBSCRIPTION_GUARANTEES: readonly Guarantee[] = [
  {
    title: 'a subscriber gets every event once and in order, also those that another store appends while it waits',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const writer = await journal.open();
      const events = numbered(stream, 40);
      await writer.append(stream, NO_STREAM, events.slice(0, 10));
      const others = [await journal.open(), await journal.open()] as const;
      const watched = Promise.all([
        firstOf(40, writer, 0, stream),
        firstOf(35, others[0], 5, stream),
        firstOf(5, others[1], 35, stream),
      ]);
      const found = await watchedWhile(watched, async () => {
        for (let at = 10; at < 40; at += 3) {
          await sleep(at % 4);
          await writer.append(stream, at - 1, events.slice(at, at + 3));
        }
      });
      expect(found).toEqual([events, events.slice(5), events.slice(35)]);
    },
  },
  {
    title:
      'a subscriber that is slower than the writer gets every event from its revision on, and holds the writer up by nothing',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const writer = await journal.open();
      const events = numbered(stream, 308);
      await writer.append(stream, NO_STREAM, events.slice(0, 300));
      const watched = firstOf(10, await journal.open(), 298, stream, () => sleep(SLOW_CONSUMER_MS));
      const found = await watchedWhile(watched, async () => {
        for (let at = 300; at < 308; at += 1) {
          await sleep(BETWEEN_APPENDS_MS);
          await writer.append(stream, at - 1, events.slice(at, at + 1));
        }
      });
      expect(found).toEqual(events.slice(298));
    },
  },
  {
    title:
      'a subscription to a stream that is still to come waits for it, and one that is aborted ends without an error',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const found = await watchedWhile(firstOf(1, store, 0, stream), async () => {
        await sleep(20);
        await store.append(stream, NO_STREAM, numbered(stream, 1));
      });
      expect(found).toEqual(numbered(stream, 1));
      expect(await allOf(store.subscribe(stream, 0, AbortSignal.abort()))).toEqual([]);
      expect(await allOf(store.subscribe(stream, 1, AbortSignal.timeout(30)))).toEqual([]);
      expect(await allOf(store.subscribe(stream, 9, AbortSignal.timeout(30)))).toEqual([]);
    },
  },
];

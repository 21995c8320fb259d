import { expect } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { numbered } from '../product/recorded-events.js';
import {
  SHORT_TIMEOUT_MS,
  appended,
  expectUnreachable,
  headBeyond,
  onceReachable,
  orUnreachable,
  questionsTo,
} from './event-store.fault-steps.js';
import { underFaults, type Guarantee } from './event-store.guarantee.js';
import { allOf, firstOf, streamOf, watchedWhile } from './event-store.steps.js';

/** Connections that break, and servers that do not answer. */
export const FAULT_GUARANTEES: readonly Guarantee[] = [
  underFaults(
    'an append whose answer was lost is there once, and the same append again counts as success',
    async (journal, faults) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 7);
      const store = await journal.open();
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 7],
      ] as const) {
        const append = () => store.append(stream, from - 1, events.slice(from, to));
        const success = appended(events.slice(from, to), from - 1);
        faults.loseNextReply();
        expect([success, 'unreachable']).toContainEqual(await orUnreachable(append));
        expect(await append()).toEqual(success);
        expect(await allOf((await journal.open()).read(stream))).toEqual(events.slice(0, to));
      }
      expect(await store.append(stream, NO_STREAM, events)).toEqual(appended(events, NO_STREAM));
      expect(await allOf(store.read(stream))).toEqual(events);
    },
  ),
  underFaults(
    'an append that was lost on its way is made again or said to be unknown, and the same append then succeeds',
    async (journal, faults) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 7);
      const store = await journal.open();
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 7],
      ] as const) {
        const append = () => store.append(stream, from - 1, events.slice(from, to));
        const success = appended(events.slice(from, to), from - 1);
        faults.loseNextAppend();
        const answer = await orUnreachable(append);
        if (answer !== 'unreachable') {
          expect(answer).toEqual(success);
          // Acknowledged: so it is there before anybody asks again.
          expect(await allOf((await journal.open()).read(stream))).toEqual(events.slice(0, to));
        }
        expect(await append()).toEqual(success);
        expect(await allOf((await journal.open()).read(stream))).toEqual(events.slice(0, to));
      }
    },
  ),
  underFaults(
    'an append whose answer was lost, and that another writer has overtaken, is still known to be there',
    async (journal, faults) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 5);
      const [store, other] = [await journal.open(), await journal.open()];
      await store.append(stream, NO_STREAM, events.slice(0, 1));
      faults.loseNextReply();
      const first = orUnreachable(() => store.append(stream, 0, events.slice(1, 3)));
      const answer = await watchedWhile(first, async () => {
        await headBeyond(1, other, stream);
        expect(await other.append(stream, 2, events.slice(3))).toEqual(appended(events.slice(3), 2));
      });
      expect([appended(events.slice(1, 3), 0), 'unreachable']).toContainEqual(answer);
      expect(await store.append(stream, 0, events.slice(1, 3))).toEqual(appended(events.slice(1, 3), 0));
      expect(await allOf(store.read(stream))).toEqual(events);
    },
  ),
  underFaults(
    'a server that does not answer makes every call end in time as unreachable; when it goes on, the same append succeeds once',
    async (journal, faults) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 6);
      // A slow machine may need longer than the short timeout also for a sound server, and is allowed to try again.
      const open = () => journal.open({ timeoutMs: SHORT_TIMEOUT_MS });
      const store = await onceReachable(open);
      await onceReachable(() => store.append(stream, NO_STREAM, events.slice(0, 2)));
      const append = () => store.append(stream, 1, events.slice(2));
      const watched = await watchedWhile(firstOf(6, store, 0, stream), async () => {
        faults.stall();
        await expectUnreachable({ ...questionsTo(store, stream), append, open });
        faults.goOn();
        expect(await onceReachable(append)).toEqual(appended(events.slice(2), 1));
      });
      expect(watched).toEqual(events);
      expect(await allOf((await journal.open()).read(stream))).toEqual(events);
      expect((await onceReachable(() => store.head(stream)))?.revision).toBe(5);
    },
  ),
  {
    ...underFaults(
      'events that the server delivers twice reach readers and subscribers once',
      async (journal, faults) => {
        const stream = streamOf(journal);
        const events = numbered(stream, 300);
        const store = await journal.open();
        await store.append(stream, NO_STREAM, events.slice(0, 290));
        faults.duplicateDelivery?.(true);
        const watched = await watchedWhile(firstOf(295, await journal.open(), 5, stream), async () => {
          for (let at = 290; at < 300; at += 1) await store.append(stream, at - 1, events.slice(at, at + 1));
        });
        expect(watched).toEqual(events.slice(5));
        expect(await allOf(store.read(stream))).toEqual(events);
        expect(await allOf(store.read(stream, { direction: 'backwards' }))).toEqual(events.toReversed());
        expect(await store.readLast(stream)).toEqual(events[299]);
      },
    ),
    needs: 'duplicate delivery',
  },
];

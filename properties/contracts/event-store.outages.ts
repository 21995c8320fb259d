import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { numbered } from '../product/recorded-events.js';
import {
  appendThroughOutages,
  appended,
  expectUnreachable,
  headBeyond,
  onceReachable,
  questionsTo,
} from './event-store.fault-steps.js';
import { underFaults, type Guarantee } from './event-store.guarantee.js';
import { allOf, expectUnbroken, firstOf, streamOf, watchedWhile } from './event-store.steps.js';

const WRITERS = 8;
const KILLS = 3;

/** Servers that are killed and started again. */
export const OUTAGE_GUARANTEES: readonly Guarantee[] = [
  underFaults(
    'a server that is away makes every call unreachable, and the same store goes on when it is back',
    async (journal, faults) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 5);
      const store = await journal.open();
      await store.append(stream, NO_STREAM, events.slice(0, 3));
      const append = () => store.append(stream, 2, events.slice(3));
      await faults.stop();
      await expectUnreachable({ ...questionsTo(store, stream), append, open: () => journal.open() });
      expect(await allOf(store.subscribe(stream, 3, AbortSignal.timeout(50)))).toEqual([]);
      const watched = await watchedWhile(firstOf(5, store, 0, stream), async () => {
        await faults.start();
        expect(await append()).toEqual(appended(events.slice(3), 2));
        expect(await store.head(stream)).toMatchObject({ revision: 4 });
        expect(await allOf(store.read(stream))).toEqual(events);
      });
      expect(watched).toEqual(events);
    },
  ),
  underFaults('what was acknowledged is there when the server was killed and started', async (journal, faults) => {
    const stream = streamOf(journal);
    const events = numbered(stream, 60);
    const store = await journal.open();
    for (let at = 0; at < 60; at += 3) {
      await store.append(stream, at - 1, events.slice(at, at + 3));
    }
    await stopAndStart(faults);
    for (const reader of [store, await journal.open()]) {
      expect(await allOf(reader.read(stream))).toEqual(events);
      expect(await reader.head(stream)).toEqual({ stream, revision: 59, hash: events[59]?.hash });
      expect(await reader.checkBeside(stream)).toEqual([]);
    }
  }),
  underFaults(
    'a subscriber that waits while the server is killed and started gets every event once and in order',
    async (journal, faults) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 40);
      const writer = await journal.open();
      await writer.append(stream, NO_STREAM, events.slice(0, 10));
      const others = [await journal.open(), await journal.open()] as const;
      const write = async (from: number, to: number): Promise<void> => {
        for (let at = from; at < to; at += 2) {
          await onceReachable(() => writer.append(stream, at - 1, events.slice(at, at + 2)));
          await sleep(at % 4);
        }
      };
      const watched = Promise.all([
        firstOf(40, writer, 0, stream),
        firstOf(32, others[0], 8, stream),
        firstOf(5, others[1], 35, stream),
      ]);
      const found = await watchedWhile(watched, async () => {
        await write(10, 16);
        await Promise.all([stopAndStart(faults), write(16, 40)]);
      });
      expect(found).toEqual([events, events.slice(8), events.slice(35)]);
    },
  ),
  underFaults(
    'of eight writers one wins each revision, and nothing is lost or there twice, while the server is killed again and again',
    async (journal, faults) => {
      const stream = streamOf(journal);
      let killed = 0;
      const writers = await Promise.all(Array.from({ length: WRITERS }, () => journal.open()));
      const written = Promise.all(
        writers.map((store, at) => appendThroughOutages(store, stream, `writer ${String(at)}`, () => killed === KILLS)),
      );
      const kills = async () => {
        const watcher = await journal.open();
        for (let revision = NO_STREAM; killed < KILLS; killed += 1) {
          revision = await headBeyond(revision + WRITERS, watcher, stream);
          await stopAndStart(faults);
        }
      };
      const [acknowledged] = await Promise.all([written, kills()]);
      const events = await allOf((await journal.open()).read(stream));
      expectUnbroken(events, stream);
      expect(events.map(({ revision }) => revision)).toEqual([...events.keys()]);
      expect(events.map(({ id }) => id).sort()).toEqual(acknowledged.flat().sort());
      const said = events.map(({ data }) => JSON.stringify(data));
      expect(new Set(said).size).toBe(said.length);
    },
  ),
];

const stopAndStart = async (faults: { stop(): Promise<void>; start(): Promise<void> }): Promise<void> => {
  await faults.stop();
  await sleep(30);
  await faults.start();
};

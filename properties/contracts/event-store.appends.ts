import { expect } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM } from '#application/ports/event-store';
import { numbered, sealed, unsealed } from '../product/recorded-events.js';
import type { Guarantee } from './event-store.guarantee.js';
import { allOf, appendOneByOne, expectUnbroken, streamOf } from './event-store.steps.js';

/** One writer or many, and a server that does not fail. */
export const APPEND_GUARANTEES: readonly Guarantee[] = [
  {
    title:
      'what was appended at the exact revision is read back as it was, in order, by every other store on the journal',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const [a, b, c, d] = numbered(stream, 4) as [RecordedEvent, RecordedEvent, RecordedEvent, RecordedEvent];
      const store = await journal.open();
      expect(await store.append(stream, NO_STREAM, [a])).toEqual({ outcome: 'appended', revision: 0 });
      expect(await store.append(stream, 0, [b, c])).toEqual({ outcome: 'appended', revision: 2 });
      expect(await store.append(stream, 2, [d])).toEqual({ outcome: 'appended', revision: 3 });
      for (const reader of [store, await journal.open()]) {
        expect(await allOf(reader.read(stream))).toEqual([a, b, c, d]);
        expect(await reader.head(stream)).toEqual({ stream, revision: 3, hash: d.hash });
      }
    },
  },
  {
    title: 'an append at any other revision changes nothing and is told the actual one',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = numbered(stream, 3);
      const others = sealed(stream, [unsealed('other'), unsealed('story'), unsealed('here'), unsealed('!')]);
      const wrong = (actualRevision: number) => ({ outcome: 'wrong-revision', actualRevision });
      expect(await store.append(stream, 0, events.slice(1))).toEqual(wrong(NO_STREAM));
      await store.append(stream, NO_STREAM, events);
      expect(await store.append(stream, NO_STREAM, others.slice(0, 1))).toEqual(wrong(2));
      expect(await store.append(stream, 1, others.slice(2, 4))).toEqual(wrong(2));
      expect(await store.append(stream, 6, sealed(stream, [unsealed(7)], { revision: 6, hash: '' }))).toEqual(wrong(2));
      expect(await allOf(store.read(stream))).toEqual(events);
      expect((await store.head(stream))?.hash).toBe(events[2]?.hash);
    },
  },
  {
    title: 'an append of nothing asks for the revision, and makes no stream',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      expect(await store.append(stream, NO_STREAM, [])).toEqual({ outcome: 'appended', revision: NO_STREAM });
      expect(await store.append(stream, 0, [])).toEqual({ outcome: 'wrong-revision', actualRevision: NO_STREAM });
      expect(await store.head(stream)).toBeNull();
      await store.append(stream, NO_STREAM, numbered(stream, 3));
      expect(await store.append(stream, 2, [])).toEqual({ outcome: 'appended', revision: 2 });
      expect(await store.append(stream, 1, [])).toEqual({ outcome: 'wrong-revision', actualRevision: 2 });
      expect(await store.append(stream, NO_STREAM, [])).toEqual({ outcome: 'wrong-revision', actualRevision: 2 });
    },
  },
  {
    title: 'events that were sealed for another stream or another place are refused, all of the append with them',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const [a, b, c] = numbered(stream, 3) as [RecordedEvent, RecordedEvent, RecordedEvent];
      await expect(store.append(`${stream}-other`, NO_STREAM, [a])).rejects.toThrow(RangeError);
      await expect(store.append(stream, NO_STREAM, [a, c])).rejects.toThrow(RangeError);
      await expect(store.append(stream, NO_STREAM, [a, b, b])).rejects.toThrow(RangeError);
      await expect(store.append(stream, -2, [])).rejects.toThrow(RangeError);
      expect(await store.head(stream)).toBeNull();
      expect(await store.append(stream, NO_STREAM, [a, b, c])).toEqual({ outcome: 'appended', revision: 2 });
    },
  },
  {
    title: 'a retry of an append that is there counts as success and adds nothing, also when more has followed',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const events = numbered(stream, 5);
      await (await journal.open()).append(stream, NO_STREAM, events.slice(0, 3));
      const store = await journal.open();
      expect(await store.append(stream, NO_STREAM, events.slice(0, 3))).toEqual({ outcome: 'appended', revision: 2 });
      await store.append(stream, 2, events.slice(3));
      expect(await store.append(stream, NO_STREAM, events.slice(0, 3))).toEqual({ outcome: 'appended', revision: 2 });
      expect(await store.append(stream, 0, events.slice(1, 3))).toEqual({ outcome: 'appended', revision: 2 });
      expect(await allOf(store.read(stream))).toEqual(events);
    },
  },
  {
    title: 'a retry that is there in part only, or with other events among it, is a wrong revision',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      const events = numbered(stream, 5);
      await store.append(stream, NO_STREAM, events.slice(0, 3));
      expect(await store.append(stream, 1, events.slice(2))).toEqual({ outcome: 'wrong-revision', actualRevision: 2 });
      const mixed = [events[0]!, ...sealed(stream, [unsealed('other')], { revision: 0, hash: events[0]!.hash })];
      expect(await store.append(stream, NO_STREAM, mixed)).toEqual({ outcome: 'wrong-revision', actualRevision: 2 });
      expect(await allOf(store.read(stream))).toEqual(events.slice(0, 3));
    },
  },
  {
    title: 'of eight concurrent writers one wins each revision, and none of what was acknowledged is lost',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const acknowledged = await Promise.all(
        Array.from({ length: 8 }, async (_, writer) =>
          appendOneByOne(await journal.open(), `writer ${String(writer)}`, 12, stream),
        ),
      );
      const events = await allOf((await journal.open()).read(stream));
      expect(events.map(({ revision }) => revision)).toEqual([...Array(96).keys()]);
      expect(acknowledged.flat().sort()).toEqual(events.map(({ id }) => id).sort());
      expectUnbroken(events, stream);
    },
  },
  {
    title: 'a closed store answers nothing more',
    holds: async (journal) => {
      const stream = streamOf(journal);
      const store = await journal.open();
      await store.append(stream, NO_STREAM, numbered(stream, 1));
      await store.close();
      await store.close();
      await expect(store.head(stream)).rejects.toThrow('closed');
      await expect(store.append(stream, 0, numbered(stream, 2).slice(1))).rejects.toThrow('closed');
      await expect(allOf(store.read(stream))).rejects.toThrow('closed');
      await expect(allOf(store.read(stream, { direction: 'backwards' }))).rejects.toThrow('closed');
      await expect(allOf(store.subscribe(stream, 0, AbortSignal.timeout(10_000)))).rejects.toThrow('closed');
      expect((await (await journal.open()).head(stream))?.revision).toBe(0);
    },
  },
];

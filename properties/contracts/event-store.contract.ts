import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM, type EventStore } from '#application/ports/event-store';
import { blockMerged, numbered, sealed, unsealed } from '../product/recorded-events.js';
import { STREAM, allOf, appendOneByOne, expectUnbroken, firstOf } from './event-store.steps.js';

/** One journal. `open` gives a store on it, each time another, as another program has it; all are closed by `cleanup`. */
export interface Journal {
  open(): Promise<EventStore>;
  cleanup(): Promise<void>;
}

export interface Guarantee {
  readonly title: string;
  readonly holds: (journal: Journal) => Promise<void>;
}

/** Every adapter of the event store keeps all of these. */
export const eventStoreContract = (name: string, makeJournal: () => Promise<Journal>): void => {
  describe(`the event store contract: ${name}`, () => {
    for (const { title, holds } of EVENT_STORE_GUARANTEES) {
      test(title, async () => {
        const journal = await makeJournal();
        try {
          await holds(journal);
        } finally {
          await journal.cleanup();
        }
      });
    }
  });
};

export const EVENT_STORE_GUARANTEES: readonly Guarantee[] = [
  {
    title: 'a stream that has no event reads as empty, wherever it is asked about',
    holds: async (journal) => {
      const store = await journal.open();
      expect(await store.head(STREAM)).toBeNull();
      expect(await allOf(store.read(STREAM))).toEqual([]);
      expect(await store.readLast(STREAM)).toBeNull();
      expect(await store.readLast(STREAM, 'BlockMerged')).toBeNull();
      expect(await store.checkBeside(STREAM)).toEqual([]);
    },
  },
  {
    title:
      'what was appended at the exact revision is read back as it was, in order, by every other store on the journal',
    holds: async (journal) => {
      const [a, b, c, d] = numbered(STREAM, 4) as [RecordedEvent, RecordedEvent, RecordedEvent, RecordedEvent];
      const store = await journal.open();
      expect(await store.append(STREAM, NO_STREAM, [a])).toEqual({ outcome: 'appended', revision: 0 });
      expect(await store.append(STREAM, 0, [b, c])).toEqual({ outcome: 'appended', revision: 2 });
      expect(await store.append(STREAM, 2, [d])).toEqual({ outcome: 'appended', revision: 3 });
      for (const reader of [store, await journal.open()]) {
        expect(await allOf(reader.read(STREAM))).toEqual([a, b, c, d]);
        expect(await reader.head(STREAM)).toEqual({ stream: STREAM, revision: 3, hash: d.hash });
      }
    },
  },
  {
    title: 'an append at any other revision changes nothing and is told the actual one',
    holds: async (journal) => {
      const store = await journal.open();
      const events = numbered(STREAM, 3);
      const others = sealed(STREAM, [unsealed('other'), unsealed('story'), unsealed('here'), unsealed('!')]);
      const wrong = (actualRevision: number) => ({ outcome: 'wrong-revision', actualRevision });
      expect(await store.append(STREAM, 0, events.slice(1))).toEqual(wrong(NO_STREAM));
      await store.append(STREAM, NO_STREAM, events);
      expect(await store.append(STREAM, NO_STREAM, others.slice(0, 1))).toEqual(wrong(2));
      expect(await store.append(STREAM, 1, others.slice(2, 4))).toEqual(wrong(2));
      expect(await store.append(STREAM, 6, sealed(STREAM, [unsealed(7)], { revision: 6, hash: '' }))).toEqual(wrong(2));
      expect(await store.append(STREAM, 1, [])).toEqual(wrong(2));
      expect(await allOf(store.read(STREAM))).toEqual(events);
      expect((await store.head(STREAM))?.hash).toBe(events[2]?.hash);
    },
  },
  {
    title: 'events that were sealed for another stream or another place are refused, all of the append with them',
    holds: async (journal) => {
      const store = await journal.open();
      const [a, b, c] = numbered(STREAM, 3) as [RecordedEvent, RecordedEvent, RecordedEvent];
      await expect(store.append('merge-other', NO_STREAM, [a])).rejects.toThrow(RangeError);
      await expect(store.append(STREAM, NO_STREAM, [a, c])).rejects.toThrow(RangeError);
      await expect(store.append(STREAM, NO_STREAM, [a, b, b])).rejects.toThrow(RangeError);
      await expect(store.append(STREAM, -2, [])).rejects.toThrow(RangeError);
      expect(await store.head(STREAM)).toBeNull();
      expect(await store.append(STREAM, NO_STREAM, [a, b, c])).toEqual({ outcome: 'appended', revision: 2 });
    },
  },
  {
    title: 'a retry of an append that is there counts as success and adds nothing, also when more has followed',
    holds: async (journal) => {
      const events = numbered(STREAM, 5);
      await (await journal.open()).append(STREAM, NO_STREAM, events.slice(0, 3));
      const store = await journal.open();
      expect(await store.append(STREAM, NO_STREAM, events.slice(0, 3))).toEqual({ outcome: 'appended', revision: 2 });
      await store.append(STREAM, 2, events.slice(3));
      expect(await store.append(STREAM, NO_STREAM, events.slice(0, 3))).toEqual({ outcome: 'appended', revision: 2 });
      expect(await store.append(STREAM, 0, events.slice(1, 3))).toEqual({ outcome: 'appended', revision: 2 });
      expect(await allOf(store.read(STREAM))).toEqual(events);
    },
  },
  {
    title: 'a retry that is there in part only, or with other events among it, is a wrong revision',
    holds: async (journal) => {
      const store = await journal.open();
      const events = numbered(STREAM, 5);
      await store.append(STREAM, NO_STREAM, events.slice(0, 3));
      expect(await store.append(STREAM, 1, events.slice(2))).toEqual({ outcome: 'wrong-revision', actualRevision: 2 });
      const mixed = [events[0]!, ...sealed(STREAM, [unsealed('other')], { revision: 0, hash: events[0]!.hash })];
      expect(await store.append(STREAM, NO_STREAM, mixed)).toEqual({ outcome: 'wrong-revision', actualRevision: 2 });
      expect(await allOf(store.read(STREAM))).toEqual(events.slice(0, 3));
    },
  },
  {
    title: 'of eight concurrent writers one wins each revision, and none of what was acknowledged is lost',
    holds: async (journal) => {
      const acknowledged = await Promise.all(
        Array.from({ length: 8 }, async (_, writer) =>
          appendOneByOne(await journal.open(), `writer ${String(writer)}`, 12),
        ),
      );
      const events = await allOf((await journal.open()).read(STREAM));
      expect(events.map(({ revision }) => revision)).toEqual([...Array(96).keys()]);
      expect(acknowledged.flat().sort()).toEqual(events.map(({ id }) => id).sort());
      expectUnbroken(events);
    },
  },
  {
    title: 'reading starts at any revision and ends at the head, beyond which there is nothing',
    holds: async (journal) => {
      const store = await journal.open();
      const events = numbered(STREAM, 300);
      await store.append(STREAM, NO_STREAM, events);
      for (const fromRevision of [0, 1, 127, 128, 129, 256, 299, 300, 1000]) {
        expect(await allOf(store.read(STREAM, { fromRevision }))).toEqual(events.slice(fromRevision));
      }
    },
  },
  {
    title: 'the last event is found, of all and of each type, blocks among them',
    holds: async (journal) => {
      const store = await journal.open();
      const types = ['MergeStarted', 'MergeSuspended', 'BlockMerged', 'BlockMerged', 'MergeSuspended', 'MergeVerified'];
      const events = sealed(
        STREAM,
        types.map((type, at) => (type === 'BlockMerged' ? blockMerged(at) : unsealed(at, type))),
      );
      await store.append(STREAM, NO_STREAM, events);
      expect(await store.readLast(STREAM)).toEqual(events[5]);
      expect(await store.readLast(STREAM, 'BlockMerged')).toEqual(events[3]);
      expect(await store.readLast(STREAM, 'MergeSuspended')).toEqual(events[4]);
      expect(await store.readLast(STREAM, 'MergeStarted')).toEqual(events[0]);
      expect(await store.readLast(STREAM, 'MergeFailed')).toBeNull();
    },
  },
  {
    title: 'streams are listed by prefix and in the order of their names, each with its head',
    holds: async (journal) => {
      const store = await journal.open();
      const names = Array.from({ length: 300 }, (_, at) => `merge-${String(at).padStart(4, '0')}`);
      for (const name of [...names, 'merge', 'control-1', 'merge-\u{1f600}', 'merge-\uffee', 'merger']) {
        await store.append(name, NO_STREAM, numbered(name, 2));
      }
      const listed = async (prefix: string) => {
        const found: string[] = [];
        for await (const { stream, revision, hash } of store.list(prefix)) {
          expect([revision, hash]).toEqual([1, numbered(stream, 2)[1]?.hash]);
          found.push(stream);
        }
        return found;
      };
      expect(await listed('merge-')).toEqual([...names, 'merge-\uffee', 'merge-\u{1f600}']);
      expect(await listed('control-')).toEqual(['control-1']);
      expect(await listed('lease-')).toEqual([]);
      expect((await listed('')).length).toBe(305);
    },
  },
  {
    title: 'a subscriber gets every event once and in order, also those that another store appends while it waits',
    holds: async (journal) => {
      const writer = await journal.open();
      const events = numbered(STREAM, 40);
      await writer.append(STREAM, NO_STREAM, events.slice(0, 10));
      const watched = [
        firstOf(40, writer, 0),
        firstOf(35, await journal.open(), 5),
        firstOf(5, await journal.open(), 35),
      ];
      for (let at = 10; at < 40; at += 3) {
        await sleep(at % 4);
        await writer.append(STREAM, at - 1, events.slice(at, at + 3));
      }
      expect(await Promise.all(watched)).toEqual([events, events.slice(5), events.slice(35)]);
    },
  },
  {
    title:
      'a subscription to a stream that is still to come waits for it, and one that is aborted ends without an error',
    holds: async (journal) => {
      const store = await journal.open();
      const watched = firstOf(1, store, 0);
      await sleep(20);
      await store.append(STREAM, NO_STREAM, numbered(STREAM, 1));
      expect(await watched).toEqual(numbered(STREAM, 1));
      expect(await allOf(store.subscribe(STREAM, 0, AbortSignal.abort()))).toEqual([]);
      expect(await allOf(store.subscribe(STREAM, 1, AbortSignal.timeout(30)))).toEqual([]);
    },
  },
  {
    title: 'an append of thousands of events is one append',
    holds: async (journal) => {
      const store = await journal.open();
      const events = sealed(
        STREAM,
        Array.from({ length: 3000 }, (_, block) => blockMerged(block)),
      );
      expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 2999 });
      expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 2999 });
      expect(await allOf((await journal.open()).read(STREAM))).toEqual(events);
      expect(await store.checkBeside(STREAM)).toEqual([]);
    },
  },
  {
    title: 'any text and any size up to 200 KiB comes back to the letter',
    holds: async (journal) => {
      const store = await journal.open();
      const odd = [
        '',
        '\0',
        '\u001f\u007f\u0085\u2028\u2029\ufeff\ufffd\uffff',
        'Zürich 東京 \u{1f9e8}\u{10ffff}',
        `"\\/\b\f\n\r\t'`,
      ];
      const name = 'merge-Zürich \u{1f9e8} %_"\'';
      const events = sealed(name, [
        unsealed(odd, 'Ärger'),
        unsealed({ bitmap: 'q'.repeat(200 * 1024) }),
        unsealed({ numbers: [0, 1e21, 5e-324, 2 ** 53 - 1, -1.5], nothing: null, deep: [[[{}]]] }),
      ]);
      await store.append(name, NO_STREAM, events);
      expect(await allOf((await journal.open()).read(name))).toEqual(events);
      expect(await store.readLast(name, 'Ärger')).toEqual(events[0]);
      expect(await store.checkBeside(name)).toEqual([]);
    },
  },
  {
    title: 'a closed store answers nothing more',
    holds: async (journal) => {
      const store = await journal.open();
      await store.append(STREAM, NO_STREAM, numbered(STREAM, 1));
      await store.close();
      await store.close();
      await expect(store.head(STREAM)).rejects.toThrow('closed');
      await expect(store.append(STREAM, 0, numbered(STREAM, 2).slice(1))).rejects.toThrow('closed');
      await expect(allOf(store.read(STREAM))).rejects.toThrow('closed');
      expect((await (await journal.open()).head(STREAM))?.revision).toBe(0);
    },
  },
];

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM, type EventStore, type ReadOptions } from '#application/ports/event-store';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { guaranteeTitled } from '../contracts/event-store.contract.js';
import { journalOf } from '../contracts/event-store.wiring.js';

type Append = EventStore['append'];

/** A memory store whose `append` is a hurried author's, with one slip. `sound` is the append that it spoils. */
const withAppend = (journal: MemoryJournal, make: (sound: Append, store: EventStore) => Append): EventStore =>
  new (class extends MemoryEventStore {
    readonly #append = make((...given) => super.append(...given), this);

    override append(...given: Parameters<Append>): ReturnType<Append> {
      return this.#append(...given);
    }
  })(journal);

const SLIPS: readonly {
  readonly slip: string;
  readonly store: (journal: MemoryJournal) => EventStore;
  readonly seenBy: string;
}[] = [
  {
    slip: 'does not look at the expected revision',
    store: (journal) =>
      withAppend(journal, (sound, store) => async (stream, expectedRevision, events) => {
        const head = (await store.head(stream))?.revision ?? NO_STREAM;
        const moved = events.map((event, at) => ({ ...event, revision: head + 1 + at }));
        await sound(stream, head, moved);
        return { outcome: 'appended', revision: expectedRevision + events.length };
      }),
    seenBy: 'an append at any other revision changes nothing and is told the actual one',
  },
  {
    slip: 'looks at the revision, and appends a moment later',
    store: (journal) =>
      withAppend(journal, (sound, store) => async (stream, expectedRevision, events) => {
        const actualRevision = (await store.head(stream))?.revision ?? NO_STREAM;
        if (actualRevision !== expectedRevision) return { outcome: 'wrong-revision', actualRevision };
        await sleep(3);
        await sound(stream, expectedRevision, events);
        return { outcome: 'appended', revision: expectedRevision + events.length };
      }),
    seenBy: 'of eight concurrent writers one wins each revision, and none of what was acknowledged is lost',
  },
  {
    slip: 'takes a retry for a conflict',
    store: (journal) =>
      withAppend(journal, (sound, store) => async (stream, expectedRevision, events) => {
        const actualRevision = (await store.head(stream))?.revision ?? NO_STREAM;
        if (actualRevision !== expectedRevision) return { outcome: 'wrong-revision', actualRevision };
        return sound(stream, expectedRevision, events);
      }),
    seenBy: 'a retry of an append that is there counts as success and adds nothing, also when more has followed',
  },
  {
    slip: 'takes whatever stands at the place for a retry',
    store: (journal) =>
      withAppend(journal, (sound) => async (stream, expectedRevision, events) => {
        const answer = await sound(stream, expectedRevision, events);
        const revision = expectedRevision + events.length;
        const covered = answer.outcome === 'wrong-revision' && answer.actualRevision >= revision;
        return covered ? { outcome: 'appended', revision } : answer;
      }),
    seenBy: 'a retry that is there in part only, or with other events among it, is a wrong revision',
  },
  {
    slip: 'acknowledges without storing',
    store: (journal) =>
      withAppend(journal, () => async (_stream, expectedRevision, events) => ({
        outcome: 'appended',
        revision: expectedRevision + events.length,
      })),
    seenBy:
      'what was appended at the exact revision is read back as it was, in order, by every other store on the journal',
  },
  {
    slip: 'stores what fits and forgets the rest',
    store: (journal) =>
      withAppend(journal, (sound) => async (stream, expectedRevision, events) => {
        await sound(stream, expectedRevision, events.slice(0, 1000));
        return { outcome: 'appended', revision: expectedRevision + events.length };
      }),
    seenBy: 'an append of thousands of events is taken whole or refused whole',
  },
  {
    slip: 'reads backwards from the head, wherever it should begin',
    store: (journal) =>
      new (class extends MemoryEventStore {
        override read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
          return super.read(stream, options.direction === 'backwards' ? { direction: 'backwards' } : options);
        }
      })(journal),
    seenBy: 'reading backwards starts at any revision or at the head and ends at the first event',
  },
  {
    slip: 'passes over what comes while its subscriber is busy',
    store: (journal) =>
      new (class extends MemoryEventStore {
        override async *subscribe(...[stream, from, signal]: Parameters<EventStore['subscribe']>) {
          for await (const event of super.subscribe(stream, from, signal)) {
            const head = await this.head(stream);
            if (event.revision < from + 3 || event.revision === head?.revision) yield event;
          }
        }
      })(journal),
    seenBy:
      'a subscriber that is slower than the writer gets every event from its revision on, and holds the writer up by nothing',
  },
  {
    slip: 'lists streams as JavaScript sorts their names',
    store: (journal) =>
      new (class extends MemoryEventStore {
        override async *list(prefix: string) {
          const heads = [];
          for await (const head of super.list(prefix)) heads.push(head);
          yield* heads.sort((a, b) => (a.stream < b.stream ? -1 : 1));
        }
      })(journal),
    seenBy: 'streams are listed by prefix and in the order of their names, each with its head',
  },
];

describe('the event store contract fails for a store that', () => {
  test.each(SLIPS)('$slip', async ({ store, seenBy }) => {
    const shared = new MemoryJournal();
    const journal = journalOf({ make: async () => store(shared) });
    await expect(guaranteeTitled(seenBy).holds(journal)).rejects.toThrow();
    await journal.cleanup();
  });
});

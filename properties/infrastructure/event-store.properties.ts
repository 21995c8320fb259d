import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NO_STREAM, type EventStore } from '#application/ports/event-store';
import { MemoryEventStore, MemoryJournal } from '#infrastructure/event-store/memory-event-store';
import { openEventStore } from '#infrastructure/event-store/open-event-store';
import { EVENT_STORE_GUARANTEES, eventStoreContract, type Journal } from '../contracts/event-store.contract.js';
import { STREAM, allOf, expectUnbroken, firstOf } from '../contracts/event-store.steps.js';
import { scratchFolder } from '../models/scratch-folder.js';

const journalOf = (make: () => Promise<EventStore>, forget: () => void): Journal => {
  const stores: EventStore[] = [];
  return {
    open: async () => {
      const store = await make();
      stores.push(store);
      return store;
    },
    cleanup: async () => {
      for (const store of stores) await store.close();
      forget();
    },
  };
};

const inMemory = async (): Promise<Journal> => {
  const journal = new MemoryJournal();
  return journalOf(
    async () => new MemoryEventStore(journal),
    () => undefined,
  );
};

const inSqlite = async (): Promise<Journal> => {
  const folder = mkdtempSync(join(tmpdir(), 'chainfold-journal-'));
  return journalOf(
    () => openEventStore(`sqlite:${join(folder, 'state', 'journal.db')}`, { mode: 'read-write' }),
    () => rmSync(folder, { recursive: true }),
  );
};

eventStoreContract('in memory', inMemory);
eventStoreContract('SQLite', inSqlite);

/** Starts a program of its own that appends to the journal; `acknowledged` are the ids it has printed so far. */
const startWriter = (path: string, who: string, count: number) => {
  const script = fileURLToPath(new URL('./journal-writer.ts', import.meta.url));
  const args = ['--conditions=source', '--import', 'tsx', script, path, STREAM, who, String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout }).on('line', (id) => acknowledged.push(id));
  const ended = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(([[code]]) => code as number | null);
  /** Kills the program after so many acknowledged appends, or fails when it ends before. */
  const killedAfter = async (appends: number): Promise<void> => {
    lines.on('line', () => acknowledged.length >= appends && child.kill('SIGKILL'));
    if ((await ended) !== null)
      throw new Error(`the writer ended by itself after ${String(acknowledged.length)} appends`);
  };
  return { acknowledged, ended, killedAfter };
};

describe('a SQLite journal in several programs at once', { timeout: 90_000 }, () => {
  const folder = scratchFolder();

  test('gives each revision to one of them, and loses nothing that it acknowledged', async () => {
    const path = join(folder(), 'shared', 'journal.db');
    const writers = ['a', 'b', 'c', 'd'].map((who) => startWriter(path, who, 15));
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    const store = await openEventStore(path, { mode: 'read-only' });
    const events = await allOf(store.read(STREAM));
    expect(events.map(({ revision }) => revision)).toEqual([...Array(60).keys()]);
    expect(writers.flatMap(({ acknowledged }) => acknowledged).sort()).toEqual(events.map(({ id }) => id).sort());
    expectUnbroken(events);
    expect(await store.checkBeside(STREAM)).toEqual([]);
    await store.close();
  });

  test('lets one that waits here see what another appends', async () => {
    const path = join(folder(), 'watched', 'journal.db');
    const store = await openEventStore(path, { mode: 'read-only' });
    const watched = firstOf(10, store, 0);
    const writer = startWriter(path, 'w', 10);
    expect((await watched).map(({ id }) => id)).toEqual((await writer.ended, writer.acknowledged));
    await store.close();
  });

  test.each([1, 7, 30])('holds what was acknowledged when the writer is killed after %i appends', async (count) => {
    const path = join(folder(), `killed-${String(count)}`, 'journal.db');
    const { acknowledged, killedAfter } = startWriter(path, 'k', 1_000_000);
    await killedAfter(count);
    const store = await openEventStore(path, { mode: 'read-write' });
    const events = await allOf(store.read(STREAM));
    // At most the append under way is there without having been acknowledged.
    expect(events.slice(0, acknowledged.length).map(({ id }) => id)).toEqual(acknowledged);
    expect(events.length - acknowledged.length).toBeLessThanOrEqual(1);
    expectUnbroken(events);
    expect(await store.checkBeside(STREAM)).toEqual([]);
    await store.close();
  });
});

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
    seenBy: 'an append of thousands of events is one append',
  },
];

describe('the event store contract fails for a store that', () => {
  test.each(SLIPS)('$slip', async ({ store, seenBy }) => {
    const [guarantee, ...others] = EVENT_STORE_GUARANTEES.filter(({ title }) => title === seenBy);
    expect(others).toEqual([]);
    const shared = new MemoryJournal();
    const journal = journalOf(
      async () => store(shared),
      () => undefined,
    );
    await expect(guarantee?.holds(journal)).rejects.toThrow();
    await journal.cleanup();
  });
});

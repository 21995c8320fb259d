import type { RecordedEvent } from '#application/journal/recorded-event';
import {
  EventStoreFault,
  type AppendOutcome,
  type EventStore,
  type ReadOptions,
  type StreamHead,
} from '#application/ports/event-store';
import { AppendBell, POLL_MS } from './append-bell.js';
import { parseEvent, printEvent } from '#application/journal/event-text';
import { assertPlaced } from './placement.js';

/** What memory stores share when they stand for several programs with one journal. Lives as long as the process. */
export class MemoryJournal {
  readonly streams = new Map<string, StoredEvent[]>();
  readonly bell = new AppendBell();
}

interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly hash: string;
  /** Text, not the object: nobody can change it afterwards, and what JSON cannot hold is lost here as in any other store. */
  readonly text: string;
}

/** The contract in its simplest form, for tests and trials. Durable means here: as long as the `MemoryJournal` lives. */
export class MemoryEventStore implements EventStore {
  readonly #journal: MemoryJournal;
  #open = true;

  constructor(journal: MemoryJournal = new MemoryJournal()) {
    this.#journal = journal;
  }

  async append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    assertPlaced(stream, expectedRevision, events);
    const stored = this.#events(stream);
    const revision = expectedRevision + events.length;
    const actualRevision = stored.length - 1;
    if (actualRevision === expectedRevision) {
      const added = events.map((event) => ({
        id: event.id,
        type: event.type,
        hash: event.hash,
        text: printEvent(event),
      }));
      if (added.length > 0) this.#journal.streams.set(stream, stored);
      for (const event of added) stored.push(event);
      this.#journal.bell.ring();
      return { outcome: 'appended', revision };
    }
    const again = events.length > 0 && events.every(({ id, revision: at }) => stored[at]?.id === id);
    return again ? { outcome: 'appended', revision } : { outcome: 'wrong-revision', actualRevision };
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    const { fromRevision, direction, limit = Infinity } = options;
    const head = this.#events(stream).length - 1;
    if (direction === 'backwards') {
      const from = Math.min(fromRevision ?? head, head);
      for (let revision = from; revision >= 0 && revision > from - limit; revision -= 1)
        yield this.#at(stream, revision);
    } else {
      const from = fromRevision ?? 0;
      for (let revision = from; revision <= head && revision < from + limit; revision += 1)
        yield this.#at(stream, revision);
    }
  }

  async readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    const revision = this.#events(stream).findLastIndex((event) => type === undefined || event.type === type);
    return revision === -1 ? null : this.#at(stream, revision);
  }

  async *list(prefix: string): AsyncIterable<StreamHead> {
    const names = [...this.#streams().keys()].filter((name) => name.startsWith(prefix));
    for (const name of names.sort(byCodePoint)) {
      const head = await this.head(name);
      if (head !== null) yield head;
    }
  }

  async head(stream: string): Promise<StreamHead | null> {
    const stored = this.#events(stream);
    const last = stored.at(-1);
    return last === undefined ? null : { stream, revision: stored.length - 1, hash: last.hash };
  }

  async *subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    let next = fromRevision;
    while (!signal.aborted) {
      if (next < this.#events(stream).length) {
        yield this.#at(stream, next);
        next += 1;
      } else {
        await this.#journal.bell.wait(POLL_MS, signal);
      }
    }
  }

  /** There is nothing beside the events: heads are read off them. */
  async checkBeside(stream: string): Promise<readonly string[]> {
    this.#events(stream);
    return [];
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #streams(): Map<string, StoredEvent[]> {
    if (!this.#open) throw new EventStoreFault('This memory store was closed.');
    return this.#journal.streams;
  }

  #events(stream: string): StoredEvent[] {
    return this.#streams().get(stream) ?? [];
  }

  #at(stream: string, revision: number): RecordedEvent {
    const stored = this.#events(stream)[revision];
    if (stored === undefined) throw new EventStoreFault(`Event ${String(revision)} of ${stream} is gone from memory.`);
    return parseEvent(stored.text, stream, revision);
  }
}

/** The order of UTF-8 bytes, which is SQLite's; JavaScript's own order differs beyond the Basic Multilingual Plane. */
const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

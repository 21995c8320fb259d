import { dirname, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import {
  EventStoreFault,
  NO_STREAM,
  type AppendOutcome,
  type EventStore,
  type ReadOptions,
  type StreamHead,
} from '#application/ports/event-store';
import { keyOf } from '../file-system/private-folder.js';
import { keepHandsOff } from '../file-system/untouchable-files.js';
import { POLL_MS, bellOf, type AppendBell } from './append-bell.js';
import { parseEvent } from '#application/journal/event-text';
import { assertPlaced } from './placement.js';
import { checkBeside } from './sqlite-beside.js';
import { inTransaction, openForReading, openForWriting } from './sqlite-connection.js';
import { isBusy, loadSqlite, type SqliteDatabase, type SqliteDriver } from './sqlite-driver.js';
import { faultOf } from './sqlite-faults.js';
import { JournalQueries, type StreamRow } from './sqlite-queries.js';

/** Rows read at a time. An append carries 256 KiB at most (DESIGN §3), so a page is 32 MiB in the worst case, 100 KiB as a rule. */
const PAGE_ROWS = 128;

export interface SqliteOptions {
  readonly path: string;
  readonly mode: 'read-write' | 'read-only';
  /** For tests: SQLite with faults. */
  readonly driver?: SqliteDriver;
}

/**
 * A journal in one SQLite file, shared by the processes of one host.
 *
 * - What `append` acknowledges is durable; what a store that was opened for writing reads was durable when it was opened.
 * - No transaction outlives a call: a reader that is slow or dies holds up nobody, and no write-ahead log grows behind it.
 * - After any error but "busy" the connection is closed and every later call throws: SQLite's cache and the disk may differ, and
 *   only opening anew, which flushes what it finds, tells what is there.
 * - Opened read-only, a journal that is not there reads as empty, and is looked for again by every call.
 */
export class SqliteEventStore implements EventStore {
  readonly #path: string;
  readonly #readOnly: boolean;
  readonly #driver: SqliteDriver;
  readonly #bell: AppendBell;
  #connection: Connection | null = null;
  #closed: EventStoreFault | null = null;
  #letGo: () => void = () => undefined;

  private constructor(options: SqliteOptions, driver: SqliteDriver) {
    this.#path = options.path;
    this.#readOnly = options.mode === 'read-only';
    this.#driver = driver;
    this.#bell = bellOf(options.path);
  }

  get folder(): string {
    return dirname(resolve(this.#path));
  }

  /** Throws an `EventStoreFault` at once when the journal cannot be had. */
  static async open(options: SqliteOptions): Promise<SqliteEventStore> {
    const store = new SqliteEventStore(options, options.driver ?? (await loadSqlite()));
    await store.#open();
    return store;
  }

  async append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    assertPlaced(stream, expectedRevision, events);
    if (this.#readOnly)
      throw new Error(`Bug: an append to ${stream}, but the journal ${this.#path} was opened to be read.`);
    const outcome = this.#ask(null, ({ database, queries, fileKey }) => {
      const answer = inTransaction(database, (): AppendOutcome => {
        const row = queries.stream(stream);
        const actualRevision = row?.revision ?? NO_STREAM;
        const revision = expectedRevision + events.length;
        if (actualRevision === expectedRevision) queries.add(stream, row, events);
        else if (!areThere(events, row, queries)) return { outcome: 'wrong-revision', actualRevision };
        return { outcome: 'appended', revision };
      });
      // SQLite goes on writing a file that was deleted or replaced, and what it writes there is lost.
      if (keyOf(this.#path) !== fileKey)
        throw new EventStoreFault(`The journal ${this.#path} was moved or replaced while in use.`);
      return answer;
    });
    if (outcome === null) throw new Error(`Bug: the journal ${this.#path} is open for writing without a connection.`);
    this.#bell.ring();
    return outcome;
  }

  read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    const { fromRevision, direction, limit = Infinity } = options;
    if (direction === 'backwards') return this.#eventsBackwards(stream, fromRevision ?? Infinity, limit);
    return this.#events(stream, fromRevision ?? 0, limit);
  }

  async readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    const row = this.#row(stream);
    if (row === null) return null;
    const last = this.#event(row, row.revision);
    if (type === undefined) return last;
    const found = this.#ask(null, ({ queries }) => queries.lastOfType(row.id, type));
    return found === null ? null : parseEvent(found.text, stream, found.revision);
  }

  async *list(prefix: string): AsyncIterable<StreamHead> {
    let after = '';
    for (;;) {
      const rows = this.#ask([], ({ queries }) => queries.streamsFrom(prefix, after, PAGE_ROWS));
      for (const { stream, revision, hash } of rows) {
        if (!stream.startsWith(prefix)) return;
        yield { stream, revision, hash };
        after = stream;
      }
      if (rows.length < PAGE_ROWS) return;
    }
  }

  async head(stream: string): Promise<StreamHead | null> {
    const row = this.#row(stream);
    return row === null ? null : { stream, revision: row.revision, hash: row.hash };
  }

  async *subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    let next = fromRevision;
    while (!signal.aborted) {
      const row = this.#row(stream);
      if (row === null || row.revision < next) {
        await this.#bell.wait(POLL_MS, signal);
        continue;
      }
      for await (const event of this.#events(stream, next)) {
        if (hasAborted(signal)) return;
        yield event;
        next = event.revision + 1;
      }
    }
  }

  async checkBeside(stream: string): Promise<readonly string[]> {
    return checkBeside(stream, (question, otherwise) => this.#ask(otherwise, ({ database }) => question(database)));
  }

  async close(): Promise<void> {
    if (this.#closed === null) this.#end(new EventStoreFault(`The journal ${this.#path} was closed.`));
  }

  async #open(): Promise<void> {
    try {
      if (this.#readOnly) this.#lookAgain();
      else this.#use(await openForWriting(this.#path, this.#driver));
    } catch (error) {
      throw faultOf(`The journal ${this.#path} cannot be opened`, error);
    }
  }

  /** A journal that was not there when it was opened read-only may be there by now. */
  #lookAgain(): Connection | null {
    const database = this.#readOnly ? openForReading(this.#path, this.#driver) : null;
    return database === null ? null : this.#use(database);
  }

  #use(database: SqliteDatabase): Connection {
    this.#letGo();
    this.#letGo = keepHandsOff(this.#path);
    this.#connection = { database, queries: new JournalQueries(database), fileKey: keyOf(this.#path) };
    return this.#connection;
  }

  #end(fault: EventStoreFault): void {
    const connection = this.#connection;
    this.#closed = fault;
    this.#connection = null;
    try {
      connection?.database.close();
      this.#letGo();
    } catch (error) {
      throw faultOf(`${fault.message} Closing it failed as well`, error);
    }
  }

  /** Ascending up to the head of now; a revision that is missing before it is an error, never skipped. */
  async *#events(stream: string, fromRevision: number, limit = Infinity): AsyncIterable<RecordedEvent> {
    const row = this.#row(stream);
    if (row === null) return;
    let next = fromRevision;
    const last = Math.min(row.revision, fromRevision + limit - 1);
    while (next <= last) {
      const texts = this.#texts(row, next, Math.min(next + PAGE_ROWS - 1, last));
      for (const text of texts) {
        yield parseEvent(text, stream, next);
        next += 1;
      }
      // A long replay leaves its turn to timers and signals.
      await nextTurn();
    }
  }

  /** The same downwards, page by page. */
  async *#eventsBackwards(stream: string, fromRevision: number, limit: number): AsyncIterable<RecordedEvent> {
    const row = this.#row(stream);
    if (row === null) return;
    let next = Math.min(fromRevision, row.revision);
    const first = Math.max(0, next - limit + 1);
    while (next >= first) {
      const from = Math.max(first, next - PAGE_ROWS + 1);
      const texts = this.#texts(row, from, next);
      if (texts.length !== next - from + 1) throw missing(row, from);
      const page = texts.map((text, index) => parseEvent(text, stream, from + index));
      yield* page.reverse();
      next = from - 1;
      await nextTurn();
    }
  }

  #event(row: StreamRow, revision: number): RecordedEvent {
    const [text] = this.#texts(row, revision, revision);
    if (text === undefined) throw missing(row, revision);
    return parseEvent(text, row.stream, revision);
  }

  #texts(row: StreamRow, from: number, to: number): readonly string[] {
    const texts = this.#ask([], ({ queries }) => queries.texts(row.id, from, to));
    if (texts.length === 0) throw missing(row, from);
    return texts;
  }

  #row(stream: string): StreamRow | null {
    return this.#ask(null, ({ queries }) => queries.stream(stream));
  }

  /** Every access goes through here: one call, one answer, and after an error that may mean anything the end of this store. */
  #ask<T>(withoutJournal: T, question: (connection: Connection) => T): T {
    if (this.#closed !== null) throw this.#closed;
    try {
      const connection = this.#connection ?? this.#lookAgain();
      return connection === null ? withoutJournal : question(connection);
    } catch (error) {
      const fault = faultOf(`The journal ${this.#path} failed`, error);
      if (!isBusy(error)) this.#end(fault);
      throw fault;
    }
  }
}

interface Connection {
  readonly database: SqliteDatabase;
  readonly queries: JournalQueries;
  readonly fileKey: string | null;
}

/** A retry after an unknown outcome: all of these events, and nothing else, stand at their places. */
const areThere = (events: readonly RecordedEvent[], row: StreamRow | null, queries: JournalQueries): boolean => {
  const [first] = events;
  const last = events.at(-1);
  if (row === null || first === undefined || last === undefined) return false;
  const ids = queries.ids(row.id, first.revision, last.revision);
  return ids.length === events.length && events.every(({ id }, index) => ids[index] === id);
};

/** Asked again while events are handed out: the compiler believes that a signal which has not aborted never will. */
const hasAborted = (signal: AbortSignal): boolean => signal.aborted;

const missing = ({ stream, revision: head }: StreamRow, revision: number): UnreadableEvent =>
  new UnreadableEvent(stream, revision, `it is missing from the journal, though the stream goes on to ${String(head)}`);

import type { RecordedEvent } from '#application/journal/recorded-event';
import { UnreadableEvent } from '#application/ports/event-codec';
import {
  EventStoreFault,
  type AppendOutcome,
  type EventStore,
  type ReadOptions,
  type StreamHead,
} from '#application/ports/event-store';
import { POLL_MS, bellOf, type AppendBell } from '../append-bell.js';
import { parseEvent } from '#application/journal/event-text';
import { assertPlaced } from '../placement.js';
import { checkBeside } from './postgres-beside.js';
import { PostgresConnection, type Ask, type ConnectionOptions } from './postgres-connection.js';
import { ensureJournal, isJournalThere } from './postgres-schema.js';
import {
  addEvents,
  eventRows,
  lastOfType,
  standingOf,
  streamRow,
  streamsFrom,
  type StreamRow,
} from './postgres-queries.js';
import { ABORTED, orAborted } from './or-aborted.js';
import { assertPostgresUrl } from './postgres-url.js';

/** Rows read at a time. An append carries 256 KiB at most (DESIGN §3), so a page is 32 MiB in the worst case, 100 KiB as a rule. */
const PAGE_ROWS = 128;
/** How soon a subscription asks again for a server that is away. */
const RETURN_MS = 250;

/**
 * A journal in a PostgreSQL database (14 or later), in the schema `chainfold`, shared by any number of hosts.
 *
 * - What `append` acknowledges is durable on the server; it moves the stream's head and adds the events in one transaction.
 * - An append whose outcome is unknown is tried again with the same events: those that are there already count as appended.
 * - No transaction outlives a call, and reading goes page by page: a reader that is slow or dies holds up nobody.
 * - A server that is away is a fault of kind `unreachable`; the same store answers again when it is back. A subscription waits for it.
 * - Opened read-only, a database without a journal reads as empty, and is looked at again by every call.
 */
export class PostgresEventStore implements EventStore {
  readonly #connection: PostgresConnection;
  readonly #readOnly: boolean;
  readonly #bell: AppendBell;
  #isThere = false;

  private constructor(connection: PostgresConnection, { url, mode }: ConnectionOptions) {
    this.#connection = connection;
    this.#readOnly = mode === 'read-only';
    this.#bell = bellOf(url);
  }

  /**
   * Tries once: throws an `EventStoreFault` at once when the server cannot be reached, or when the database cannot hold a journal.
   * `timeoutMs`: how long one query may take (10 s when not given); connecting may take half of it.
   */
  static async open(options: ConnectionOptions): Promise<PostgresEventStore> {
    assertPostgresUrl(options.url);
    const connection = await PostgresConnection.make(options);
    const store = new PostgresEventStore(connection, options);
    try {
      await connection.askOnce((ask) => store.#look(ask));
    } catch (fault) {
      await connection.close();
      throw fault;
    }
    return store;
  }

  async append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    assertPlaced(stream, expectedRevision, events);
    const { place } = this.#connection;
    if (this.#readOnly) throw new Error(`Bug: an append to ${stream}, but the journal ${place} was opened to be read.`);
    const outcome = await this.#connection.ask(async (ask): Promise<AppendOutcome> => {
      const revision = expectedRevision + events.length;
      if (await addEvents(ask, stream, expectedRevision, events)) return { outcome: 'appended', revision };
      const { revision: actualRevision, areThere } = await standingOf(ask, stream, events);
      const isThere = areThere || (events.length === 0 && actualRevision === expectedRevision);
      return isThere ? { outcome: 'appended', revision } : { outcome: 'wrong-revision', actualRevision };
    });
    this.#bell.ring();
    return outcome;
  }

  read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    const { fromRevision, direction, limit = Infinity } = options;
    if (direction === 'backwards') return this.#eventsBackwards(stream, fromRevision ?? Infinity, limit);
    return this.#events(stream, fromRevision ?? 0, limit);
  }

  async readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    const row = await this.#row(stream);
    if (row === null) return null;
    const [last] = await this.#page(row, row.revision, row.revision);
    if (type === undefined) return last ?? null;
    const found = await this.#ask(null, (ask) => lastOfType(ask, row, type));
    return found === null ? null : parseEvent(found.text, stream, found.revision);
  }

  async *list(prefix: string): AsyncIterable<StreamHead> {
    let after = '';
    for (;;) {
      const rows = await this.#ask([], (ask) => streamsFrom(ask, prefix, after, PAGE_ROWS));
      for (const { stream, revision, hash } of rows) {
        if (!stream.startsWith(prefix)) return;
        yield { stream, revision, hash };
        after = stream;
      }
      if (rows.length < PAGE_ROWS) return;
    }
  }

  async head(stream: string): Promise<StreamHead | null> {
    const row = await this.#row(stream);
    return row === null ? null : { stream, revision: row.revision, hash: row.hash };
  }

  async *subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    let next = fromRevision;
    while (!hasAborted(signal)) {
      const page = await orAborted(this.#pageFrom(stream, next), signal);
      if (page === ABORTED) return;
      if (page === 'away' || page.length === 0) {
        await this.#bell.wait(page === 'away' ? RETURN_MS : POLL_MS, signal);
        continue;
      }
      for (const event of page) {
        if (hasAborted(signal)) return;
        yield event;
        next = event.revision + 1;
      }
    }
  }

  async checkBeside(stream: string): Promise<readonly string[]> {
    return checkBeside(stream, (otherwise, question) => this.#ask(otherwise, question));
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** What a subscriber has not seen yet, up to a page of it; `away` when the server is, for now. */
  async #pageFrom(stream: string, next: number): Promise<readonly RecordedEvent[] | 'away'> {
    try {
      const row = await this.#row(stream);
      return row === null || row.revision < next ? [] : await this.#page(row, next, next + PAGE_ROWS - 1);
    } catch (fault) {
      if (fault instanceof EventStoreFault && fault.kind === 'unreachable') return 'away';
      throw fault;
    }
  }

  /** Ascending up to the head of now; a revision that is missing before it is an error, never skipped. */
  async *#events(stream: string, fromRevision: number, limit: number): AsyncIterable<RecordedEvent> {
    const row = await this.#row(stream);
    if (row === null) return;
    const last = Math.min(row.revision, fromRevision + limit - 1);
    for (let from = fromRevision; from <= last; from += PAGE_ROWS) {
      yield* await this.#page(row, from, Math.min(from + PAGE_ROWS - 1, last));
    }
  }

  /** The same downwards, page by page. */
  async *#eventsBackwards(stream: string, fromRevision: number, limit: number): AsyncIterable<RecordedEvent> {
    const row = await this.#row(stream);
    if (row === null) return;
    const head = Math.min(fromRevision, row.revision);
    const first = Math.max(0, head - limit + 1);
    for (let to = head; to >= first; to -= PAGE_ROWS) {
      const page = await this.#page(row, Math.max(first, to - PAGE_ROWS + 1), to);
      yield* page.reverse();
    }
  }

  /** All events at these revisions, as far as the stream goes. */
  async #page(row: StreamRow, from: number, to: number): Promise<RecordedEvent[]> {
    const last = Math.min(to, row.revision);
    const found = await this.#ask([], (ask) => eventRows(ask, row.id, from, last));
    const events: RecordedEvent[] = [];
    for (let revision = from; revision <= last; revision += 1) {
      const text = found[revision - from];
      if (text?.revision !== revision) throw missing(row, revision);
      events.push(parseEvent(text.text, row.stream, revision));
    }
    return events;
  }

  #row(stream: string): Promise<StreamRow | null> {
    return this.#ask(null, (ask) => streamRow(ask, stream));
  }

  #ask<T>(withoutJournal: T, question: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#connection.ask(async (ask) => {
      if (!this.#isThere) await this.#look(ask);
      return this.#isThere ? question(ask) : withoutJournal;
    });
  }

  /** A journal that was not there when it was opened read-only may be there by now. */
  async #look(ask: Ask): Promise<void> {
    const { place } = this.#connection;
    if (!this.#readOnly) await ensureJournal(ask, place);
    this.#isThere = this.#readOnly ? await isJournalThere(ask, place) : true;
  }
}

/** Asked again while events are handed out: the compiler believes that a signal which has not aborted never will. */
const hasAborted = (signal: AbortSignal): boolean => signal.aborted;

const missing = ({ stream, revision: head }: StreamRow, revision: number): UnreadableEvent =>
  new UnreadableEvent(stream, revision, `it is missing from the journal, though the stream goes on to ${String(head)}`);

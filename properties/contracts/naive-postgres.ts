import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { parseEvent, printEvent } from '#application/journal/event-text';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { EventStoreFault, NO_STREAM, type AppendOutcome, type ReadOptions } from '#application/ports/event-store';
import { FOR_EVER_MS, NAIVE_TIMEOUT_MS, NaiveStore } from './naive-store.js';

export type PostgresSlip =
  | 'tries again without a look at what is there'
  | 'takes a broken connection for success'
  | 'acknowledges before it is written'
  | 'has no timer of its own'
  | 'keeps the connection it has'
  | 'ends its subscription with the connection';

const POLL_MS = 50;
const UNIQUE_VIOLATION = '23505';

/** All that it needs of a database. */
export const NAIVE_SCHEMA = `CREATE SCHEMA chainfold; CREATE TABLE chainfold.events
  (stream text, revision integer, id uuid, text text, PRIMARY KEY (stream, revision))`;

const APPEND = `INSERT INTO chainfold.events SELECT $1, new.* FROM unnest($3::integer[], $4::uuid[], $5::text[]) AS new
  WHERE (SELECT count(*) FROM chainfold.events WHERE stream = $1) = $2::integer + 1`;

interface Row {
  readonly revision: number;
  readonly id: string;
  readonly text: string;
}

interface Rows {
  readonly rows: readonly Row[];
  readonly rowCount: number | null;
}

/** An adapter of PostgreSQL with at most one slip. */
export class NaivePostgres extends NaiveStore {
  readonly #url: string;
  readonly #slip: PostgresSlip | null;
  readonly #timeoutMs: number;
  /** Else every query has a connection of its own. */
  #kept: Client | null = null;
  #lastKept: Promise<unknown> = Promise.resolve();
  #written: Promise<unknown> = Promise.resolve();

  constructor(url: string, slip: PostgresSlip | null, timeoutMs = NAIVE_TIMEOUT_MS) {
    super();
    this.#url = url;
    this.#slip = slip;
    this.#timeoutMs = slip === 'has no timer of its own' ? FOR_EVER_MS : timeoutMs;
  }

  /** Reaches the server once, as an adapter does that opens. */
  async reached(): Promise<this> {
    await this.head('streams');
    return this;
  }

  async append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    const success = { outcome: 'appended', revision: expectedRevision + events.length } as const;
    if (this.#slip === 'acknowledges before it is written') {
      this.#written = this.#written.then(() => this.#appendLater(stream, expectedRevision, events));
      return success;
    }
    return this.ask(async () => {
      try {
        if (await this.#add(stream, expectedRevision, events)) return success;
      } catch (error) {
        if (this.#slip === 'takes a broken connection for success') return success;
        throw error;
      }
      const rows = await this.#rows(stream);
      const isThere = events.every(({ id, revision }) => rows[revision]?.id === id);
      if (isThere && this.#slip !== 'tries again without a look at what is there') return success;
      return { outcome: 'wrong-revision', actualRevision: rows.at(-1)?.revision ?? NO_STREAM };
    }, this.#timeoutMs);
  }

  async *read(stream: string, { fromRevision, direction }: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    const events = await this.ask(() => this.#events(stream), this.#timeoutMs);
    if (direction === 'backwards') yield* events.slice(0, (fromRevision ?? Infinity) + 1).reverse();
    else yield* events.slice(fromRevision);
  }

  async *subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    let next = fromRevision;
    while (!signal.aborted) {
      try {
        // One attempt: three of them might outlast the outage.
        for (const event of (await this.#events(stream)).slice(next)) {
          yield event;
          next = event.revision + 1;
        }
      } catch (error) {
        if (this.#slip === 'ends its subscription with the connection') throw error;
        // Any other naive store looks again.
      }
      await sleep(POLL_MS);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#kept?.end();
  }

  /** False when something stands there already, or nothing before it. */
  async #add(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<boolean> {
    const columns = [events.map(({ revision }) => revision), events.map(({ id }) => id), events.map(printEvent)];
    try {
      const { rowCount } = await this.#query(APPEND, [stream, expectedRevision, ...columns]);
      return rowCount === events.length;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION) return false;
      throw error;
    }
  }

  async #appendLater(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<void> {
    try {
      await this.#add(stream, expectedRevision, events);
    } catch {
      // That is the slip: nobody is left who could be told.
    }
  }

  async #events(stream: string): Promise<readonly RecordedEvent[]> {
    return (await this.#rows(stream)).map(({ text, revision }) => parseEvent(text, stream, revision));
  }

  async #rows(stream: string): Promise<readonly Row[]> {
    const text = 'SELECT revision, id, text FROM chainfold.events WHERE stream = $1 ORDER BY revision';
    return (await this.#query(text, [stream])).rows;
  }

  async #query(text: string, values: readonly unknown[]): Promise<Rows> {
    if (this.#slip === 'keeps the connection it has') return this.#queryKept(text, values);
    const client = await this.#connect();
    try {
      return await client.query<Row>(text, [...values]);
    } finally {
      void client.end();
    }
  }

  /** One after the other: a connection answers one query at a time. */
  async #queryKept(text: string, values: readonly unknown[]): Promise<Rows> {
    const answer = Promise.allSettled([this.#lastKept]).then(async () => {
      this.#kept ??= await this.#connect();
      return this.#kept.query<Row>(text, [...values]);
    });
    this.#lastKept = answer;
    return answer;
  }

  async #connect(): Promise<Client> {
    if (this.isClosed) throw new EventStoreFault('The naive store was closed.');
    const client = new Client({
      connectionString: this.#url,
      query_timeout: this.#timeoutMs,
      connectionTimeoutMillis: this.#timeoutMs,
    });
    // A connection that breaks is noticed by whoever asks next; without a listener the process would end.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}

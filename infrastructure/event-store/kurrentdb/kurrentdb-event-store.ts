import type { RecordedEvent } from '#application/journal/recorded-event';
import {
  EventStoreFault,
  NO_STREAM,
  type AppendOutcome,
  type EventStore,
  type ReadOptions,
  type StreamHead,
} from '#application/ports/event-store';
import { assertPlaced } from '../placement.js';
import { actualRevisionIn, isDeletedForGood } from './client-errors.js';
import { Connection } from './connection.js';
import { fromStored, toStored } from './envelope.js';
import { kurrentDbUrl } from './kurrentdb-url.js';
import { StreamPages } from './pages.js';
import { INDEX_STREAM, StreamIndex } from './stream-index.js';
import { limitsOf } from './stream-limits.js';
import { subscribe } from './subscription.js';

/** How long a call may take. A server under load, or on a slow disk, needs some hundred milliseconds for a durable append. */
const TIMEOUT_MS = 5000;

/** What follows the last block of a window is a handful of events, so one small page finds it. */
const FIRST_PAGE_BACKWARDS = 16;

/** Heads asked for at a time by `list`. */
const HEADS_AT_A_TIME = 16;

export interface KurrentDbOptions {
  /** `kurrentdb://[USER:PASSWORD@]HOST[:PORT][,HOST…][?OPTION=VALUE&…]`, as the client has it; also `kurrentdb+discover:`, `esdb:` */
  readonly url: string;
  readonly mode: 'read-write' | 'read-only';
  /** Milliseconds for each attempt of each call. */
  readonly timeoutMs?: number;
}

/**
 * A journal in KurrentDB or EventStoreDB (20.6 or later), shared by the hosts of a fleet.
 *
 * - What `append` acknowledges the server has made durable (in a cluster, on a majority of its nodes).
 * - Each append is at an exact revision, with ids that come from the content. The server answers one that it has already with
 *   success, so an append whose outcome is unknown is sent again as it is.
 * - A server that is away, or silent for longer than `timeoutMs`, is an `unreachable` fault after three attempts. The store
 *   stays usable: the next call tries again.
 * - A server whose disk is full shuts itself down, so there is no `out-of-space` here.
 * - Opened for writing, it reads from the leader only, because a follower may be behind.
 */
export class KurrentDbEventStore implements EventStore {
  readonly #connection: Connection;
  readonly #pages: StreamPages;
  readonly #index: StreamIndex;
  readonly #readOnly: boolean;

  private constructor(connection: Connection, mode: KurrentDbOptions['mode']) {
    this.#connection = connection;
    this.#readOnly = mode === 'read-only';
    this.#pages = new StreamPages(connection, !this.#readOnly);
    this.#index = new StreamIndex(connection, this.#pages);
  }

  /** Asks the server one thing, once: throws an `EventStoreFault` at once when it cannot be reached or used. */
  static async open({ url, mode, timeoutMs = TIMEOUT_MS }: KurrentDbOptions): Promise<KurrentDbEventStore> {
    const connection = await Connection.to(kurrentDbUrl(url), timeoutMs);
    const store = new KurrentDbEventStore(connection, mode);
    try {
      await store.#pages.last(INDEX_STREAM, 1);
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  async append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    assertPlaced(stream, expectedRevision, events);
    if (this.#readOnly)
      throw new Error(`Bug: an append to ${stream}, but the journal ${this.#connection.name} was opened to be read.`);
    if (events.length === 0) return this.#appendNothing(stream, expectedRevision);
    const stored = events.map(toStored);
    if (expectedRevision === NO_STREAM) await this.#index.add(stream);
    const streamState = expectedRevision === NO_STREAM ? 'no_stream' : BigInt(expectedRevision);
    const outcome = await this.#connection.ask(`append to ${stream}`, async (link): Promise<AppendOutcome> => {
      try {
        const { nextExpectedRevision } = await link.inTurn(async () =>
          link.client.appendToStream(stream, stored, { streamState, requiresLeader: true }),
        );
        return { outcome: 'appended', revision: Number(nextExpectedRevision) };
      } catch (error) {
        const actualRevision = actualRevisionIn(error);
        if (actualRevision === null) throw error;
        return { outcome: 'wrong-revision', actualRevision };
      }
    });
    const revision = expectedRevision + events.length;
    // To the server a deleted stream is no stream, and yet it goes on counting where that one had stopped.
    if (outcome.outcome === 'appended' && outcome.revision !== revision)
      throw this.#displaced(stream, revision, outcome);
    return outcome;
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    const { fromRevision = 0, direction, limit } = options;
    const events =
      direction === 'backwards'
        ? this.#pages.backwards(stream, options)
        : this.#pages.forwards(stream, fromRevision, limit);
    for await (const event of events) yield fromStored(event, stream);
  }

  async readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    if (type === undefined) {
      const last = await this.#pages.last(stream);
      return last === null ? null : fromStored(last, stream);
    }
    for await (const event of this.#pages.backwards(stream, { firstPage: FIRST_PAGE_BACKWARDS }))
      if (event.type === type) return fromStored(event, stream);
    return null;
  }

  async *list(prefix: string): AsyncIterable<StreamHead> {
    const names = await this.#index.names(prefix);
    for (let from = 0; from < names.length; from += HEADS_AT_A_TIME) {
      const some = names.slice(from, from + HEADS_AT_A_TIME);
      const heads = await Promise.all(some.map(async (name) => this.#headUnlessDeleted(name)));
      // A name without a stream: its first append never came through, or it was deleted (archived) since.
      for (const head of heads) if (head !== null) yield head;
    }
  }

  async head(stream: string): Promise<StreamHead | null> {
    const last = await this.readLast(stream);
    return last === null ? null : { stream, revision: last.revision, hash: last.hash };
  }

  subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    return subscribe(this.#connection, stream, fromRevision, signal);
  }

  /** Nothing stands beside the events, but the stream may have settings by which the server takes events away. */
  async checkBeside(stream: string): Promise<readonly string[]> {
    return limitsOf(this.#connection, stream);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #appendNothing(stream: string, expectedRevision: number): Promise<AppendOutcome> {
    const actualRevision = (await this.head(stream))?.revision ?? NO_STREAM;
    return actualRevision === expectedRevision
      ? { outcome: 'appended', revision: expectedRevision }
      : { outcome: 'wrong-revision', actualRevision };
  }

  async #headUnlessDeleted(stream: string): Promise<StreamHead | null> {
    try {
      return await this.head(stream);
    } catch (error) {
      if (error instanceof EventStoreFault && isDeletedForGood(error.cause)) return null;
      throw error;
    }
  }

  #displaced(stream: string, expected: number, { revision }: { readonly revision: number }): EventStoreFault {
    return new EventStoreFault(
      `The journal ${this.#connection.name} has placed events of ${stream} up to revision ${String(revision)}, expected ${String(expected)}: ` +
        'a stream of this name was deleted on the server before. Begin a new job; this stream cannot be read any more.',
    );
  }
}

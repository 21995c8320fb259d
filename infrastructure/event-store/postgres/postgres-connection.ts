import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { EventStoreFault } from '#application/ports/event-store';
import { faultOf, isConflict } from './postgres-faults.js';
import { prepareSession, type Mode } from './postgres-session.js';
import { redactedPostgresUrl } from './postgres-url.js';

/** One query on the connection at hand; rows as the server gives them, to be checked by whoever reads them. */
export type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

export interface ConnectionOptions {
  readonly url: string;
  readonly mode: Mode;
  /** How long one query may take; connecting may take half of it. */
  readonly timeoutMs?: number;
}

const QUERY_TIMEOUT_MS = 10_000;
/** A store asks one thing at a time, its subscribers another; more would only take connections from others. */
const MOST_CONNECTIONS = 4;
const IDLE_MS = 30_000;
/** After a failure that may be over at once: a restarted server, a pooler that has moved. */
const PAUSES_MS = [50, 200];
/** Two that meet know of each other at once; the more they meet, the longer one waits. */
const CONFLICTS_BORNE = 10;
const CONFLICT_PAUSE_MS = 5;
const BIGINT_OID = 20;

/**
 * Connections to one database.
 *
 * - Every wait has an end by our own clock: connecting, being asked, and the server's work. A connection that gave no answer in time, or any
 *   error at all, is destroyed: a late answer could be taken for that of the next question.
 * - A question that fails because the server is away is asked again, up to three times within the time that one may take, and
 *   is a fault of kind `unreachable` then. So it must be one that may be asked twice.
 */
export class PostgresConnection {
  /** For messages: no password in it. */
  readonly place: string;
  readonly #pool: Pool;
  readonly #timeoutMs: number;
  readonly #sockets: ReadonlySet<Socket>;
  #closed: EventStoreFault | null = null;

  private constructor(pool: Pool, sockets: ReadonlySet<Socket>, place: string, timeoutMs: number) {
    this.#pool = pool;
    this.#sockets = sockets;
    this.place = place;
    this.#timeoutMs = timeoutMs;
    // A connection that breaks while nobody asks is taken out by the pool; one that is being asked fails its question. Nobody else
    // needs to know, but without a listener the process would end.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => client.on('error', () => undefined));
  }

  static async make({ url, mode, timeoutMs = QUERY_TIMEOUT_MS }: ConnectionOptions): Promise<PostgresConnection> {
    const { Pool: ConnectionPool, TypeOverrides } = await import('pg');
    const place = redactedPostgresUrl(url);
    const sockets = new Set<Socket>();
    const types = new TypeOverrides();
    types.setTypeParser(BIGINT_OID, Number);
    const pool = new ConnectionPool({
      connectionString: url,
      max: MOST_CONNECTIONS,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      fallback_application_name: 'chainfold',
      connectionTimeoutMillis: Math.ceil(timeoutMs / 2),
      query_timeout: timeoutMs,
      types,
      stream: () => newSocket(sockets),
      verify: (client, done) => {
        prepareSession(askOn(client), mode, timeoutMs, place).then(
          () => done(),
          (error: unknown) => done(asError(error)),
        );
      },
    });
    return new PostgresConnection(pool, sockets, place, timeoutMs);
  }

  /** One question, of one query or several, on one connection. */
  async ask<T>(question: (ask: Ask) => Promise<T>): Promise<T> {
    const until = performance.now() + this.#timeoutMs;
    let conflicts = 0;
    for (let failures = 0; ;) {
      try {
        return await this.askOnce(question);
      } catch (fault) {
        if (!(fault instanceof EventStoreFault) || fault.kind !== 'unreachable') throw fault;
        const conflict = isConflict(fault.cause);
        const pauseMs = conflict ? (conflicts += 1) * CONFLICT_PAUSE_MS : PAUSES_MS[failures++];
        if (pauseMs === undefined || conflicts > CONFLICTS_BORNE || performance.now() > until) throw fault;
        await delay(pauseMs);
      }
    }
  }

  /** The same with one attempt. */
  async askOnce<T>(question: (ask: Ask) => Promise<T>): Promise<T> {
    const closed = this.#whyClosed();
    if (closed !== null) throw closed;
    try {
      const client = await this.#pool.connect();
      try {
        const answer = await question(askOn(client));
        client.release();
        return answer;
      } catch (error) {
        client.release(asError(error));
        throw error;
      }
    } catch (error) {
      // What is under way when the store is closed ends by that.
      throw this.#whyClosed() ?? faultOf(`The journal ${this.place} failed`, error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed !== null) return;
    this.#closed = new EventStoreFault(`The journal ${this.place} was closed.`);
    const ended = this.#pool.end();
    // A server that is away would never say goodbye, nor let anybody in.
    for (const socket of this.#sockets) socket.destroy();
    await ended;
  }

  /** Asked again after every wait. */
  #whyClosed(): EventStoreFault | null {
    return this.#closed;
  }
}

/** As the driver makes one, and kept in `open` from its first moment to its last. */
const newSocket = (open: Set<Socket>): Socket => {
  const socket = new Socket();
  open.add(socket);
  return socket.once('close', () => open.delete(socket));
};

const askOn =
  (client: PoolClient): Ask =>
  async (text, values) => {
    const { rows } = await client.query<Record<string, unknown>>(text, values === undefined ? undefined : [...values]);
    return rows;
  };

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

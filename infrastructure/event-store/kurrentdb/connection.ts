import { setMaxListeners } from 'node:events';
import type { KurrentDBClient } from '@kurrent/kurrentdb-client';
import { EventStoreFault } from '#application/ports/event-store';
import { NodeClock } from '../../platform/node-clock.js';
import { adviceFor, saidBy, verdictOf } from './client-errors.js';
import { badUrl, type KurrentDbUrl } from './kurrentdb-url.js';
import { Link } from './link.js';

const clock = new NodeClock();

/** A short outage is over by the third attempt; a longer one is for the caller, who can wait at a durable point. */
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/**
 * The way to the server: every call goes through here, has its own timer, and ends in an answer or in an `EventStoreFault`.
 * After a call of unknown outcome the client is thrown away, and the next attempt has a new one: the client itself never tries
 * a call again. Questions are asked again as they are, so only such may be asked as do no harm twice.
 */
export class Connection {
  readonly #url: KurrentDbUrl;
  readonly #timeoutMs: number;
  readonly #connect: (url: string) => KurrentDBClient;
  readonly #closed = new AbortController();
  #link: Link | null = null;

  private constructor(url: KurrentDbUrl, timeoutMs: number, connect: (url: string) => KurrentDBClient) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#connect = connect;
    // One for each call that is about to be asked again.
    setMaxListeners(0, this.#closed.signal);
  }

  /** Loads the client; asks the server nothing yet. */
  static async to(url: KurrentDbUrl, timeoutMs: number): Promise<Connection> {
    const { KurrentDBClient } = await import('@kurrent/kurrentdb-client');
    return new Connection(url, timeoutMs, (text) => KurrentDBClient.connectionString(text));
  }

  get name(): string {
    return this.#url.shown;
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** The answer to a question, after up to three attempts. `what` ends the sentence "The journal … could not …". */
  async ask<T>(what: string, question: (link: Link) => Promise<T>, attempts = ATTEMPTS): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const link = this.link();
      try {
        return await link.answer(question, this.#timeoutMs);
      } catch (error) {
        const fault = this.faultOf(what, error, link);
        if (fault.kind !== 'unreachable' || attempt === attempts) throw fault;
      }
      await clock.sleep(attempt * PAUSE_MS, this.#closed.signal);
    }
  }

  /** The client of the moment. Throws when the store was closed. */
  link(): Link {
    this.#closed.signal.throwIfAborted();
    this.#link ??= new Link(this.#newClient());
    return this.#link;
  }

  /** The port's fault for an error of this link, which is given up when nobody knows what the error means. */
  faultOf(what: string, error: unknown, link: Link): EventStoreFault {
    if (this.#closed.signal.aborted) return this.#closed.signal.reason as EventStoreFault;
    if (error instanceof EventStoreFault) return error;
    const verdict = verdictOf(error);
    const message = `The journal ${this.name} could not ${what}: ${saidBy(error)}.${adviceFor(error)}`;
    const fault = new EventStoreFault(message, {
      cause: error,
      kind: verdict === 'refused' ? 'failed' : 'unreachable',
    });
    if (verdict === 'unknown') this.#giveUp(link, error);
    return fault;
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    const closed = new EventStoreFault(`The journal ${this.name} was closed.`);
    this.#closed.abort(closed);
    await this.#link?.end(closed);
  }

  #giveUp(link: Link, why: unknown): void {
    if (this.#link === link) this.#link = null;
    // Whatever else is in flight on it is asked again on the next one. Nobody has to wait for the end, which never rejects.
    void link.end(why);
  }

  #newClient(): KurrentDBClient {
    const client = this.#clientOrNull();
    if (client === null) throw badUrl(this.#url.shown, 'the KurrentDB client does not understand it');
    return client;
  }

  #clientOrNull(): KurrentDBClient | null {
    try {
      return this.#connect(this.#url.text);
    } catch {
      // What the client says repeats the URL with the password in it.
      return null;
    }
  }
}

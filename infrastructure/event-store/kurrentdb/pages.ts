import type { ReadStreamOptions } from '@kurrent/kurrentdb-client';
import { UnreadableEvent } from '#application/ports/event-codec';
import { isNoSuchStream } from './client-errors.js';
import type { Connection } from './connection.js';
import type { StoredEvent } from './envelope.js';

/** Events asked for at a time. An append carries 256 KiB at most (DESIGN §3), so a page is 100 KiB as a rule and never the whole stream. */
const PAGE_EVENTS = 256;

/**
 * A stream read page by page, each under the timer of a call. The events come without a gap from the first one asked for to the
 * head of that moment: one that is missing (`$maxCount`, `$maxAge`, truncated, deleted and begun anew) is an `UnreadableEvent`.
 * One that is delivered twice is handed out once.
 */
export class StreamPages {
  readonly #connection: Connection;
  readonly #requiresLeader: boolean;

  /** A follower may be behind: who is going to write reads from the leader, `requiresLeader`. */
  constructor(connection: Connection, requiresLeader: boolean) {
    this.#connection = connection;
    this.#requiresLeader = requiresLeader;
  }

  /** The last event, or null when there is none. */
  async last(stream: string, attempts?: number): Promise<StoredEvent | null> {
    const page = await this.#page(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 }, attempts);
    return page.at(-1) ?? null;
  }

  async *forwards(stream: string, fromRevision: number, limit = Infinity): AsyncIterable<StoredEvent> {
    const head = await this.#headRevision(stream);
    const last = Math.min(head, fromRevision + limit - 1);
    let next = fromRevision;
    while (next <= last) {
      const asked = next;
      const maxCount = Math.min(PAGE_EVENTS, last - next + 1);
      for (const event of await this.#page(stream, { fromRevision: BigInt(next), maxCount })) {
        if (event.revision < next) continue;
        if (event.revision > next) throw missing(stream, next, head);
        yield event;
        next += 1;
      }
      if (next === asked) throw missing(stream, next, head);
    }
  }

  /** From a revision, or from the head when that is lower, down to the first event; the first page may be a small one. */
  async *backwards(
    stream: string,
    { fromRevision = Infinity, limit = Infinity, firstPage = PAGE_EVENTS },
  ): AsyncIterable<StoredEvent> {
    const head = await this.#headRevision(stream);
    let next = Math.min(fromRevision, head);
    const last = Math.max(0, next - limit + 1);
    let size = firstPage;
    while (next >= last) {
      const asked = next;
      const maxCount = Math.min(size, next - last + 1);
      const options = { direction: 'backwards', fromRevision: BigInt(next), maxCount } as const;
      for (const event of await this.#page(stream, options)) {
        if (event.revision > next) continue;
        if (event.revision < next) throw missing(stream, next, head);
        yield event;
        next -= 1;
      }
      if (next === asked) throw missing(stream, next, head);
      size = PAGE_EVENTS;
    }
  }

  /** -1 when there is no event. */
  async #headRevision(stream: string): Promise<number> {
    return Number((await this.last(stream))?.revision ?? -1);
  }

  async #page(stream: string, options: ReadStreamOptions, attempts?: number): Promise<readonly StoredEvent[]> {
    return this.#connection.ask(
      `read ${stream}`,
      async ({ client }) => {
        const page: StoredEvent[] = [];
        try {
          for await (const { event } of client.readStream(stream, { ...options, requiresLeader: this.#requiresLeader }))
            if (event !== undefined) page.push(event);
        } catch (error) {
          if (isNoSuchStream(error)) return [];
          throw error;
        }
        return page;
      },
      attempts,
    );
  }
}

export const missing = (stream: string, revision: number, head: number): UnreadableEvent =>
  new UnreadableEvent(
    stream,
    revision,
    `it is missing from the journal, though the stream goes on to ${String(head)}: ` +
      'a limit of the stream ($maxCount, $maxAge, $tb) or a deletion took it away',
  );

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KurrentDBClient, type AppendStreamState } from '@kurrent/kurrentdb-client';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM, type AppendOutcome, type ReadOptions } from '#application/ports/event-store';
import { actualRevisionIn, isNoSuchStream } from '#infrastructure/event-store/kurrentdb/client-errors';
import { fromStored, toStored } from '#infrastructure/event-store/kurrentdb/envelope';
import { FOR_EVER_MS, NAIVE_TIMEOUT_MS, NaiveStore } from './naive-store.js';

export type KurrentSlip =
  | 'gives an event another id at every attempt'
  | 'after a failure appends wherever the stream ends'
  | 'takes a broken connection for success'
  | 'acknowledges before it is written'
  | 'has no timer of its own'
  | 'reads a server that is away as streams without events'
  | 'ends its subscription with the connection'
  | 'subscribes from its beginning again after an outage'
  | 'hands on what the server delivers twice';

const AGAIN_AFTER_MS = 50;

/** An adapter of KurrentDB with at most one slip. */
export class NaiveKurrentDb extends NaiveStore {
  readonly #client: KurrentDBClient;
  readonly #slip: KurrentSlip | null;
  readonly #timeoutMs: number;
  #written: Promise<unknown> = Promise.resolve();

  constructor(url: string, slip: KurrentSlip | null, timeoutMs = NAIVE_TIMEOUT_MS) {
    super();
    this.#client = KurrentDBClient.connectionString(url);
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
    return this.ask(async (attempt) => {
      try {
        return await this.#send(stream, expectedRevision, events, attempt);
      } catch (error) {
        const actualRevision = actualRevisionIn(error);
        if (actualRevision !== null) return { outcome: 'wrong-revision', actualRevision };
        if (this.#slip === 'takes a broken connection for success') return success;
        throw error;
      }
    }, this.#timeoutMs);
  }

  async *read(
    stream: string,
    { fromRevision, direction = 'forwards' }: ReadOptions = {},
  ): AsyncIterable<RecordedEvent> {
    const end = direction === 'forwards' ? 'start' : 'end';
    const from = fromRevision === undefined ? end : BigInt(fromRevision);
    let last: number | null = null;
    for (const event of await this.#stored(stream, { direction, fromRevision: from })) {
      const isNews = last === null || (direction === 'forwards' ? event.revision > last : event.revision < last);
      if (!isNews && this.#slip !== 'hands on what the server delivers twice') continue;
      last = event.revision;
      yield event;
    }
  }

  async *subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    let next = fromRevision;
    while (!signal.aborted) {
      try {
        for await (const event of this.#live(stream, next, signal)) {
          if (event.revision < next && this.#slip !== 'hands on what the server delivers twice') continue;
          yield event;
          next = event.revision + 1;
        }
      } catch (error) {
        if (this.#slip === 'ends its subscription with the connection' && !this.isClosed) throw error;
        // Any other naive store subscribes again.
      }
      if (this.#slip === 'subscribes from its beginning again after an outage') next = fromRevision;
      await sleep(AGAIN_AFTER_MS);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#client.dispose();
  }

  async #send(
    stream: string,
    expectedRevision: number,
    events: readonly RecordedEvent[],
    attempt: number,
  ): Promise<AppendOutcome> {
    const sent = events.map((event) =>
      this.#slip === 'gives an event another id at every attempt'
        ? { ...toStored(event), id: randomUUID() }
        : toStored(event),
    );
    const { nextExpectedRevision } = await this.#client.appendToStream(stream, sent, {
      streamState: this.#stateFor(expectedRevision, attempt),
    });
    return { outcome: 'appended', revision: Number(nextExpectedRevision) };
  }

  #stateFor(expectedRevision: number, attempt: number): AppendStreamState {
    if (this.#slip === 'after a failure appends wherever the stream ends' && attempt > 1) return 'any';
    return expectedRevision === NO_STREAM ? 'no_stream' : BigInt(expectedRevision);
  }

  async #appendLater(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<void> {
    try {
      await this.#send(stream, expectedRevision, events, 1);
    } catch {
      // That is the slip: nobody is left who could be told.
    }
  }

  async #stored(
    stream: string,
    options: { readonly direction: 'forwards' | 'backwards'; readonly fromRevision: bigint | 'start' | 'end' },
  ): Promise<readonly RecordedEvent[]> {
    try {
      return await this.ask(async () => {
        const events: RecordedEvent[] = [];
        try {
          for await (const { event } of this.#client.readStream(stream, options))
            if (event !== undefined) events.push(fromStored(event, stream));
        } catch (error) {
          if (!isNoSuchStream(error)) throw error;
        }
        return events;
      }, this.#timeoutMs);
    } catch (error) {
      if (this.#slip === 'reads a server that is away as streams without events') return [];
      throw error;
    }
  }

  async *#live(stream: string, next: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    const fromRevision = next === 0 ? 'start' : BigInt(next - 1);
    const subscription = this.#client.subscribeToStream(stream, { fromRevision });
    // The loop below hears of errors; those that follow the first would end the process.
    subscription.on('error', () => undefined);
    const stop = (): void => void subscription.destroy();
    signal.addEventListener('abort', stop);
    try {
      for await (const { event } of subscription) if (event !== undefined) yield fromStored(event, stream);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '#application/journal/recorded-event';
import {
  EventStoreFault,
  type AppendOutcome,
  type EventStore,
  type ReadOptions,
  type StreamHead,
} from '#application/ports/event-store';

/** As long as a sound adapter waits: a busy machine is no failing server. The tests of a server that stalls name a shorter one. */
export const NAIVE_TIMEOUT_MS = 5000;
const ATTEMPTS = 3;
/** Three attempts outlast a server that is killed and started again. */
const BETWEEN_ATTEMPTS_MS = 100;

const NO_ANSWER = Symbol('no answer');

/**
 * What the adapters of a hurried author have in common. Without their slips they do right by a server that fails, at least as far
 * as the guarantees that catch the slips look: so a switch that fails one of them is seen to do something.
 */
export abstract class NaiveStore implements EventStore {
  protected isClosed = false;

  abstract append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome>;
  abstract read(stream: string, options?: ReadOptions): AsyncIterable<RecordedEvent>;
  abstract subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent>;
  abstract close(): Promise<void>;

  async readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    for await (const event of this.read(stream, { direction: 'backwards' }))
      if (type === undefined || event.type === type) return event;
    return null;
  }

  async head(stream: string): Promise<StreamHead | null> {
    const last = await this.readLast(stream);
    return last === null ? null : { stream, revision: last.revision, hash: last.hash };
  }

  /** It keeps no list of streams: it asks the server for one, and has nothing to tell of it. */
  async *list(): AsyncIterable<StreamHead> {
    const head = await this.head('streams');
    if (head !== null) yield head;
  }

  async checkBeside(stream: string): Promise<readonly string[]> {
    await this.head(stream);
    return [];
  }

  /** Asks three times, each time with a timer of its own; then the store is unreachable. */
  protected async ask<T>(question: (attempt: number) => Promise<T>, timeoutMs = NAIVE_TIMEOUT_MS): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await Promise.race([question(attempt), sleep(timeoutMs, NO_ANSWER, { ref: false })]);
        if (answer === NO_ANSWER) throw new Error(`no answer in ${String(timeoutMs)} ms`);
        return answer;
      } catch (cause) {
        if (this.isClosed || attempt === ATTEMPTS)
          throw new EventStoreFault('The naive store is away.', { cause, kind: 'unreachable' });
        await sleep(BETWEEN_ATTEMPTS_MS);
      }
    }
  }
}

/** Longer than any test: what an adapter without a timer waits. */
export const FOR_EVER_MS = 3_600_000;

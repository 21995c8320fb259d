import type { RecordedEvent } from '#application/journal/recorded-event';
import { NodeClock } from '../../platform/node-clock.js';
import type { Connection } from './connection.js';
import { fromStored, type StoredEvent } from './envelope.js';
import { NoAnswer, type Link } from './link.js';
import { missing } from './pages.js';

const clock = new NodeClock();

/** How soon a subscription that broke is made anew. */
const AGAIN_AFTER_MS = 250;

/**
 * Every event from the revision on, then new ones, until the signal aborts. The server may deliver an event twice, may end a
 * subscription, may go away and come back: each event comes once, in order, and nothing is passed over. Events come as fast as
 * they are taken: the streams below hold some dozens and then make the server wait.
 */
export async function* subscribe(
  connection: Connection,
  stream: string,
  fromRevision: number,
  signal: AbortSignal,
): AsyncIterable<RecordedEvent> {
  let next = fromRevision;
  while (!hasAborted(signal)) {
    const subscription = new LiveStream(connection, stream, next, signal);
    for await (const event of subscription.events()) {
      // What was delivered may have been so before, in another subscription too.
      if (event.revision < next) continue;
      if (event.revision > next) throw missing(stream, next, Number(event.revision));
      if (hasAborted(signal)) return;
      yield fromStored(event, stream);
      next += 1;
    }
    await clock.sleep(AGAIN_AFTER_MS, signal);
  }
}

/** One subscription of the client, which ends with the first trouble that may pass, and rejects with one that will not. */
class LiveStream {
  readonly #connection: Connection;
  readonly #stream: string;
  readonly #next: number;
  readonly #signal: AbortSignal;

  constructor(connection: Connection, stream: string, next: number, signal: AbortSignal) {
    this.#connection = connection;
    this.#stream = stream;
    this.#next = next;
    this.#signal = signal;
  }

  async *events(): AsyncIterable<StoredEvent> {
    const link = this.#connection.link();
    try {
      yield* this.#eventsOf(link);
    } catch (error) {
      if (this.#signal.aborted) return;
      const fault = this.#connection.faultOf(`subscribe to ${this.#stream}`, error, link);
      if (fault.kind === 'unreachable') return;
      throw fault;
    }
  }

  async *#eventsOf(link: Link): AsyncIterable<StoredEvent> {
    // The server begins after the revision that it is given.
    const fromRevision = this.#next === 0 ? 'start' : BigInt(this.#next - 1);
    const subscription = link.client.subscribeToStream(this.#stream, { fromRevision });
    let broken: unknown = null;
    const stop = (reason: unknown): void => {
      broken ??= reason;
      subscription.destroy();
    };
    // Errors may come until the call behind it is cancelled, and one that nobody listens to would end the process.
    subscription.on('error', stop);
    // However it ends, and also when nobody takes from it any more.
    subscription.once('close', () => void cancel(subscription));
    const timer = setTimeout(() => stop(new NoAnswer(this.#connection.timeoutMs)), this.#connection.timeoutMs);
    subscription.once('confirmation', () => clearTimeout(timer));
    const onAbort = (): void => stop(this.#signal.reason);
    const onGone = (): void => stop(link.gone.reason);
    this.#signal.addEventListener('abort', onAbort);
    // The client ends its calls itself when it is thrown away, but not one that is only being made.
    link.gone.addEventListener('abort', onGone);
    try {
      for await (const { event } of subscription) if (event !== undefined) yield event;
    } catch (error) {
      throw broken ?? error;
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', onAbort);
      link.gone.removeEventListener('abort', onGone);
    }
  }
}

const cancel = async (subscription: { unsubscribe(): Promise<void> }): Promise<void> => {
  try {
    await subscription.unsubscribe();
  } catch {
    // There was never a call to cancel: the subscription has said itself why.
  }
};

/** Asked again while events are handed out: the compiler believes that a signal which has not aborted never will. */
const hasAborted = (signal: AbortSignal): boolean => signal.aborted;

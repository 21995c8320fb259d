import { setMaxListeners } from 'node:events';
import type { KurrentDBClient } from '@kurrent/kurrentdb-client';

/** The server gave no answer in time; what it did is unknown. */
export class NoAnswer extends Error {
  constructor(timeoutMs: number) {
    super(`no answer in ${String(timeoutMs)} ms`);
    this.name = 'NoAnswer';
  }
}

/**
 * Appends in flight at a time. All of them share one stream of messages, and when it breaks while more than sixteen wait to be
 * written, the client rejects a promise that nobody can listen to, which ends the process.
 */
const APPENDS_AT_A_TIME = 8;

/**
 * One client, from when it was made until it is thrown away. The deadlines of its calls are not to be trusted (that of a batch
 * append is infinite, that of the look at the server's features before it is missing), so each call has a timer of ours.
 */
export class Link {
  readonly client: KurrentDBClient;
  readonly #end = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #appending = 0;

  constructor(client: KurrentDBClient) {
    this.client = client;
    // One for each call in flight, however many there are.
    setMaxListeners(0, this.gone);
  }

  /** Aborts, with the reason, when the client is thrown away. */
  get gone(): AbortSignal {
    return this.#end.signal;
  }

  /** The answer, or a rejection when it did not come in time or the client was thrown away meanwhile. */
  async answer<T>(question: (link: Link) => Promise<T>, timeoutMs: number): Promise<T> {
    this.gone.throwIfAborted();
    let giveUp: (reason: unknown) => void = () => undefined;
    const noAnswer = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const timer = setTimeout(() => giveUp(new NoAnswer(timeoutMs)), timeoutMs);
    const onGone = (): void => giveUp(this.gone.reason);
    this.gone.addEventListener('abort', onGone);
    try {
      // The race goes on listening to the loser: what it says later is heard by nobody, but is no unhandled rejection.
      return await Promise.race([question(this), noAnswer]);
    } finally {
      clearTimeout(timer);
      this.gone.removeEventListener('abort', onGone);
    }
  }

  /** Waits until fewer than eight appends are in flight. */
  async inTurn<T>(append: () => Promise<T>): Promise<T> {
    while (this.#appending >= APPENDS_AT_A_TIME)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    this.gone.throwIfAborted();
    this.#appending += 1;
    try {
      return await append();
    } finally {
      this.#appending -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** Cancels what is in flight. The client has no way to end a read: one that hangs stays until its connection breaks. */
  async end(reason: unknown): Promise<void> {
    if (this.gone.aborted) return;
    this.#end.abort(reason);
    for (const wake of this.#waiting.splice(0)) wake();
    await this.client.dispose();
  }
}

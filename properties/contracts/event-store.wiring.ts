import type { EventStore } from '#application/ports/event-store';
import type { Journal, JournalFaults, OpenOptions } from './journal.js';

export interface JournalParts {
  readonly make: (options: OpenOptions) => Promise<EventStore>;
  readonly forget?: () => Promise<void> | void;
  readonly prefix?: string;
  readonly faults?: JournalFaults | null;
}

/** A journal that closes what was opened on it, after its server was brought back to health. */
export const journalOf = ({ make, forget, prefix = '', faults = null }: JournalParts): Journal => {
  const stores: EventStore[] = [];
  const mendable = faults === null ? null : new MendableFaults(faults);
  return {
    prefix,
    faults: mendable,
    open: async (options = {}) => {
      const store = await make(options);
      stores.push(store);
      return store;
    },
    cleanup: async () => {
      await mendable?.mend();
      for (const store of stores) await store.close();
      await forget?.();
    },
  };
};

/**
 * The same switches for one test, which remember what was done: a test that fails in the middle leaves the next one a sound server,
 * and what of it still goes on can do that server no more harm.
 */
class MendableFaults implements JournalFaults {
  readonly #server: JournalFaults;
  readonly duplicateDelivery?: (on: boolean) => void;
  #isRunning = true;
  #isOver = false;
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(server: JournalFaults) {
    this.#server = server;
    if (server.duplicateDelivery !== undefined)
      this.duplicateDelivery = (on) => this.#duringTest().duplicateDelivery?.(on);
  }

  loseNextAppend(): void {
    this.#duringTest().loseNextAppend();
  }

  loseNextReply(): void {
    this.#duringTest().loseNextReply();
  }

  stall(): void {
    this.#duringTest().stall();
  }

  goOn(): void {
    this.#duringTest().goOn();
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#duringTest().stop();
      this.#isRunning = false;
    });
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#duringTest().start();
      this.#isRunning = true;
    });
  }

  async mend(): Promise<void> {
    this.#isOver = true;
    this.#server.goOn();
    this.#server.duplicateDelivery?.(false);
    await this.#inTurn(async () => {
      if (!this.#isRunning) await this.#server.start();
    });
  }

  #duringTest(): JournalFaults {
    if (this.#isOver) throw new Error('The test is over, and the server is for the next one.');
    return this.#server;
  }

  async #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = Promise.allSettled([this.#lastTurn]).then(step);
    this.#lastTurn = turn;
    await turn;
  }
}

import type { EventStore } from '#application/ports/event-store';

/** One journal, for the contract. `open` gives a store on it, each time another, as another program has it; all are closed by `cleanup`. */
export interface Journal {
  /** Every stream's name begins with it: several tests share one server. Empty where the journal is the test's alone. */
  readonly prefix: string;
  open(options?: OpenOptions): Promise<EventStore>;
  cleanup(): Promise<void>;
  /** What can be done to the engine behind the journal; null for one that lives in its user's process. */
  readonly faults: JournalFaults | null;
}

export interface OpenOptions {
  /** How long one attempt of a call may wait for an answer. A store without a server has none. */
  readonly timeoutMs?: number;
}

/** Switches on a store's server. Each holds for the next append of anybody, or until it is taken back. */
export interface JournalFaults {
  /** The connection breaks under the next append, before anything of it is committed. */
  loseNextAppend(): void;
  /** The next append is committed, and the connection breaks before its answer. */
  loseNextReply(): void;
  /** Connections stay open and nothing is answered any more, until `goOn`. */
  stall(): void;
  goOn(): void;
  /** The server is killed; what it had acknowledged is there when it starts again, at the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Reads and subscriptions get some events twice. Only where the engine's protocol leaves that to its client. */
  duplicateDelivery?(on: boolean): void;
}

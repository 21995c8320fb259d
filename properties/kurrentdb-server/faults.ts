import type { JournalFaults } from '../contracts/journal.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What becomes of one append. The two faults break the connection that it came on. */
export type AppendFate = 'answered' | 'lost-before-commit' | 'lost-after-commit';

/**
 * Switches on the server. `loseNextAppend` and `loseNextReply` hold for one append of anybody; the others until they are taken
 * back.
 *
 * A stalled server still accepts connections and answers HTTP/2 pings, as a process does whose storage hangs. It keeps what comes
 * in and, after `goOn`, handles all of it in the order of its arrival, also for callers that have given up: such an append is then
 * committed late, without anybody to hear of it. What was stalled when the server was stopped is never handled.
 */
export class KurrentFaults implements JournalFaults {
  readonly #server: { stop(): Promise<void>; start(): Promise<void> };
  #nextAppend: AppendFate = 'answered';
  #stalled: { readonly over: Promise<void>; readonly end: () => void } | null = null;
  #duplicates = false;
  #leader: Endpoint | null = null;
  #ready = true;

  constructor(server: { stop(): Promise<void>; start(): Promise<void> }) {
    this.#server = server;
  }

  loseNextAppend(): void {
    this.#nextAppend = 'lost-before-commit';
  }

  loseNextReply(): void {
    this.#nextAppend = 'lost-after-commit';
  }

  stall(): void {
    if (this.#stalled !== null) return;
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#stalled = { over, end };
  }

  goOn(): void {
    this.#stalled?.end();
    this.#stalled = null;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  /** Reads and subscriptions deliver after every third event the last two once more (a read then gives more than its count). */
  duplicateDelivery(on: boolean): void {
    this.#duplicates = on;
  }

  /** Appends, deletions, reads and subscriptions are refused with the name of this other node; null: this one is the leader. */
  notLeader(leader: Endpoint | null): void {
    this.#leader = leader;
  }

  /** Appends, deletions, reads and subscriptions are refused, as while a server is starting or electing. */
  notReady(on: boolean): void {
    this.#ready = !on;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get leader(): Endpoint | null {
    return this.#leader;
  }

  get duplicates(): boolean {
    return this.#duplicates;
  }

  /** What waits now waits for ever: its server was killed. The switches stay as they are. */
  forgetStalled(): void {
    if (this.#stalled === null) return;
    this.#stalled = null;
    this.stall();
  }

  /** Waits while the server is stalled. */
  async unstalled(): Promise<void> {
    while (this.#stalled !== null) await this.#stalled.over;
  }

  takeAppendFate(): AppendFate {
    const fate = this.#nextAppend;
    this.#nextAppend = 'answered';
    return fate;
  }
}

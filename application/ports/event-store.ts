import type { RecordedEvent } from '../journal/recorded-event.js';

/**
 * Append-only streams. What `append` acknowledged is durable. Revisions are 0-based and dense; `NO_STREAM` is the revision of a
 * stream that has no event. One contract suite runs against every adapter.
 */
export interface EventStore {
  /** The folder of this machine in which it keeps its events; none when they are in memory or on a server. */
  readonly folder?: string;
  /**
   * Appends at exactly this revision, all or nothing. Events that are there already with the same ids at the same place count as
   * success (a retry after an unknown outcome). Any other content there: `wrong-revision`.
   */
  append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome>;
  /**
   * Ascending from `fromRevision` (default 0) to the head at the time of reading, or descending from it (default: the head) to
   * the first event; in bounded memory. A revision that is missing on the way is an `UnreadableEvent`, never passed over.
   */
  read(stream: string, options?: ReadOptions): AsyncIterable<RecordedEvent>;
  /**
   * The last event of the stream, or the last of one type; null when there is none. Fast at any length of the stream for the
   * last event and for the last `BlockMerged`; of another type a store may have to read backwards until it meets one.
   */
  readLast(stream: string, type?: string): Promise<RecordedEvent | null>;
  /** Streams whose name starts with the prefix, by name. */
  list(prefix: string): AsyncIterable<StreamHead>;
  /** Head as the store keeps it beside the events, or null. */
  head(stream: string): Promise<StreamHead | null>;
  /** Every event from the revision on, then new ones as they are appended, by whichever process, until `signal` aborts. */
  subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent>;
  /** Compares what the store keeps beside the events (columns, look-up tables, recorded heads) with the events themselves. */
  checkBeside(stream: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly fromRevision?: number;
  readonly direction?: 'forwards' | 'backwards';
  /** No more events than this. A reader that needs few says so, and the store fetches no page of them. */
  readonly limit?: number;
}

export const NO_STREAM = -1;

export type AppendOutcome =
  | { readonly outcome: 'appended'; readonly revision: number }
  | { readonly outcome: 'wrong-revision'; readonly actualRevision: number };

export interface StreamHead {
  readonly stream: string;
  readonly revision: number;
  readonly hash: string;
}

/**
 * `unreachable`: the store is away, or gave no answer in time; it may be back by itself, and waiting for it makes sense.
 * `out-of-space`: it has no room for the events. `failed`: anything else, which a person has to mend.
 */
export type EventStoreFaultKind = 'failed' | 'out-of-space' | 'unreachable';

/** The store failed or is away: the outcome of the call is unknown. */
export class EventStoreFault extends Error {
  readonly kind: EventStoreFaultKind;

  constructor(message: string, options?: { cause?: unknown; kind?: EventStoreFaultKind }) {
    super(message, options);
    this.kind = options?.kind ?? 'failed';
    this.name = 'EventStoreFault';
  }
}

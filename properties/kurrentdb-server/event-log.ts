import { AppendBell } from './append-bell.js';
import { decideAppend, type ExpectedRevision } from './append-decision.js';
import { limitOf, metadataStreamOf } from './stream-limits.js';

/** An event as a client proposes it: the parts of the protocol's message. */
export interface ProposedEvent {
  /** A lower-case UUID. */
  readonly id: string;
  /** `type`, `content-type` and whatever else the client sends along. */
  readonly properties: readonly (readonly [string, string])[];
  readonly customMetadata: Uint8Array;
  readonly data: Uint8Array;
}

export interface LoggedEvent extends ProposedEvent {
  readonly stream: string;
  /** 0-based, dense within the stream. */
  readonly revision: number;
  /** Place in the order of all streams; ascending, not dense. */
  readonly position: number;
  readonly createdMs: number;
}

/** What the log keeps of one stream. Its array of events only grows: a deleted stream hides its events behind `hiddenBefore`. */
export interface StreamLog {
  readonly events: LoggedEvent[];
  readonly revisionOf: Map<string, number>;
  /** Events below this revision are gone for readers: the stream was soft-deleted at this length. */
  hiddenBefore: number;
  tombstoned: boolean;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly revision: number; readonly position: number }
  /** `current` is -1 for a stream without events. */
  | { readonly kind: 'wrong-expected-version'; readonly current: number }
  | { readonly kind: 'stream-deleted' };

/** Positions are bytes in a real server's log, so they are never consecutive. */
const POSITION_STEP = 100;

/**
 * What the server has on its disk: it outlives every stop and start. Appends are all or nothing, under the server's own rules
 * (append-decision.ts).
 */
export class EventLog {
  readonly bell = new AppendBell();
  readonly #streams = new Map<string, StreamLog>();
  readonly #all: LoggedEvent[] = [];

  /** Every event of every stream, in the order of their appends. */
  get all(): readonly LoggedEvent[] {
    return this.#all;
  }

  /** Position of the last event; 0 in an empty log. */
  get position(): number {
    return this.#all.at(-1)?.position ?? 0;
  }

  /** Everything that was ever appended to the stream, also what readers no longer see. */
  eventsOf(stream: string): readonly LoggedEvent[] {
    return this.#streams.get(stream)?.events ?? [];
  }

  append(stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): AppendOutcome {
    const log = this.#streams.get(stream) ?? emptyStream();
    const decision = decideAppend(log, expected, events);
    switch (decision.kind) {
      case 'stream-deleted':
        return decision;
      case 'wrong-expected-version':
        return { ...decision, current: log.events.length - 1 };
      case 'idempotent':
        return {
          kind: 'appended',
          revision: decision.lastRevision,
          position: log.events[decision.lastRevision]!.position,
        };
      case 'append':
        this.#write(stream, log, events);
        return { kind: 'appended', revision: log.events.length - 1, position: this.position };
    }
  }

  /** Hides the events so far; the next append goes on with the next revision. */
  softDelete(stream: string, expected: ExpectedRevision): AppendOutcome {
    return this.#delete(stream, expected, (log) => (log.hiddenBefore = log.events.length));
  }

  /** Ends the stream for ever. */
  tombstone(stream: string, expected: ExpectedRevision): AppendOutcome {
    return this.#delete(stream, expected, (log) => (log.tombstoned = true));
  }

  isTombstoned(stream: string): boolean {
    return this.#streams.get(stream)?.tombstoned ?? false;
  }

  /** Number of revisions given out so far: the next event's revision. */
  lengthOf(stream: string): number {
    return this.#streams.get(stream)?.events.length ?? 0;
  }

  /** The first revision a reader sees, by deletion and by the stream's metadata; equal to the length when none is visible. */
  firstVisible(stream: string): number {
    const log = this.#streams.get(stream);
    if (log === undefined) return 0;
    const metadata = this.#streams.get(metadataStreamOf(stream))?.events.at(-1);
    const limit = metadata === undefined ? 0 : limitOf(metadata.data, log.events.length);
    return Math.min(log.events.length, Math.max(log.hiddenBefore, limit));
  }

  #delete(stream: string, expected: ExpectedRevision, change: (log: StreamLog) => void): AppendOutcome {
    const log = this.#streams.get(stream) ?? emptyStream();
    if (log.tombstoned) return { kind: 'stream-deleted' };
    const current = log.events.length - 1;
    if (typeof expected === 'number' ? expected !== current : expected === 'no-stream' && current >= 0)
      return { kind: 'wrong-expected-version', current };
    this.#streams.set(stream, log);
    change(log);
    this.bell.ring();
    return { kind: 'appended', revision: current, position: this.position };
  }

  #write(stream: string, log: StreamLog, events: readonly ProposedEvent[]): void {
    if (events.length === 0) return;
    const createdMs = Date.now();
    for (const event of events) {
      const logged = {
        ...event,
        stream,
        revision: log.events.length,
        position: this.position + POSITION_STEP,
        createdMs,
      };
      log.revisionOf.set(event.id, logged.revision);
      log.events.push(logged);
      this.#all.push(logged);
    }
    this.#streams.set(stream, log);
    this.bell.ring();
  }
}

const emptyStream = (): StreamLog => ({ events: [], revisionOf: new Map(), hiddenBefore: 0, tombstoned: false });

import type { RecordedEvent } from '../journal/recorded-event.js';
import type { AppendOutcome, EventStore, ReadOptions, StreamHead } from '../ports/event-store.js';

/**
 * A store as an audit saw it: each stream ends with the last event that the audit found right, whatever was appended meanwhile
 * or is wrong behind it. Streams that the audit did not look at are empty. Reads only, from a revision to the end.
 */
export class AuditedStore implements EventStore {
  private readonly heads: ReadonlyMap<string, StreamHead>;

  constructor(
    private readonly store: EventStore,
    heads: readonly StreamHead[],
  ) {
    this.heads = new Map(heads.filter(({ revision }) => revision >= 0).map((head) => [head.stream, head]));
  }

  /** Throws a `JournalChanged` when the head is not the one that was audited. */
  async *read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    const { fromRevision = 0, direction = 'forwards', limit } = options;
    if (direction !== 'forwards' || limit !== undefined) throw notHere('read backwards or a part');
    const head = this.heads.get(stream);
    if (head === undefined || head.revision < fromRevision) return;
    for await (const event of this.store.read(stream, { fromRevision })) {
      if (event.revision === head.revision && event.hash !== head.hash) throw new JournalChanged(stream);
      yield event;
      if (event.revision >= head.revision) return;
    }
    throw new JournalChanged(stream);
  }

  async head(stream: string): Promise<StreamHead | null> {
    return this.heads.get(stream) ?? null;
  }

  async append(): Promise<AppendOutcome> {
    throw notHere('append');
  }

  async readLast(): Promise<RecordedEvent | null> {
    throw notHere('read the last event');
  }

  async *list(prefix: string): AsyncIterable<StreamHead> {
    for (const head of this.heads.values()) if (head.stream.startsWith(prefix)) yield head;
  }

  subscribe(): AsyncIterable<RecordedEvent> {
    throw notHere('subscribe');
  }

  async checkBeside(): Promise<readonly string[]> {
    throw notHere('check beside');
  }

  async close(): Promise<void> {
    // The store belongs to whoever opened it.
  }
}

/** The stream is not what it was when it was audited, a moment before. */
export class JournalChanged extends Error {
  constructor(readonly stream: string) {
    super(`stream ${stream} was changed while the report was made`);
    this.name = 'JournalChanged';
  }
}

const notHere = (what: string): Error =>
  new Error(`Bug: nobody may ${what} here; this is a journal as an audit saw it`);

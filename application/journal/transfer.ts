import { LARGEST_APPEND_BYTES } from '../merge/window-merger.js';
import type { Clock } from '../ports/clock.js';
import { EventStoreFault, type AppendOutcome, type EventStore } from '../ports/event-store.js';
import { printEvent } from './event-text.js';
import type { ChainHead, RecordedEvent } from './recorded-event.js';

/**
 * Events as they are from one place into a store: same ids, same hashes. What is there already is left alone, so a transfer that
 * was cut short goes on where it stopped, and a second one adds nothing.
 */

/** Cuts a stream into windows that are one append each: at most 256 KiB of text, at least one event. */
export class Windows {
  private events: RecordedEvent[] = [];
  private bytes = 0;

  /** The window that is full without this event, which begins the next; null while there is room. */
  add(event: RecordedEvent): readonly RecordedEvent[] | null {
    const bytes = utf8.encode(printEvent(event)).length;
    const full = this.events.length > 0 && this.bytes + bytes > LARGEST_APPEND_BYTES ? this.events : null;
    if (full !== null) [this.events, this.bytes] = [[], 0];
    this.events.push(event);
    this.bytes += bytes;
    return full;
  }

  /** The last window; empty when nothing was added. */
  rest(): readonly RecordedEvent[] {
    const { events } = this;
    [this.events, this.bytes] = [[], 0];
    return events;
  }
}

const utf8 = new TextEncoder();

/** Compares a stream with what a store holds of it, event by event, in bounded memory. */
export class PresentStream {
  private readonly events: AsyncIterator<RecordedEvent>;
  private last: ChainHead | null = null;
  private ended = false;

  constructor(stream: string, store: EventStore) {
    this.events = store.read(stream)[Symbol.asyncIterator]();
  }

  /** The last event that both have; null for none. */
  get common(): ChainHead | null {
    return this.last;
  }

  /** Null: the next event of the stream is in the store as it is, or the store's stream is shorter. Else what the store has there. */
  async otherThan(event: RecordedEvent): Promise<RecordedEvent | null> {
    if (this.ended) return null;
    const next = await this.events.next();
    if (next.done === true) {
      this.ended = true;
      return null;
    }
    if (next.value.hash !== event.hash || next.value.revision !== event.revision) return next.value;
    this.last = { revision: event.revision, hash: event.hash };
    return null;
  }

  /** What the store holds after the last event that both have; null when it goes no further. */
  async beyond(): Promise<RecordedEvent | null> {
    if (this.ended) return null;
    const next = await this.events.next();
    return next.done === true ? null : next.value;
  }

  async close(): Promise<void> {
    await this.events.return?.();
  }
}

/** Appends the events of a window that lie past the head. An append whose outcome is unknown is made again: it cannot happen twice. */
export const appendMissing = async (
  window: readonly RecordedEvent[],
  headRevision: number,
  { store, clock }: { readonly store: EventStore; readonly clock: Clock },
): Promise<AppendOutcome & { readonly added: number }> => {
  const missing = window.filter(({ revision }) => revision > headRevision);
  const [first] = missing;
  if (first === undefined) return { outcome: 'appended', revision: headRevision, added: 0 };
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await store.append(first.stream, first.revision - 1, missing);
      return { ...answer, added: missing.length };
    } catch (fault) {
      if (!(fault instanceof EventStoreFault) || attempt === ATTEMPTS) throw fault;
      await clock.sleep(attempt * 100);
    }
  }
};

const ATTEMPTS = 3;

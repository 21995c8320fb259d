import type { RecordedEvent } from '#application/journal/recorded-event';
import type { EventStore } from '#application/ports/event-store';

/**
 * Moves a stream's events from the store to a reader, at the reader's speed: they wait in the journal, not in memory. Rejects
 * when the store fails; whoever started the pump hears of it at the end.
 */
export class EventPump {
  private readonly stopped = new AbortController();
  /** What stopped the pump, for `end` to throw; null when nothing did. */
  private readonly pumping: Promise<{ readonly fault: unknown } | null>;
  private shown: number;
  private last = Infinity;

  constructor(
    store: EventStore,
    stream: string,
    private readonly first: number,
    private readonly show: (event: RecordedEvent) => Promise<void>,
  ) {
    this.shown = first - 1;
    this.pumping = this.pump(store.subscribe(stream, first, this.stopped.signal)).then(
      () => null,
      (fault: unknown) => ({ fault }),
    );
  }

  /** Has the first event been shown? What is said of a run begins with it. */
  get hasBegun(): boolean {
    return this.shown >= this.first;
  }

  /** Resolves when everything up to this revision was shown; rejects when that has not happened in time (null: no limit). */
  async end(lastRevision: number, withinMs: number | null): Promise<void> {
    this.last = lastRevision;
    if (this.shown >= lastRevision) this.stopped.abort();
    const timer = withinMs === null ? null : setTimeout(() => this.stopped.abort(), withinMs);
    const stoppedBy = await this.pumping;
    if (timer !== null) clearTimeout(timer);
    if (stoppedBy !== null) throw stoppedBy.fault;
    if (this.shown < lastRevision)
      throw new Error(`the journal gave no event after ${String(this.shown)} of ${String(lastRevision)}`);
  }

  private async pump(events: AsyncIterable<RecordedEvent>): Promise<void> {
    for await (const event of events) {
      await this.show(event);
      this.shown = event.revision;
      if (this.shown >= this.last) return;
    }
  }
}

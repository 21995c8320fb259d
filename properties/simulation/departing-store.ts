import type { RecordedEvent } from '#application/journal/recorded-event';
import { EventStoreFault, type AppendOutcome, type EventStore, type StreamHead } from '#application/ports/event-store';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';

/** When the store goes away: at the n-th call, for so many calls; an append may be committed before nobody answers. */
export interface Departure {
  readonly atCall: number;
  readonly calls: number;
  readonly commitsFirst: boolean;
}

/** A journal on a server that goes away in the middle and comes back. Calls are counted from `countFrom` on. */
export class DepartingStore extends MemoryEventStore {
  calls = 0;
  /** Called while it is away, with the number of the call. */
  whileAway: () => void = () => undefined;
  private counting = false;

  constructor(private readonly departure: Departure | null) {
    super();
  }

  override async append(
    stream: string,
    expectedRevision: number,
    events: readonly RecordedEvent[],
  ): Promise<AppendOutcome> {
    if (this.departure?.commitsFirst === true && this.isAwayNext) await super.append(stream, expectedRevision, events);
    this.answers();
    const outcome = await super.append(stream, expectedRevision, events);
    if (events.some(({ type }) => type === 'MergeStarted')) this.counting = true;
    return outcome;
  }

  override async *read(...given: Parameters<EventStore['read']>): AsyncIterable<RecordedEvent> {
    this.answers();
    yield* super.read(...given);
  }

  override async readLast(...given: Parameters<EventStore['readLast']>): Promise<RecordedEvent | null> {
    this.answers();
    return await super.readLast(...given);
  }

  override async head(stream: string): Promise<StreamHead | null> {
    this.answers();
    return await super.head(stream);
  }

  private get isAwayNext(): boolean {
    if (this.departure === null || !this.counting) return false;
    const { atCall, calls } = this.departure;
    return this.calls >= atCall && this.calls < atCall + calls;
  }

  private answers(): void {
    const isAway = this.isAwayNext;
    if (this.counting) this.calls += 1;
    if (!isAway) return;
    this.whileAway();
    throw new EventStoreFault('the server does not answer', { kind: 'unreachable' });
  }
}

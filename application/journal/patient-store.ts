import type { JournalOutageEnded } from '#domain/merge-job/events';
import type { Clock } from '../ports/clock.js';
import {
  EventStoreFault,
  type AppendOutcome,
  type EventStore,
  type ReadOptions,
  type StreamHead,
} from '../ports/event-store.js';
import type { RecordedEvent } from './recorded-event.js';

export type JournalOutage = Omit<JournalOutageEnded, 'type'>;

export interface Patience {
  readonly clock: Clock;
  /** Ends the waiting: the call that waits then fails with what the store said last. */
  readonly signal: AbortSignal;
  /** Milliseconds that one outage may last; null: without limit. */
  readonly limitMs: number | null;
  /** Told when the journal goes away, with the reason, and with null when it is back. */
  readonly told: (reason: string | null) => void;
}

/**
 * A journal that is waited for while it is away. Every call that finds it unreachable is made again until it is answered, appends with the
 * same events at the same revision, so that one whose outcome was unknown happens once. A run that works through it stands still
 * meanwhile, and has said nothing that is not in the journal.
 */
export class PatientStore implements EventStore {
  /** The outage under way. */
  private away: { readonly since: number; readonly from: number; attempts: number; readonly reason: string } | null =
    null;
  private readonly ended: JournalOutage[] = [];

  constructor(
    private readonly store: EventStore,
    private readonly patience: Patience,
  ) {}

  /** Outages that are over and not in the stream yet. */
  get outages(): readonly JournalOutage[] {
    return [...this.ended];
  }

  /** The first so many are in the stream now. */
  outagesAreRecorded(count: number): void {
    this.ended.splice(0, count);
  }

  append(stream: string, expectedRevision: number, events: readonly RecordedEvent[]): Promise<AppendOutcome> {
    return this.untilAnswered(() => this.store.append(stream, expectedRevision, events));
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncIterable<RecordedEvent> {
    let left = options;
    while (!isNothing(left)) {
      try {
        for await (const event of this.store.read(stream, left)) {
          this.answered();
          left = after(event, left);
          yield event;
        }
        return;
      } catch (fault) {
        await this.outlast(fault);
      }
    }
  }

  readLast(stream: string, type?: string): Promise<RecordedEvent | null> {
    return this.untilAnswered(() => this.store.readLast(stream, type));
  }

  async *list(prefix: string): AsyncIterable<StreamHead> {
    const given = new Set<string>();
    for (;;) {
      try {
        for await (const head of this.store.list(prefix)) {
          this.answered();
          if (given.has(head.stream)) continue;
          given.add(head.stream);
          yield head;
        }
        return;
      } catch (fault) {
        await this.outlast(fault);
      }
    }
  }

  head(stream: string): Promise<StreamHead | null> {
    return this.untilAnswered(() => this.store.head(stream));
  }

  async *subscribe(stream: string, fromRevision: number, signal: AbortSignal): AsyncIterable<RecordedEvent> {
    let next = fromRevision;
    while (!signal.aborted) {
      try {
        for await (const event of this.store.subscribe(stream, next, signal)) {
          next = event.revision + 1;
          yield event;
        }
        return;
      } catch (fault) {
        await this.outlast(fault);
      }
    }
  }

  checkBeside(stream: string): Promise<readonly string[]> {
    return this.untilAnswered(() => this.store.checkBeside(stream));
  }

  close(): Promise<void> {
    return this.store.close();
  }

  private async untilAnswered<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      const calledAt = this.patience.clock.monotonic();
      try {
        const answer = await this.inTime(call());
        this.answered();
        return answer;
      } catch (fault) {
        await this.outlast(fault, calledAt);
      }
    }
  }

  /**
   * A store that is silent takes its own time to give up, which may be long. Whoever is to stop, or waits no longer, gives it two
   * seconds more: the outcome of the call is then as unknown as if its connection had been lost, and what comes of it is nobody's concern.
   */
  private async inTime<T>(call: Promise<T>): Promise<T> {
    const settled = new AbortController();
    try {
      const answer = await Promise.race([call, this.tooLate(settled.signal)]);
      if (answer !== TOO_LATE) return answer;
      throw new EventStoreFault('The journal does not answer.', { kind: 'unreachable' });
    } finally {
      settled.abort();
    }
  }

  private async tooLate(settled: AbortSignal): Promise<typeof TOO_LATE> {
    const { clock, signal, limitMs } = this.patience;
    const waited = this.away === null ? 0 : clock.monotonic() - this.away.from;
    const asked = aborted(AbortSignal.any([signal, settled]));
    await (limitMs === null ? asked : Promise.race([asked, clock.sleep(Math.max(0, limitMs - waited), settled)]));
    await clock.sleep(GRACE_MS, settled);
    return TOO_LATE;
  }

  /** Waits a while when the store is away; throws the fault when it is another one, or when nobody wants to wait any longer. */
  private async outlast(fault: unknown, calledAt = this.patience.clock.monotonic()): Promise<void> {
    if (!(fault instanceof EventStoreFault) || fault.kind !== 'unreachable') throw fault;
    const { clock, signal, limitMs, told } = this.patience;
    if (this.away === null) {
      const since = Math.round(clock.now() - (clock.monotonic() - calledAt));
      this.away = { since, from: calledAt, attempts: 0, reason: fault.message };
      told(fault.message);
    }
    this.away.attempts += 1;
    const waited = clock.monotonic() - this.away.from;
    if (signal.aborted || (limitMs !== null && waited >= limitMs)) throw fault;
    await clock.sleep(Math.min(pauseMs(this.away.attempts), (limitMs ?? Infinity) - waited), signal);
  }

  private answered(): void {
    if (this.away === null) return;
    const { since, attempts, reason } = this.away;
    this.away = null;
    // The clock may have been set meanwhile, and no outage ends before it began.
    this.ended.push({ since, until: Math.max(since, this.patience.clock.now()), attempts, reason });
    this.patience.told(null);
  }
}

const TOO_LATE = Symbol('too late');
const GRACE_MS = 2000;

const aborted = async (signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
};

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

const pauseMs = (attempt: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));

/** What is left to read after an event. */
const after = ({ revision }: RecordedEvent, options: ReadOptions): ReadOptions => ({
  ...options,
  ...(options.limit === undefined ? {} : { limit: options.limit - 1 }),
  fromRevision: options.direction === 'backwards' ? revision - 1 : revision + 1,
});

const isNothing = ({ fromRevision = 0, limit = Infinity }: ReadOptions): boolean => fromRevision < 0 || limit === 0;

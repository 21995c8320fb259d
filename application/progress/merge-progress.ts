import { BehaviorSubject, distinctUntilChanged, type Observable } from 'rxjs';
import type { CommittedTotals } from '#domain/merge-job/events';
import type { Clock } from '../ports/clock.js';
import { RateMeter } from './rate-meter.js';

/**
 * Where a merge stands. `copied` bytes are written somewhere, perhaps only in the page cache; `committed` bytes are durable and
 * in the journal. The two are never the same word. Sizes in bytes, times in milliseconds.
 */
export interface ProgressTick {
  readonly type: 'progress';
  readonly jobId: string;
  readonly stage: MergeStage;
  readonly copiedBytes: number;
  readonly committedBytes: number;
  readonly totalBytes: number;
  readonly committedBlocks: number;
  readonly totalBlocks: number;
  readonly verifiedBytes: number;
  /** Of the stage under way, over the last seconds; null before there is anything to measure. */
  readonly rateBytesPerSecond: number | null;
  readonly etaMs: number | null;
  /** 0 to 99; 100 only when the job is completed. */
  readonly percent: number;
  /** Why the merge stands still until the journal is back; null while it does not. */
  readonly journalAway: string | null;
  /** The destination's file system cannot set space aside: the merge may find it full on its way. */
  readonly spaceNotReserved: boolean;
}

export type MergeStage = 'preparing' | 'merging' | 'verifying' | 'finishing' | 'ended';

/** What the run tells; nothing it says here is ever decided by. */
export interface ProgressSink {
  begin(total: { readonly blocks: number; readonly bytes: number }, committed: CommittedTotals): void;
  stage(stage: MergeStage): void;
  copied(bytes: number): void;
  committed(blocks: readonly { readonly bytes: number }[]): void;
  verified(bytes: number): void;
  /** The journal is away, for this reason; null: it is back. */
  journalAway(reason: string | null): void;
  /** What the merge will append has no room set aside for it. */
  notReserved(): void;
}

/**
 * Progress of one run as an Observable. It holds the newest tick only: a watcher that is slow or late sees fewer ticks, and
 * neither slows the merge nor makes memory grow. Unsubscribing does not cancel anything; cancelling is a command.
 */
export class MergeProgress implements ProgressSink {
  private readonly subject: BehaviorSubject<ProgressTick>;
  private rate: RateMeter;

  constructor(
    jobId: string,
    private readonly clock: Clock,
  ) {
    this.rate = new RateMeter(clock);
    this.subject = new BehaviorSubject<ProgressTick>(firstTick(jobId));
  }

  get ticks$(): Observable<ProgressTick> {
    return this.subject.pipe(distinctUntilChanged());
  }

  get current(): ProgressTick {
    return this.subject.value;
  }

  begin(total: { readonly blocks: number; readonly bytes: number }, committed: CommittedTotals): void {
    this.next({
      totalBlocks: total.blocks,
      totalBytes: total.bytes,
      copiedBytes: committed.bytes,
      committedBytes: committed.bytes,
      committedBlocks: committed.blocks,
    });
  }

  stage(stage: MergeStage): void {
    this.rate = new RateMeter(this.clock);
    this.next({ stage, rateBytesPerSecond: null, etaMs: null });
  }

  copied(bytes: number): void {
    this.next({ copiedBytes: this.current.copiedBytes + bytes, rateBytesPerSecond: this.rate.add(bytes) });
  }

  committed(blocks: readonly { readonly bytes: number }[]): void {
    const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
    this.next({
      committedBytes: this.current.committedBytes + bytes,
      committedBlocks: this.current.committedBlocks + blocks.length,
    });
  }

  verified(bytes: number): void {
    this.next({ verifiedBytes: this.current.verifiedBytes + bytes, rateBytesPerSecond: this.rate.add(bytes) });
  }

  journalAway(reason: string | null): void {
    this.next({ journalAway: reason, rateBytesPerSecond: null });
  }

  notReserved(): void {
    this.next({ spaceNotReserved: true });
  }

  /** The last tick, then the end of the stream. */
  end(completed: boolean): void {
    this.subject.next({
      ...this.current,
      stage: 'ended',
      etaMs: null,
      percent: completed ? 100 : this.current.percent,
    });
    this.subject.complete();
  }

  private next(change: Partial<ProgressTick>): void {
    const tick = { ...this.current, ...change };
    const left = tick.stage === 'verifying' ? tick.totalBytes - tick.verifiedBytes : tick.totalBytes - tick.copiedBytes;
    const etaMs =
      tick.rateBytesPerSecond === null || tick.rateBytesPerSecond <= 0
        ? null
        : Math.round((Math.max(0, left) / tick.rateBytesPerSecond) * 1000);
    this.subject.next({ ...tick, etaMs, percent: percentOf(tick) });
  }
}

/** Before anything is known of a job but its name. */
export const firstTick = (jobId: string): ProgressTick => ({
  type: 'progress',
  jobId,
  stage: 'preparing',
  copiedBytes: 0,
  committedBytes: 0,
  totalBytes: 0,
  committedBlocks: 0,
  totalBlocks: 0,
  verifiedBytes: 0,
  rateBytesPerSecond: null,
  etaMs: null,
  percent: 0,
  journalAway: null,
  spaceNotReserved: false,
});

/** Committed bytes count, copied ones do not; verification and the steps after it are the last percents. */
export const percentOf = ({
  committedBytes,
  totalBytes,
}: Pick<ProgressTick, 'committedBytes' | 'totalBytes'>): number =>
  totalBytes === 0 ? 0 : Math.min(99, Math.floor((committedBytes / totalBytes) * 100));

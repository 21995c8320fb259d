import type { CommittedTotals, MergeJobEvent } from '#domain/merge-job/events';
import { firstTick, percentOf, type MergeStage, type ProgressTick } from './merge-progress.js';
import { RateMeter } from './rate-meter.js';

/**
 * Progress of a job as its journal tells it, for those who do not run it. What was copied and is not committed yet only the runner
 * knows, so `copied` is what was committed. Rates go by the times in the events: history that is read fast was not fast.
 */
export class JournalProgress {
  private tick: ProgressTick;
  private at = 0;
  private rate = this.newRate();

  constructor(jobId: string) {
    this.tick = firstTick(jobId);
  }

  get current(): ProgressTick {
    return this.tick;
  }

  /** Takes the next event in; true when the tick has changed. */
  see(event: MergeJobEvent, occurredAt: number): boolean {
    const before = this.tick;
    this.at = occurredAt;
    this.take(event);
    return this.tick !== before;
  }

  private take(event: MergeJobEvent): void {
    switch (event.type) {
      case 'ChainAccepted':
        this.change({ totalBlocks: event.blocks, totalBytes: event.bytes });
        return;
      case 'MergeStarted':
      case 'MergeResumed':
      case 'MergeRecovered':
        this.enter('merging');
        return;
      case 'BlockMerged':
        this.committed(event.totals);
        return;
      case 'DestinationFinalized':
        this.enter('verifying');
        return;
      case 'MergeVerified':
        this.enter('finishing');
        this.change({ verifiedBytes: event.bytes });
        return;
      case 'MergeCompleted':
        this.change({ stage: 'ended', percent: 100 });
        return;
      case 'MergeRefused':
      case 'MergeTerminated':
      case 'JobMoved':
        this.change({ stage: 'ended' });
        return;
      case 'MergeFailed':
      case 'MergeSuspended':
      case 'JournalOutageEnded':
      case 'MergeRequested':
      case 'LinkPrepared':
      case 'DestinationClaimed':
      case 'ChildReparented':
      case 'SourceRetired':
        return;
    }
  }

  private committed({ blocks, bytes }: CommittedTotals): void {
    const rateBytesPerSecond = this.rate.add(bytes - this.tick.committedBytes);
    const etaMs =
      rateBytesPerSecond === null || rateBytesPerSecond <= 0
        ? null
        : Math.round(((this.tick.totalBytes - bytes) / rateBytesPerSecond) * 1000);
    const committedBytes = bytes;
    this.change({
      committedBytes,
      copiedBytes: bytes,
      committedBlocks: blocks,
      rateBytesPerSecond,
      etaMs,
      percent: percentOf({ ...this.tick, committedBytes }),
    });
  }

  private enter(stage: MergeStage): void {
    this.rate = this.newRate();
    this.change({ stage, rateBytesPerSecond: null, etaMs: null });
  }

  private change(change: Partial<ProgressTick>): void {
    this.tick = { ...this.tick, ...change };
  }

  private newRate(): RateMeter {
    return new RateMeter({ monotonic: () => this.at });
  }
}

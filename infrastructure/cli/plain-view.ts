import { filter, throttleTime, type Subscription } from 'rxjs';
import { jobStreamName } from '#application/jobs/job-stream';
import type { EventCodec } from '#application/ports/event-codec';
import type { EventStore } from '#application/ports/event-store';
import type { ProgressTick } from '#application/progress/merge-progress';
import { inTime, inUnits } from './bytes-argument.js';
import { eventLine } from './event-line.js';
import { EventPump } from './event-pump.js';
import type { RunView, WatchedRun } from './run-view.js';
import type { LineWriter } from './terminal.js';

const LINE_EVERY_MS = 1000;

/** When nobody sits at a terminal: one line for every event that is not a block, and at most one a second about the blocks. */
export class PlainView implements RunView {
  private events: EventPump | null = null;
  private ticks: Subscription | null = null;

  constructor(
    private readonly out: LineWriter,
    private readonly journal: { readonly store: EventStore; readonly codec: EventCodec },
  ) {}

  begin({ jobId, firstRevision, progress }: WatchedRun): void {
    const { store, codec } = this.journal;
    this.events = new EventPump(store, jobStreamName(jobId), firstRevision, async (event) => {
      if (event.type !== 'BlockMerged') await this.out.line(eventLine(codec.decodeJobEvent(event)));
    });
    this.ticks = progress.ticks$
      .pipe(
        filter(({ stage }) => stage === 'merging' || stage === 'verifying'),
        throttleTime(LINE_EVERY_MS, undefined, { leading: false, trailing: true }),
      )
      .subscribe((tick) => {
        if (this.out.drained) void this.out.line(tickLine(tick));
      });
  }

  async end(lastRevision: number, withinMs: number | null): Promise<void> {
    this.ticks?.unsubscribe();
    await this.events?.end(lastRevision, withinMs);
  }
}

/** `committed` is durable and in the journal; `copied` may be in the page cache only. */
export const tickLine = (tick: ProgressTick): string => {
  const { stage, percent, committedBytes, copiedBytes, verifiedBytes, totalBytes } = tick;
  const amounts =
    stage === 'verifying'
      ? `verified ${inUnits(verifiedBytes)} of ${inUnits(totalBytes)}`
      : `committed ${inUnits(committedBytes)} of ${inUnits(totalBytes)}, copied ${inUnits(copiedBytes)}`;
  return `${stage} ${percent} %: ${amounts}${speedText(tick)}`;
};

export const speedText = ({ rateBytesPerSecond, etaMs }: ProgressTick): string =>
  (rateBytesPerSecond === null ? '' : `, ${inUnits(rateBytesPerSecond)}/s`) +
  (etaMs === null ? '' : `, ETA ${inTime(etaMs)}`);

import { filter, throttleTime, type Subscription } from 'rxjs';
import { jobStreamName } from '#application/jobs/job-stream';
import type { EventStore } from '#application/ports/event-store';
import type { MergeProgress } from '#application/progress/merge-progress';
import { printEvent } from '#application/journal/event-text';
import { EventPump } from './event-pump.js';
import { printableJson, printableJsonText } from './printable.js';
import type { RunView, WatchedRun } from './run-view.js';
import type { LineWriter } from './terminal.js';

const TICK_EVERY_MS = 250;

/**
 * `--json`: every recorded event of this run, out of the journal, with progress ticks between them. A reader who is slow gets all
 * events, late, and fewer ticks: a tick is only given to one who has taken everything so far.
 */
export class NdjsonView implements RunView {
  private events: EventPump | null = null;
  private ticks: Subscription | null = null;
  private progress: MergeProgress | null = null;

  constructor(
    private readonly out: LineWriter,
    private readonly store: EventStore,
  ) {}

  begin({ jobId, firstRevision, progress }: WatchedRun): void {
    const events = new EventPump(this.store, jobStreamName(jobId), firstRevision, (event) =>
      this.out.line(printableJsonText(printEvent(event))),
    );
    this.events = events;
    this.progress = progress;
    this.ticks = progress.ticks$
      .pipe(
        filter(() => events.hasBegun),
        throttleTime(TICK_EVERY_MS, undefined, { leading: true, trailing: true }),
      )
      .subscribe((tick) => {
        if (this.out.drained) void this.out.line(printableJson(tick));
      });
  }

  /** The last tick stands behind all events, so that who reads to the end has it for certain. */
  async end(lastRevision: number, withinMs: number | null): Promise<void> {
    this.ticks?.unsubscribe();
    await this.events?.end(lastRevision, withinMs);
    if (this.progress !== null) await this.out.line(printableJson(this.progress.current));
  }
}

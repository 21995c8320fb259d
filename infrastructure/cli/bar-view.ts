import { throttleTime, type Subscription } from 'rxjs';
import cliProgress, { type Options, type Params, type SingleBar } from 'cli-progress';
import type { ProgressTick } from '#application/progress/merge-progress';
import { tickLine } from './plain-view.js';
import type { RunView, WatchedRun } from './run-view.js';
import type { LineWriter } from './terminal.js';

const REDRAW_EVERY_MS = 100;

/** On a terminal: one line that is drawn again and again, committed bytes as the bar, and all else in words. */
export class BarView implements RunView {
  private ticks: Subscription | null = null;
  private readonly bar: SingleBar;

  constructor(out: LineWriter) {
    this.bar = new cliProgress.SingleBar(
      {
        stream: out.stream,
        format: barLine,
        hideCursor: false,
        clearOnComplete: true,
        barsize: 20,
        fps: 10,
        gracefulExit: false,
      },
      cliProgress.Presets.shades_classic,
    );
  }

  begin({ progress }: WatchedRun): void {
    this.bar.start(1, 0, payloadOf(progress.current));
    this.ticks = progress.ticks$
      .pipe(throttleTime(REDRAW_EVERY_MS, undefined, { leading: true, trailing: true }))
      .subscribe((tick) => {
        this.bar.setTotal(Math.max(1, tick.totalBytes));
        this.bar.update(tick.stage === 'verifying' ? tick.verifiedBytes : tick.committedBytes, payloadOf(tick));
      });
  }

  async end(): Promise<void> {
    this.ticks?.unsubscribe();
    this.bar.stop();
  }
}

interface BarPayload {
  readonly line: string;
}

const payloadOf = (tick: ProgressTick): BarPayload => ({ line: tickLine(tick) });

const barLine = (options: Options, params: Params, payload: BarPayload): string =>
  `${cliProgress.Format.BarFormat(params.progress, options)} ${payload.line}`;

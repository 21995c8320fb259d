import cliProgress, { type SingleBar } from 'cli-progress';
import type { ConvertProgress } from '#application/convert/conversion';
import type { Clock } from '#application/ports/clock';
import { RateMeter } from '#application/progress/rate-meter';
import { inTime, inUnits } from './bytes-argument.js';
import type { OutputOptions } from './output-options.js';
import { printableJson } from './printable.js';
import type { LineWriter } from './terminal.js';

/** Shows a conversion while it goes on; whatever it does, or fails to do, the conversion does not wait for it. */
export interface ConvertView {
  show(now: ConvertProgress): void;
  /** May be asked twice. */
  end(): void;
}

const REDRAW_EVERY_MS = 100;
const TICK_EVERY_MS = 250;
const LINE_EVERY_MS = 1000;

export const convertView = (out: LineWriter, output: OutputOptions, clock: Pick<Clock, 'monotonic'>): ConvertView => {
  if (output.quiet) return { show: () => undefined, end: () => undefined };
  if (!output.json && out.isTerminal) return new ConvertBar(out, clock);
  const say = output.json ? (tick: ConvertTick) => printableJson(tick) : (tick: ConvertTick) => convertTickText(tick);
  return new ConvertLines(out, clock, output.json ? TICK_EVERY_MS : LINE_EVERY_MS, say);
};

/** `--json`: one of these now and then. Percent counts what is read back as well. */
export interface ConvertTick extends ConvertProgress {
  readonly type: 'progress';
  /** Of the stage's bytes, 0 to 100. */
  readonly percent: number;
  readonly rateBytesPerSecond: number | null;
  readonly etaMs: number | null;
}

/** Makes ticks of what is told, no more often than so; the first one at once. */
class Ticker {
  private shownAt = -Infinity;
  private stage: ConvertProgress['stage'] | null = null;
  private readonly rate: RateMeter;
  private doneBefore = 0;

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly everyMs: number,
  ) {
    this.rate = new RateMeter(clock);
  }

  tick(now: ConvertProgress): ConvertTick | null {
    const done = now.stage === 'verifying' ? now.verifiedBytes : now.copiedBytes;
    const moved = now.copiedBytes + now.verifiedBytes;
    const rateBytesPerSecond = this.rate.add(moved - this.doneBefore);
    this.doneBefore = moved;
    const at = this.clock.monotonic();
    if (at - this.shownAt < this.everyMs && now.stage === this.stage) return null;
    this.shownAt = at;
    this.stage = now.stage;
    const percent = now.totalBytes === 0 ? 0 : Math.min(100, Math.floor((done / now.totalBytes) * 100));
    const left = Math.max(0, now.totalBytes - done);
    const etaMs =
      rateBytesPerSecond === null || rateBytesPerSecond === 0 ? null : Math.round((left / rateBytesPerSecond) * 1000);
    return { type: 'progress', ...now, percent, rateBytesPerSecond, etaMs };
  }
}

/** One line each: as JSON, or in words when nobody sits at a terminal. */
class ConvertLines implements ConvertView {
  private readonly ticker: Ticker;

  constructor(
    private readonly out: LineWriter,
    clock: Pick<Clock, 'monotonic'>,
    everyMs: number,
    private readonly say: (tick: ConvertTick) => string,
  ) {
    this.ticker = new Ticker(clock, everyMs);
  }

  show(now: ConvertProgress): void {
    const tick = this.ticker.tick(now);
    // A reader who is slow gets fewer of them.
    if (tick !== null && this.out.drained) void this.out.line(this.say(tick));
  }

  end(): void {}
}

/** On a terminal: one line that is drawn again and again. */
class ConvertBar implements ConvertView {
  private readonly ticker: Ticker;
  private readonly bar: SingleBar;
  private isOn = true;

  constructor(out: LineWriter, clock: Pick<Clock, 'monotonic'>) {
    this.ticker = new Ticker(clock, REDRAW_EVERY_MS);
    this.bar = new cliProgress.SingleBar(
      {
        stream: out.stream,
        format: (options, params, payload: { readonly line: string }) =>
          `${cliProgress.Format.BarFormat(params.progress, options)} ${payload.line}`,
        hideCursor: false,
        clearOnComplete: true,
        barsize: 20,
        fps: 10,
        gracefulExit: false,
      },
      cliProgress.Presets.shades_classic,
    );
    this.bar.start(1, 0, { line: '' });
  }

  show(now: ConvertProgress): void {
    const tick = this.ticker.tick(now);
    if (tick === null) return;
    this.bar.setTotal(100);
    this.bar.update(tick.percent, { line: convertTickText(tick) });
  }

  end(): void {
    if (this.isOn) this.bar.stop();
    this.isOn = false;
  }
}

const convertTickText = ({ stage, percent, totalBytes, rateBytesPerSecond, etaMs, ...done }: ConvertTick): string => {
  const bytes = stage === 'verifying' ? done.verifiedBytes : done.copiedBytes;
  return (
    `${stage} ${percent} %: ${inUnits(bytes)} of ${inUnits(totalBytes)}` +
    (rateBytesPerSecond === null ? '' : `, ${inUnits(rateBytesPerSecond)}/s`) +
    (etaMs === null ? '' : `, ETA ${inTime(etaMs)}`)
  );
};

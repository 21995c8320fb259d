/** A stretch of time in which a job was run, in milliseconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** A pause that is drawn shorter than it was, in pixels and milliseconds. */
export interface Break {
  readonly x: number;
  readonly width: number;
  readonly milliseconds: number;
}

interface Piece extends Stretch {
  readonly x: number;
  readonly width: number;
}

/** A pause of this share of the time at work, or longer, is drawn as a break: else a night between two runs would be all that is seen. */
const LONG_PAUSE = 0.2;
const BREAK_WIDTH = 34;

/** Time to pixels: even within stretches, with breaks between those that lie far apart. */
export class TimeScale {
  readonly breaks: readonly Break[];
  /** Parts without a break in them. */
  readonly pieces: readonly Piece[];
  /** Milliseconds that are drawn to scale. */
  readonly shown: number;
  private readonly perMs: number;

  /** `stretches` ascending. Pixels from `x` on, `width` of them. */
  constructor(stretches: readonly Stretch[], x: number, width: number) {
    const joined = joinedStretches(stretches);
    this.shown = Math.max(
      1,
      joined.reduce((sum, { from, to }) => sum + to - from, 0),
    );
    const between = joined.length - 1;
    const breakWidth = between === 0 ? 0 : Math.min(BREAK_WIDTH, (width * 0.4) / between);
    this.perMs = (width - between * breakWidth) / this.shown;
    const pieces: Piece[] = [];
    const breaks: Break[] = [];
    let at = x;
    for (const [index, { from, to }] of joined.entries()) {
      const before = joined[index - 1];
      if (before !== undefined) {
        breaks.push({ x: at, width: breakWidth, milliseconds: from - before.to });
        at += breakWidth;
      }
      pieces.push({ from, to, x: at, width: (to - from) * this.perMs });
      at += (to - from) * this.perMs;
    }
    this.pieces = pieces;
    this.breaks = breaks;
  }

  x(time: number): number {
    const piece = this.pieces.findLast(({ from }) => from <= time) ?? this.pieces[0];
    if (piece === undefined) return 0;
    return piece.x + Math.min(piece.width, Math.max(0, (time - piece.from) * this.perMs));
  }

  /** Round moments, about so many of them, and the beginning of each piece. */
  ticks(about: number): readonly { readonly at: number; readonly isBeginning: boolean }[] {
    const step = STEPS.find((one) => this.shown / one <= about) ?? Math.ceil(this.shown / about / DAY) * DAY;
    return this.pieces.flatMap(({ from, to }) => {
      const ticks = [{ at: from, isBeginning: true }];
      const first = Math.ceil((from + 1) / step) * step;
      const count = Math.floor((to - first) / step) + 1;
      for (let index = 0; index < Math.min(count, MOST_TICKS); index += 1)
        ticks.push({ at: first + index * step, isBeginning: false });
      return ticks;
    });
  }
}

/** The end of the year 9999: later dates have longer names. */
const LAST_MOMENT = 253_402_300_799_999;

/** The clock of a journal is anybody's, and may have said what no date is. */
export const isDate = (at: number): boolean => at >= 0 && at <= LAST_MOMENT;

export const isDrawable = (stretches: readonly Stretch[]): boolean =>
  stretches.every(({ from, to }) => isDate(from) && isDate(to));

/** Far more than there is room for. */
const MOST_TICKS = 1000;
const DAY = 86_400_000;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map(
    (seconds) => seconds * 1000,
  ),
];

const joinedStretches = (stretches: readonly Stretch[]): readonly Stretch[] => {
  const atWork = stretches.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  const joined: Stretch[] = [];
  for (const { from, to } of stretches) {
    const last = joined.at(-1);
    if (last !== undefined && from - last.to <= Math.max(LONG_PAUSE * atWork, 1)) {
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    } else joined.push({ from, to: Math.max(from, to) });
  }
  return joined;
};

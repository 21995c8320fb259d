import type { AuditReport, ReportedRun } from '#application/audit-report/report';
import { inUnits } from '../cli/bytes-argument.js';
import { markup, text, type Html } from './html.js';
import { TimeScale, type Stretch } from './time-scale.js';
import { runMark } from './timeline-marks.js';
import { duration } from './words.js';

interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const HEIGHT = 292;
const TOP = 58;
const BOTTOM = HEIGHT - 52;
/** The bars of the runs stand above the line. */
const BAR = { y: 22, height: 12 };

/** Drawn twice, for a page and for a phone, because the letters of a picture that is scaled down cannot be read. */
const WIDTHS = { wide: 760, narrow: 340 } as const;

export const timelineSvg = (report: AuditReport, form: keyof typeof WIDTHS): Html => {
  const width = WIDTHS[form];
  const plot: Plot = { left: 64, right: width - 14, top: TOP, bottom: BOTTOM };
  const runs = [...report.runs.first, ...report.runs.last];
  const time = timeScale(report, plot.left, plot.right - plot.left);
  const most = Math.max(1, report.chain?.bytes ?? 0, report.timeline.points.at(-1)?.bytes ?? 0);
  const y = (bytes: number): number => plot.bottom - (bytes / most) * (plot.bottom - plot.top);
  const hatch = form === 'wide' ? 'hatch-wide' : 'hatch-narrow';
  return markup`<svg class="${text(form)}" viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="Bytes committed over time, with the runs of the job">
    <defs>
      <pattern id="${text(hatch)}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path class="hatch" d="M0 0V5"></path>
      </pattern>
    </defs>
    <text x="${plot.left}" y="12">Runs</text>
    ${bytesAxis(most, y, plot)} ${timeAxis(time, plot, form === 'wide' ? 6 : 3)}
    ${report.outages.first.concat(report.outages.last).map(({ since, until }) => outage(time.x(since), time.x(until), hatch))}
    ${runs.map((run) => runBar(run, time, plot))}
    <path class="line" d="${text(stepPath(report, time, y))}"></path>
    ${[...report.repairs.first, ...report.repairs.last].map(({ at }) => repairMark(time.x(at), y(bytesAt(report, at))))}
  </svg>`;
};

/** Time as the runs of the job cut it, from `x` on. */
export const timeScale = (report: AuditReport, x: number, width: number): TimeScale =>
  new TimeScale(stretchesOf(report), x, width);

export const stretchesOf = ({ runs }: AuditReport): readonly Stretch[] =>
  [...runs.first, ...runs.last].map(({ beganAt, lastEventAt }) => ({ from: beganAt, to: lastEventAt }));

const round = (value: number): number => Math.round(value * 10) / 10;

/** Steps: nothing was committed between two appends. After the last one the line goes on to the last event. */
const stepPath = (
  { timeline: { points }, lastEventAt }: AuditReport,
  time: TimeScale,
  y: (bytes: number) => number,
) => {
  const steps = points.map(({ at, bytes }, index) => {
    const [x, height] = [round(time.x(at)), round(y(bytes))];
    return index === 0 ? `M${String(x)} ${String(height)}` : `H${String(x)}V${String(height)}`;
  });
  return [...steps, ...(lastEventAt === null ? [] : [`H${String(round(time.x(lastEventAt)))}`])].join('');
};

const bytesAt = ({ timeline: { points } }: AuditReport, at: number): number =>
  points.findLast((point) => point.at <= at)?.bytes ?? 0;

/** Steps of a power of two, four or so of them; the total itself has a line of its own. */
const bytesAxis = (most: number, y: (bytes: number) => number, plot: Plot): Html => {
  const step = 2 ** Math.ceil(Math.log2(most / 4));
  const values = [most];
  for (let value = 0; value < most - step / 3; value += step) values.push(value);
  return markup`<text x="0" y="${plot.top - 14}">Committed</text> ${values.map(
    (value) =>
      markup`<path class="grid" d="M${plot.left} ${round(y(value))}H${plot.right}"></path><text x="${plot.left - 8}" y="${round(y(value) + 4)}" text-anchor="end">${text(inUnits(value))}</text>`,
  )}`;
};

interface Label {
  readonly x: number;
  readonly middle: number;
  readonly half: number;
  readonly at: number;
  readonly clock: string;
}

/** Hours, minutes and seconds; below them the day, where it is a new one. Beginnings first: other moments stand where there is room. */
const timeAxis = (time: TimeScale, plot: Plot, about: number): Html => {
  const isFine = time.shown / about < 1000;
  const labels: Label[] = [];
  const moments = time.ticks(about);
  for (const { at, isBeginning } of [
    ...moments.filter((one) => one.isBeginning),
    ...moments.filter((one) => !one.isBeginning),
  ]) {
    const clock = clockText(at, isFine && !isBeginning);
    const [x, half] = [round(time.x(at)), clock.length * 3.2];
    const middle = Math.min(x, plot.right - half + 10);
    if (labels.every((other) => Math.abs(other.middle - middle) > other.half + half + 8))
      labels.push({ x, middle, half, at, clock });
  }
  labels.sort((a, b) => a.x - b.x);
  const days = labels.map(({ at }) => dayText(at));
  return markup`${axisLine(time, plot)}${labels.map(({ x, middle, clock }, index) => {
    const day = days[index] ?? '';
    return markup`<path class="axis" d="M${x} ${plot.bottom}v5"></path>${label(middle, plot.bottom + 19, clock)}${
      day === days[index - 1] ? null : label(middle, plot.bottom + 34, day)
    }`;
  })}<text x="${plot.right}" y="${plot.bottom + 48}" text-anchor="end">Time, UTC</text>`;
};

const label = (x: number, y: number, words: string): Html =>
  markup`<text x="${round(x)}" y="${y}" text-anchor="middle">${text(words)}</text>`;

const axisLine = (time: TimeScale, plot: Plot): Html =>
  markup`${time.pieces.map(
    ({ x, width }) => markup`<path class="axis" d="M${round(x)} ${plot.bottom}h${round(width)}"></path>`,
  )}${time.breaks.map(({ x, width, milliseconds }) => {
    const middle = round(x + width / 2);
    return markup`<path class="axis" d="M${middle - 5} ${plot.bottom + 5}l4 -10m2 10l4 -10"></path><text x="${middle}" y="${plot.bottom - 12}" text-anchor="middle">${text(duration(milliseconds))}</text>`;
  })}`;

const clockText = (at: number, isFine: boolean): string => isoText(at).slice(11, isFine ? 21 : 19);
const dayText = (at: number): string => isoText(at).slice(0, 10);

const isoText = (at: number): string => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
};

const runBar = (run: ReportedRun, time: TimeScale, plot: Plot): Html => {
  const [from, to] = [round(time.x(run.beganAt)), round(time.x(run.lastEventAt))];
  const width = Math.max(2, round(to - from));
  const label = String(run.epoch);
  const middle = BAR.y + BAR.height / 2;
  return markup`<rect class="run" x="${from}" y="${BAR.y}" width="${width}" height="${BAR.height}"></rect>${
    width > 14 + label.length * 7
      ? markup`<text x="${round(from + (width - 8) / 2)}" y="${middle + 4}" text-anchor="middle">${text(label)}</text>`
      : null
  }<path class="drop" d="M${from + width} ${BAR.y + BAR.height + 2}V${plot.bottom}"></path>${runMark(run.ended, from + width, middle)}`;
};

const outage = (from: number, to: number, hatch: string): Html =>
  markup`<rect x="${round(from)}" y="${BAR.y}" width="${Math.max(2, round(to - from))}" height="${BOTTOM - BAR.y}" fill="url(#${text(hatch)})"></rect>`;

const repairMark = (x: number, y: number): Html =>
  markup`<path class="solid" d="M${round(x)} ${round(y - 6)}l5 6l-5 6l-5 -6z"></path>`;

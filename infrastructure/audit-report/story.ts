import type { AuditReport, ReportedRun, RunEnding } from '#application/audit-report/report';
import { leftOut, type Excerpt } from '#application/audit-report/excerpt';
import { inUnits } from '../cli/bytes-argument.js';
import { markup, text, type Html } from './html.js';
import { MARK_NAMES } from './timeline-marks.js';
import { isDrawable } from './time-scale.js';
import { stretchesOf, timeScale, timelineSvg } from './timeline-svg.js';
import { duration, momentInTable, plural, table } from './words.js';

/** When it was done, in which runs, and what came between. */
export const story = (report: AuditReport): Html =>
  markup`${timeline(report)}${runs(report)}${outages(report)}${repairs(report)}${requests(report)}`;

export const all = <T>({ first, last }: Excerpt<T>): readonly T[] => [...first, ...last];

/** Says what a shortened table does not show. */
export const shortened = (excerpt: Excerpt<unknown>, noun: string, where: string): Html | null =>
  leftOut(excerpt) === 0
    ? null
    : markup`<p class="soft">
        ${text(`The first ${String(excerpt.first.length)} and the last ${String(excerpt.last.length)} of ${plural(excerpt.count, noun)}. ${where}`)}
      </p> `;

const LIST_ALL = 'All of them are in the trail below, and in chainfold events.';

const timeline = (report: AuditReport): Html | null => {
  if (report.timeline.points.length < 2 || report.runs.count === 0) return null;
  if (!isDrawable(stretchesOf(report)))
    return markup`<section>
      <h2>Progress</h2>
      <p>The record has times that are no dates, so there is no picture of it.</p>
    </section> `;
  return markup`<section>
    <h2>Progress</h2>
    <figure>
      ${timelineSvg(report, 'wide')} ${timelineSvg(report, 'narrow')}
      <figcaption>${text(caption(report))}</figcaption>
    </figure>
  </section> `;
};

const caption = (report: AuditReport): string => {
  const { runs, outages, repairs, timeline: drawn } = report;
  const { points, spanBytes } = drawn;
  const ended = new Set(all(runs).map((run) => MARK_NAMES[run.ended]));
  const step =
    spanBytes === 0
      ? 'The line rises where blocks were committed: merged, flushed to the disk and recorded.'
      : `The line rises where blocks were committed: merged, flushed to the disk and recorded. It has ${String(points.length)} points, and is nowhere lower than it was by more than ${inUnits(spanBytes)}.`;
  const marks = [
    ...ended,
    ...(outages.count > 0 ? ['hatched: the journal was away'] : []),
    ...(repairs.count > 0 ? ['diamond: a block was merged again'] : []),
  ];
  const pauses = timeScale(report, 0, 1).breaks.length === 0 ? '' : ' //: a pause, drawn shorter than it was.';
  return `${step} Bars are runs, with their numbers. ${capital(marks.join('; '))}.${pauses}`;
};

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

const runs = ({ runs: excerpt }: AuditReport): Html | null =>
  excerpt.count === 0
    ? null
    : markup`<section>
        <h2>Runs</h2>
        ${table(
          [
            { name: 'Run' },
            { name: 'Began, UTC' },
            { name: 'Ended, UTC' },
            { name: 'Committed', kind: 'one line' },
            { name: 'Where' },
          ],
          all(excerpt).map((run) => [
            text(String(run.epoch)),
            markup`${momentInTable(run.beganAt)}<span class="sub">${text(beginning(run))}</span>`,
            markup`${momentInTable(run.lastEventAt)}<span class="sub">${text(ending(run))}</span>`,
            markup`${text(plural(run.blocks, 'block'))}<span class="sub">${text(inUnits(run.bytes))}</span>`,
            markup`${text(run.host)}<span class="sub">${text(`process ${String(run.pid)}, user ${run.user}, chainfold ${run.appVersion}`)}</span>`,
          ]),
        )}
        ${shortened(excerpt, 'run', LIST_ALL)}
      </section> `;

const beginning = ({ began, by, recovery }: ReportedRun): string => {
  if (began === 'requested') return 'as requested';
  if (began === 'resumed') return `resumed${by === null ? '' : ` by ${by}`}`;
  if (recovery === null) return 'recovered';
  const found = recovery.destinationFound ? '' : ' The destination was not found.';
  const moved =
    recovery.moved.length === 0 ? '' : ` Moved or copied since, with the same content: ${recovery.moved.join(', ')}.`;
  return (
    `recovered: found ${plural(recovery.blocks, 'committed block')} (${inUnits(recovery.bytes)}), went on at block ${String(recovery.nextBlock)}; ` +
    `at most ${inUnits(recovery.redoBytesAtMost)} done again.${found}${moved}`
  );
};

const ENDINGS: Readonly<Record<RunEnding, string>> = {
  completed: 'completed',
  suspended: 'suspended',
  terminated: 'terminated',
  refused: 'refused',
  failed: 'failed, can be resumed',
  'failed-for-good': 'failed for good',
  'without-a-word': 'without a word: this is its last event',
  'not-ended': 'no end recorded when this report was made; this is its last event',
};

const REASONS: Readonly<Record<string, string>> = {
  requested: 'on request',
  signal: 'by a signal',
  'out-of-space': 'no space left',
  'journal-unreachable': 'the journal was away',
};

const ending = ({ ended, endedBy, endedWhy, missingBytes }: ReportedRun): string =>
  ENDINGS[ended] +
  (endedBy === null ? '' : ` by ${endedBy}`) +
  (endedWhy === null ? '' : `: ${REASONS[endedWhy] ?? endedWhy}`) +
  (missingBytes === null ? '' : `; ${inUnits(missingBytes)} missing`);

const outages = ({ outages: excerpt }: AuditReport): Html | null =>
  excerpt.count === 0
    ? null
    : markup`<section>
        <h2>Journal outages</h2>
        <p>The journal could not be reached. The run waited at a durable point and wrote nothing meanwhile.</p>
        ${table(
          [
            { name: 'Run' },
            { name: 'From, UTC' },
            { name: 'To, UTC' },
            { name: 'Length' },
            { name: 'Attempts', kind: 'number' },
            { name: 'Reason' },
          ],
          all(excerpt).map(({ epoch, since, until, attempts, reason }) => [
            text(String(epoch)),
            momentInTable(since),
            momentInTable(until),
            text(duration(until - since)),
            markup`${attempts}`,
            text(reason),
          ]),
        )}
        ${shortened(excerpt, 'outage', LIST_ALL)}
      </section> `;

const repairs = ({ repairs: excerpt }: AuditReport): Html | null =>
  excerpt.count === 0
    ? null
    : markup`<section>
        <h2>Repairs</h2>
        <p>
          These blocks read back otherwise than they were written, and were merged again from the sources. Ask what the
          storage did.
        </p>
        ${table(
          [{ name: 'Block' }, { name: 'Run' }, { name: 'Merged again, UTC' }, { name: 'Size' }],
          all(excerpt).map(({ block, epoch, at, bytes }) => [
            text(String(block)),
            text(String(epoch)),
            momentInTable(at),
            text(inUnits(bytes)),
          ]),
        )}
        ${shortened(excerpt, 'repair', LIST_ALL)}
      </section> `;

const requests = ({ controlRequests: excerpt }: AuditReport): Html | null =>
  excerpt.count === 0
    ? null
    : markup`<section>
        <h2>Requests to the running job</h2>
        ${table(
          [{ name: 'At, UTC' }, { name: 'Asked' }, { name: 'By' }, { name: 'Why' }],
          all(excerpt).map(({ at, what, by, why, host, pid }) => [
            momentInTable(at),
            text(`to ${what}`),
            markup`${text(by)}<span class="sub">${text(`on ${host}, process ${String(pid)}`)}</span>`,
            text(REASONS[why] ?? why),
          ]),
        )}
        ${shortened(excerpt, 'request', LIST_ALL)}
      </section> `;

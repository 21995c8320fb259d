import type { AuditReport, Outcome } from '#application/audit-report/report';
import { inUnits } from '../cli/bytes-argument.js';
import { markup, text, type Html } from './html.js';
import { code, duration, facts, grouped, moment, nameIn, plural } from './words.js';

/** What a reader wants to know first: what it was, how it ended, whether the record can be believed. */
export const opening = (report: AuditReport): Html => {
  const { request, made } = report;
  const title =
    request === null
      ? text(`Job ${report.jobId}`)
      : markup`Merge of ${text(nameIn(request.source))} into ${text(nameIn(request.destination))}`;
  return markup`<header>
    <p class="kicker">Audit report</p>
    <h1>${title}</h1>
    ${verdict(report)}
    <p class="lead">${summary(report)}</p>
    ${facts([
      ['Job', code(report.jobId)],
      request === null
        ? null
        : ['Requested', markup`${moment(request.at)} by ${text(request.user)} on ${text(request.host)}`],
      ['Ended', ending(report)],
      ['Journal', code(made.journal)],
      [
        'This report',
        markup`${moment(made.at)}, made by ${text(made.by)} on ${text(made.host)} with chainfold ${text(made.appVersion)}`,
      ],
    ])}
  </header>`;
};

/** What was checked, and no more. */
const verdict = (report: AuditReport): Html => {
  const { isRight, problems } = report.verdict;
  const events = report.streams.reduce((sum, stream) => sum + stream.events, 0);
  if (isRight)
    return markup`<div class="verdict">
      <p><strong>The record is right</strong></p>
      <p>
        ${text(`Each of the ${plural(events, 'event')} has the hash that its content gives, follows the one before it, and could have happened there.`)}
        ${signed(report.signature)}
        ${report.data === null ? null : text('When this report was made, every merged block on the disk had its recorded digest.')}
      </p>
      <p>${known(report.knownHead)}</p>
    </div>`;
  return markup`<div class="verdict bad">
    <p><strong>The record is not right</strong></p>
    ${problems.map((problem) => markup`<p>${text(problem)}</p> `)}
    <p>${text(`This report tells what the ${plural(events, 'event')} before that say.`)}</p>
  </div>`;
};

const signed = ({ lastSignedRevision, keys }: AuditReport['signature']): Html => {
  if (lastSignedRevision === null) return text('No event is signed, so anyone could have written them.');
  const names = keys.map(({ fingerprint }) => `key ${fingerprint}`).join(' and ');
  return text(`Everything up to event ${String(lastSignedRevision)} is signed, by ${names}.`);
};

const known = (knownHead: AuditReport['knownHead']): Html =>
  markup`${
    knownHead === null
      ? null
      : text(`Nothing up to event ${String(knownHead.revision)} was changed since its head was kept elsewhere. `)
  }${text('That events are missing at the end, or that all of them were written anew, is found only by a head that was kept elsewhere.')}`;

const OUTCOMES: Readonly<Record<Outcome['kind'], string>> = {
  none: 'no event of this job is right',
  unfinished: 'unfinished',
  completed: 'completed',
  terminated: 'terminated',
  refused: 'refused, nothing was written',
  failed: 'failed for good',
  moved: 'moved to another journal',
};

const ending = ({ outcome, lastEventAt }: AuditReport): Html => {
  const what = OUTCOMES[outcome.kind];
  const by = outcome.by === null ? null : markup` by ${text(outcome.by)}`;
  const last = lastEventAt === null ? null : markup`, last event ${moment(lastEventAt)}`;
  const when = outcome.at === null ? last : markup`, ${moment(outcome.at)}`;
  const detail = outcome.detail === null ? null : markup`<span class="sub">${text(outcome.detail)}</span>`;
  return markup`${text(what.charAt(0).toUpperCase() + what.slice(1))}${by}${when}${detail}`;
};

/** A few sentences for someone who reads nothing else. */
const summary = (report: AuditReport): Html => {
  const { request, chain, committed, outcome, lastEventAt, repairs } = report;
  if (request === null) return text('Nothing of this job can be told.');
  if (chain === null)
    return text(`${request.user} asked for this merge. No chain was accepted, and no image was changed.`);
  const isAll = committed.blocks === chain.blocks;
  const amount = isAll
    ? `${plural(committed.blocks, 'block')} (${inUnits(committed.bytes)})`
    : `${grouped(committed.blocks)} of ${plural(chain.blocks, 'block')} (${inUnits(committed.bytes)} of ${inUnits(chain.bytes)})`;
  const span = duration((outcome.at ?? lastEventAt ?? request.at) - request.at);
  const again =
    repairs.count === 0
      ? ''
      : ` ${plural(repairs.count, 'block')} read back otherwise than written and had to be merged again.`;
  return markup`${text(amount)} of ${code(request.source)} were merged into ${code(request.destination)} ${text(
    `within ${span}, in ${runs(report)}.${again} ${verified(report)}`,
  )}`;
};

const runs = ({ runs: { count }, interruptions }: AuditReport): string => {
  if (interruptions === 0) return plural(count, 'run');
  if (count === 1) return '1 run, which ended without a word';
  return `${plural(count, 'run')}, ${grouped(interruptions)} of which ended without a word`;
};

const verified = ({ verification, request, outcome }: AuditReport): string => {
  if (verification !== null) {
    const from = verification.readFrom === 'device' ? 'from the device' : 'through the page cache';
    return `Afterwards ${verification.mode === 'full' ? 'the whole disk' : 'every block'} was read back ${from} and was as written.`;
  }
  if (outcome.kind !== 'completed') return 'It was not verified: the job did not come to that.';
  return request?.options.verify === 'none' ? 'It was not verified, as was asked.' : 'It was not verified.';
};

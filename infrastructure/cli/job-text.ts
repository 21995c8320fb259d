import type { JobDetails, JobSummary } from '#application/use-cases/list-jobs';
import { counted, inUnits } from './bytes-argument.js';
import { commandText } from './ending-text.js';
import { errorText } from './error-text.js';
import { eventLine } from './event-line.js';
import { printable } from './printable.js';
import { table } from './tables.js';

/** The state in one word or two: a WMI client's name of it, and what it cannot tell. */
export const whatItDoes = ({ jobState, phase, runner, isUnfinished }: JobSummary): string => {
  if (phase === 'refused') return 'Refused';
  if (isUnfinished && jobState.name === 'Exception') return 'Failed, can be resumed';
  switch (runner.presence) {
    case 'gone':
      return 'Interrupted';
    case 'elsewhere':
      return `${jobState.name} on ${runner.host}?`;
    case 'at-work':
      return `${jobState.name} (pid ${runner.pid})`;
    case 'none':
      return jobState.name;
  }
};

export const summaryJson = (job: JobSummary): Readonly<Record<string, unknown>> => ({
  jobId: job.jobId,
  source: job.source,
  destination: job.destination,
  jobState: job.jobState.number,
  jobStateName: job.jobState.name,
  phase: job.phase,
  unfinished: job.isUnfinished,
  running: job.runner.presence,
  host: job.runner.host,
  pid: job.runner.pid,
  percent: job.percent,
  blocksMerged: job.committed.blocks,
  bytesMerged: job.committed.bytes,
  blocks: job.total?.blocks ?? null,
  bytes: job.total?.bytes ?? null,
  requestedAt: job.requestedAt,
  lastEventAt: job.lastEventAt,
  revision: job.revision,
  error: job.error,
});

export const detailsJson = (job: JobDetails): Readonly<Record<string, unknown>> => {
  const { state } = job;
  return {
    ...summaryJson(job),
    options: 'request' in state ? state.request.options : null,
    images: 'chain' in state ? (state.chain?.images ?? null) : null,
    history: job.history.map(({ revision, occurredAt, event }) => ({ revision, occurredAt, event })),
  };
};

export const detailsText = (job: JobDetails, journal: string | undefined): readonly string[] => [
  ...table([
    ['Job', job.jobId],
    ['Source', job.source],
    ['Destination', job.destination],
    ['State', `${job.jobState.number} ${whatItDoes(job)}, ${job.percent} %`],
    ['Committed', committedText(job)],
    ['Requested', new Date(job.requestedAt).toISOString()],
    ['Last event', `${new Date(job.lastEventAt).toISOString()} (revision ${job.revision})`],
    ...optionRows(job),
  ]),
  ...imageLines(job),
  '',
  'History:',
  ...job.history.map(
    ({ revision, occurredAt, event }) =>
      `${String(revision).padStart(5)}  ${new Date(occurredAt).toISOString()}  ${eventLine(event)}`,
  ),
  ...(job.error === null ? [] : ['', ...errorText(job.error)]),
  ...nextLines(job, journal),
];

const committedText = ({ committed, total }: JobSummary): string =>
  total === null
    ? 'nothing, as the chain was not accepted yet'
    : `${committed.blocks} of ${counted(total.blocks, 'block')}, ${inUnits(committed.bytes)} of ${inUnits(total.bytes)}`;

const optionRows = ({ state }: JobDetails): readonly (readonly string[])[] => {
  if (!('request' in state)) return [];
  const { options } = state.request;
  const rate = options.rateBytesPerSecond === null ? 'no limit' : `${inUnits(options.rateBytesPerSecond)}/s`;
  return [
    ['Verify', options.verify],
    ['Retire', options.retire],
    ['Re-parent', options.reparent],
    ['Window, rate', `${inUnits(options.windowBytes)}, ${rate}`],
    ...options.allowedSiblings.map((path) => ['Allowed sibling', path]),
    ...(options.allowSuperseded ? [['Superseded source', 'allowed']] : []),
    ...options.roots.map((folder) => ['Root', folder]),
    ...(options.maps ?? []).map(({ stored, path }) => ['Map', `${stored} is ${path}`]),
  ];
};

const imageLines = ({ state }: JobDetails): readonly string[] => {
  const chain = 'chain' in state ? state.chain : null;
  if (chain === null) return [];
  const role = (index: number): string =>
    index === 0 ? 'source' : index === chain.images.length - 1 ? 'destination' : 'between';
  const rows = [
    ...chain.images.map((image, index) => [role(index), image] as const),
    ...chain.ancestors.map((image) => ['below', image] as const),
    ...chain.children.map((image) => ['child', image] as const),
    ...chain.siblings.map((image) => ['sibling', image] as const),
  ];
  return [
    '',
    'Images as they were accepted:',
    ...table(
      rows.map(([as, image]) => [`  ${as}`, image.path, `${image.format.toUpperCase()} ${image.type}`, image.identity]),
    ),
    ...chain.missingProtection.map((sentence) => `  warning: ${printable(sentence)}`),
  ];
};

const nextLines = (job: JobDetails, journal: string | undefined): readonly string[] => {
  if (!job.isUnfinished) return [];
  if (job.runner.presence === 'at-work')
    return [
      '',
      `Watch it: ${commandText('watch', job.jobId, journal)}`,
      `Stop it:  ${commandText('suspend', job.jobId, journal)}`,
    ];
  return [
    '',
    `Go on:  ${commandText('resume', job.jobId, journal)}`,
    `Give up: ${commandText('terminate', job.jobId, journal)}`,
  ];
};

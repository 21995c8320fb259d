import type { RetireMode } from '#domain/merge-job/events';
import { committedOf, type MergeJobState } from '#domain/merge-job/state';
import { redactedUrl } from '../event-store/journal-url.js';
import { counted, inTime, inUnits } from './bytes-argument.js';
import { printable } from './printable.js';
import type { EndedRun } from './result-line.js';

/** In a shell a word with anything unusual in it stands in quotes. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** How to go on from here, with the journal that the person named, as it may be shown. */
export const commandText = (name: string, jobId: string, journal: string | undefined): string =>
  `chainfold ${name} ${jobId}${journal === undefined ? '' : ` --journal ${printable(shellWord(redactedUrl(journal)))}`}`;

export const completedText = (jobId: string, state: MergeJobState, when: 'now' | 'before'): readonly string[] => {
  if (state.phase !== 'completed') throw new Error(`Bug: job ${jobId} completed in phase ${state.phase}`);
  const { source, destination, options } = state.request;
  const { blocks, bytes } = state.committed;
  const pair = `${printable(source)} into ${printable(destination)}`;
  const amount = `${counted(blocks, 'block')}, ${inUnits(bytes)}`;
  if (when === 'before')
    return [`Already merged: ${pair} (${amount}), job ${jobId}. Nothing has changed since, and nothing was written.`];
  const verified = state.verified === null ? 'not verified, as was asked' : `verified (${state.verified.mode})`;
  return [
    `Merged ${pair}: ${amount} in ${inTime(state.completion.elapsedMs)}, ${verified}. Job ${jobId}.`,
    retiredText(jobId, state.chain.images.length - 1, options.retire),
  ];
};

const retiredText = (jobId: string, count: number, retire: RetireMode): string => {
  const [images, they] = count === 1 ? ['merged image', 'it'] : [`${count} merged images`, 'they'];
  switch (retire) {
    case 'keep':
      return `The ${images} ${count === 1 ? 'was' : 'were'} kept as ${they} ${count === 1 ? 'is' : 'are'}${count === 1 ? '' : '; only the source still shows what it showed'}.`;
    case 'quarantine':
      return `The ${images} now ${count === 1 ? 'ends' : 'end'} in .merged-${jobId}.`;
    case 'delete':
      return `The ${images} ${count === 1 ? 'was' : 'were'} removed.`;
  }
};

/** What there is to say of a run that did not complete, besides its error. */
export const endedText = ({ state, outcome }: EndedRun): readonly string[] => {
  const { blocks, bytes } = committedOf(state);
  const total = 'chain' in state && state.chain !== null ? ` of ${counted(state.chain.blocks, 'block')}` : '';
  const committed = `${blocks}${total} (${inUnits(bytes)}) committed`;
  switch (outcome.outcome) {
    case 'completed':
      return [];
    case 'suspended': {
      const missing = outcome.missingBytes === null ? '' : ` ${inUnits(outcome.missingBytes)} more are needed.`;
      return [`Suspended (${outcome.why}) at a durable point: ${committed}.${missing}`];
    }
    case 'terminated':
      return [`Terminated at a durable point: ${committed}. The source still shows its data; this job is over.`];
    case 'failed':
      return [`Stopped: ${committed}. ${printable(outcome.nextStep)}`];
  }
};

export const goOnText = ({ jobId, outcome }: EndedRun, journal: string | undefined): readonly string[] => {
  const unrecorded =
    'recorded' in outcome && !outcome.recorded
      ? [
          'The journal could not record this end. It may hold one step more than this run was told of; the next run sees what it holds.',
        ]
      : [];
  switch (outcome.outcome) {
    case 'completed':
    case 'failed':
      return unrecorded;
    case 'terminated':
      return ['To merge after all, run the same merge again: it is a new job, and takes no block as done.'];
    case 'suspended':
      return [...unrecorded, `To go on: ${commandText('resume', jobId, journal)}, or run the same merge again.`];
  }
};

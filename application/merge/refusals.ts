import { mergeError, type MergeError } from '#domain/merge-error';
import type { MergeJobState } from '#domain/merge-job/state';
import type { MergeOptions } from '#domain/merge-job/events';
import {
  jobThatHolds,
  jobThatMoved,
  jobThatSuperseded,
  type KnownJob,
  type MovedKnownJob,
} from '../jobs/job-directory.js';
import type { MergeChain } from './locked-chain.js';

/** Answers that come from the journal and not from the files. */

export const notResumable = (jobId: string, state: MergeJobState): MergeError =>
  state.phase === 'moved'
    ? movedAway(jobId, state.to)
    : mergeError(
        'job-state',
        state.phase === 'unrequested' ? `there is no job ${jobId} in this journal` : `job ${jobId} has ended`,
        {
          expected: 'an unfinished job',
          found: state.phase === 'unrequested' ? 'no such stream' : state.phase,
          todo: 'List the jobs with `chainfold jobs`.',
          related: [jobId],
        },
      );

export const movedAway = (jobId: string, to: string): MergeError =>
  mergeError('job-state', `job ${jobId} was moved to another journal`, {
    expected: 'an unfinished job of this journal',
    found: `the journal ${to} in its last event`,
    todo: `It goes on there: \`chainfold resume ${jobId} --journal URL\`. If it is not there, the move was cut short: \`chainfold journal move ${jobId} --to URL\`, with the URL as it was given then, finishes it.`,
    related: [jobId, to],
  });

export const heldByJob = (path: string, job: KnownJob): MergeError =>
  mergeError('job-holds-image', 'an unfinished job holds this chain', {
    path,
    expected: 'no other job with an image of this chain',
    found: `job ${job.jobId}${'request' in job.state ? `, which merges ${job.state.request.source} into ${job.state.request.destination}` : ''}`,
    todo: `Finish it with \`chainfold resume ${job.jobId}\`, or end it with \`chainfold terminate ${job.jobId}\`.`,
    related: [job.jobId],
  });

export const heldByMovedJob = (path: string, { jobId, state }: MovedKnownJob): MergeError =>
  mergeError('job-holds-image', 'a job that was moved to another journal holds this chain', {
    path,
    expected: 'no other job with an image of this chain',
    found: `job ${jobId}, which was to merge ${state.request.source} into ${state.request.destination} and is in the journal ${state.to} now`,
    todo: 'See there how it stands, and finish it there. If it has ended and this merge is wanted all the same, say so with --allow-superseded.',
    related: [jobId, state.to],
  });

export const superseded = (source: string, destination: string, jobId: string): MergeError =>
  mergeError(
    'source-superseded',
    'this source was merged into the destination already, and one of the two has changed since',
    {
      path: source,
      expected: 'a source with data newer than the destination',
      found: `job ${jobId} merged it into ${destination}; merging it again would put old data over newer`,
      todo: 'Remove the source when nobody needs it. If its data really are the newer, say so with --allow-superseded.',
      related: [jobId, destination],
    },
  );

/** What the other jobs in the journal say against merging this chain. */
export const heldOrSuperseded = (
  chain: MergeChain,
  others: readonly KnownJob[],
  options: MergeOptions,
): MergeError | null => {
  const sources = chain.sources.map(({ image }) => image.description.identity);
  const destination = chain.destination.image.description;
  const holder = jobThatHolds([...sources, destination.identity], others);
  if (holder !== null) return heldByJob(destination.path, holder);
  const images = [...chain.sources.map(({ image }) => image.description), destination];
  const moved = jobThatMoved(images, others);
  if (moved !== null && !options.allowSuperseded) return heldByMovedJob(destination.path, moved);
  const superseding = jobThatSuperseded(sources, destination.identity, others);
  if (superseding !== null && !options.allowSuperseded)
    return superseded(chain.sources[0]!.image.description.path, destination.path, superseding.jobId);
  return null;
};

import {
  claimOf,
  destinationIdentityOf,
  isUnfinished,
  type MergeJobState,
  type StartedJob,
  type UnfinishedJob,
} from '#domain/merge-job/state';
import { assertWholeImport } from './half-imported.js';
import { jobIdOf, JOB_STREAM_PREFIX } from './job-stream.js';
import { readJobState, type StateReader } from './read-job-state.js';

export interface KnownJob {
  readonly jobId: string;
  readonly state: MergeJobState;
}

export interface UnfinishedKnownJob extends KnownJob {
  readonly state: UnfinishedJob;
}

export interface MovedKnownJob extends KnownJob {
  readonly state: Extract<MergeJobState, { phase: 'moved' }>;
}

/** Every job in the journal with its state, oldest name order. Reads a handful of events per job, never its blocks. */
export async function* allJobs(reader: StateReader): AsyncGenerator<KnownJob> {
  for await (const { stream } of reader.store.list(JOB_STREAM_PREFIX)) {
    const { state } = await readJobState(stream, reader);
    yield { jobId: jobIdOf(stream), state };
  }
}

/** What the journal knows that bears on a request to merge `source` into `destination`. */
export interface JobsAbout {
  /** The same pair, not finished: it is this job. */
  readonly unfinished: UnfinishedKnownJob | null;
  /** The same pair, completed, the last one. */
  readonly completed: KnownJob | null;
  /** All other jobs with a chain. */
  readonly others: readonly KnownJob[];
}

/** Throws an `EventStoreFault` when the job that is asked for was imported in part: it is not to be run. */
export const jobsAbout = async (source: string, destination: string, reader: StateReader): Promise<JobsAbout> => {
  let unfinished: UnfinishedKnownJob | null = null;
  let completed: KnownJob | null = null;
  const others: KnownJob[] = [];
  for await (const job of allJobs(reader)) {
    const { state } = job;
    if (state.phase === 'unrequested') continue;
    const samePair = state.request.source === source && state.request.destination === destination;
    if (samePair && isUnfinished(state)) unfinished = further(unfinished, { jobId: job.jobId, state });
    else others.push(job);
    if (samePair && state.phase === 'completed') completed = later(completed, job);
  }
  if (unfinished !== null) await assertWholeImport(unfinished.jobId, reader.store);
  return { unfinished, completed, others };
};

/** A request that never got as far as its chain holds nothing; the one that did is the job. */
const further = (a: UnfinishedKnownJob | null, b: UnfinishedKnownJob): UnfinishedKnownJob =>
  a === null || a.state.phase === 'requested' ? b : a;

const later = (a: KnownJob | null, b: KnownJob): KnownJob => (a === null || mtimeAtEnd(b) >= mtimeAtEnd(a) ? b : a);

const mtimeAtEnd = ({ state }: KnownJob): bigint =>
  state.phase === 'completed' ? BigInt(state.completion.destination.mtimeNs) : -1n;

/** An unfinished job owns the images of its chain, by identity: nobody else may merge with any of them. */
export const jobThatHolds = (identities: readonly string[], jobs: readonly KnownJob[]): UnfinishedKnownJob | null => {
  for (const { jobId, state } of jobs) {
    if (!isUnfinished(state) || state.phase === 'requested') continue;
    const owned = identitiesOf({ chain: state.chain, claim: claimOf(state) });
    if (owned.some((identity) => identities.includes(identity))) return { jobId, state };
  }
  return null;
};

/**
 * A job that went to another journal: whether it still owns its images, and what it has done since, only that journal knows. It may
 * have given the destination a new identity there, or have been moved before it had looked at its chain: so paths count as well.
 */
export const jobThatMoved = (
  images: readonly { readonly identity: string; readonly path: string }[],
  jobs: readonly KnownJob[],
): MovedKnownJob | null => {
  for (const { jobId, state } of jobs) {
    if (state.phase !== 'moved') continue;
    const { chain, request } = state;
    const identities = chain === null ? [] : identitiesOf({ chain, claim: claimOf(state) });
    const accepted = chain === null ? [] : [...chain.images, ...chain.children];
    const paths = [request.source, request.destination, ...accepted.map(({ path }) => path)];
    if (images.some(({ identity, path }) => identities.includes(identity) || paths.includes(path)))
      return { jobId, state };
  }
  return null;
};

/**
 * A job that merged one of these sources into this destination, and has completed or was ended when all was merged: what the destination
 * holds may be newer than the source's data.
 */
export const jobThatSuperseded = (
  sources: readonly string[],
  destination: string,
  jobs: readonly KnownJob[],
): KnownJob | null => {
  for (const job of jobs) {
    const { state } = job;
    if (state.phase !== 'completed' && !(state.phase === 'terminated' && state.isMerged)) continue;
    const { chain, claim } = state;
    if (chain === null || destinationIdentityOf({ chain, claim }) !== destination) continue;
    const { images } = chain;
    if (images.slice(0, -1).some((image) => sources.includes(image.identity))) return job;
  }
  return null;
};

/** Those accepted, and the one that the destination gets. */
const identitiesOf = ({ chain, claim }: Pick<StartedJob, 'chain' | 'claim'>): readonly string[] => {
  const accepted = [...chain.images, ...chain.children].map(({ identity }) => identity);
  return claim === null ? accepted : [...accepted, claim.prepared.newIdentity];
};

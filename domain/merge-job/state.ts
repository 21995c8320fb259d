import type { MergeError } from '../merge-error.js';
import type {
  ChainAccepted,
  ChildReparented,
  CommittedTotals,
  DestinationClaimed,
  DestinationFinalized,
  ImageRecord,
  LinkPrepared,
  MergeCompleted,
  MergeOptions,
  MergeVerified,
  SourceRetired,
} from './events.js';

/**
 * Where a job stands, by phase: each phase has what it needs and nothing else. An unfinished job is one of `requested`,
 * `accepted`, `merging`, `finalized`, `verified`; `activity` says how its last run left it.
 */
export type MergeJobState =
  | { readonly phase: 'unrequested' }
  | RequestedJob
  | AcceptedJob
  | MergingJob
  | FinalizedJob
  | VerifiedJob
  | { readonly phase: 'refused'; readonly request: JobRequest; readonly error: MergeError }
  | {
      readonly phase: 'terminated';
      readonly request: JobRequest;
      readonly chain: ChainAccepted | null;
      readonly claim: IdentityClaim | null;
      /** All was merged, and read back if that was asked for: only steps after the copy were left. */
      readonly isMerged: boolean;
      readonly committed: CommittedTotals;
    }
  | {
      readonly phase: 'moved';
      readonly request: JobRequest;
      readonly chain: ChainAccepted | null;
      readonly claim: IdentityClaim | null;
      readonly committed: CommittedTotals;
      readonly to: string;
    }
  | {
      readonly phase: 'failed';
      readonly request: JobRequest;
      readonly chain: ChainAccepted | null;
      readonly error: MergeError;
      readonly committed: CommittedTotals;
    }
  | {
      readonly phase: 'completed';
      readonly request: JobRequest;
      readonly chain: ChainAccepted;
      readonly claim: IdentityClaim | null;
      readonly committed: CommittedTotals;
      readonly verified: MergeVerified | null;
      readonly completion: MergeCompleted;
    };

export type UnfinishedJob = RequestedJob | AcceptedJob | StartedJob;
/** A job that has announced its first write. */
export type StartedJob = MergingJob | FinalizedJob | VerifiedJob;

export interface JobRequest {
  readonly source: string;
  readonly destination: string;
  readonly options: MergeOptions;
}

/** `running`: a process works on it, or died without a word. */
export type JobActivity =
  | { readonly kind: 'running' }
  | { readonly kind: 'suspended'; readonly why: string; readonly by: string }
  | { readonly kind: 'failed'; readonly error: MergeError };

interface Unfinished {
  readonly request: JobRequest;
  readonly activity: JobActivity;
  /** Number of the run that appended last: the lease epoch. */
  readonly epoch: number;
}

export interface RequestedJob extends Unfinished {
  readonly phase: 'requested';
}

export interface AcceptedJob extends Unfinished {
  readonly phase: 'accepted';
  readonly chain: ChainAccepted;
}

/** VHDX: where the change of the destination's identity stands. */
export interface IdentityClaim {
  readonly prepared: LinkPrepared;
  /** Null: the disk is somewhere in the sequence. */
  readonly claimed: DestinationClaimed | null;
}

interface Started extends Unfinished {
  readonly chain: ChainAccepted;
  /** Null before the change, and for ever in a VHD. */
  readonly claim: IdentityClaim | null;
  readonly committed: CommittedTotals;
  readonly sourceViewDigest: string | null;
}

export interface MergingJob extends Started {
  readonly phase: 'merging';
}

export interface FinalizedJob extends Started {
  readonly phase: 'finalized';
  readonly destination: DestinationFinalized;
  readonly reparented: readonly ChildReparented[];
}

/** The merge is right. Children are re-parented and sources retired in this phase; each step is here as its last event. */
export interface VerifiedJob extends Started {
  readonly phase: 'verified';
  readonly destination: DestinationFinalized;
  readonly verified: MergeVerified;
  readonly reparented: readonly ChildReparented[];
  readonly retired: readonly SourceRetired[];
}

export const initialState: MergeJobState = { phase: 'unrequested' };

export const NOTHING_COMMITTED: CommittedTotals = { blocks: 0, bytes: 0, nextBlock: 0 };

export const isUnfinished = (state: MergeJobState): state is UnfinishedJob => {
  switch (state.phase) {
    case 'requested':
    case 'accepted':
    case 'merging':
    case 'finalized':
    case 'verified':
      return true;
    case 'unrequested':
    case 'refused':
    case 'terminated':
    case 'moved':
    case 'failed':
    case 'completed':
      return false;
  }
};

export const isStarted = (state: MergeJobState): state is StartedJob =>
  state.phase === 'merging' || state.phase === 'finalized' || state.phase === 'verified';

/** Is the destination as it is to be? From then on a machine may run on it. */
export const isMerged = (state: MergeJobState): boolean =>
  state.phase === 'verified' || (state.phase === 'finalized' && state.request.options.verify === 'none');

/** The committed totals of a job in any phase. */
export const committedOf = (state: MergeJobState): CommittedTotals =>
  'committed' in state ? state.committed : NOTHING_COMMITTED;

/** The change of the destination's identity, as far as it has come; null before it, and in a VHD. */
export const claimOf = (job: MergeJobState): IdentityClaim | null => ('claim' in job ? job.claim : null);

/** Has the destination its new identity? Never so in a VHD, which needs none. */
export const isClaimed = (job: MergeJobState): boolean => (claimOf(job)?.claimed ?? null) !== null;

/** The destination's identity as this job last left it. */
export const destinationIdentityOf = (job: Pick<StartedJob, 'chain' | 'claim'>): string =>
  job.claim?.claimed?.newIdentity ?? job.chain.images.at(-1)!.identity;

/** Source first, without the destination; the destination's direct child is as the change of its link left it. */
export const sourcesOf = (job: AcceptedJob | StartedJob): readonly ImageRecord[] => {
  const child = claimOf(job)?.claimed?.child;
  return job.chain.images
    .slice(0, -1)
    .map((image) => (image.path === child?.path ? { ...image, file: child.file } : image));
};

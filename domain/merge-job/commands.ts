import type { MergeError } from '../merge-error.js';
import type {
  BlockMerged,
  ChainAccepted,
  ChildReparented,
  DestinationClaimed,
  DestinationFinalized,
  JobMoved,
  JournalOutageEnded,
  LinkPrepared,
  MergeCompleted,
  MergeRecovered,
  MergeRequested,
  MergeStarted,
  MergeSuspended,
  MergeVerified,
  RunIdentity,
  SourceRetired,
} from './events.js';

/** What may be asked of a job. Time, ids and what was found on disk come in with the command: the domain knows none of them. */
export type MergeJobCommand =
  | { readonly type: 'RequestMerge'; readonly request: Omit<MergeRequested, 'type'> }
  | { readonly type: 'RefuseMerge'; readonly error: MergeError }
  | { readonly type: 'AcceptChain'; readonly chain: Omit<ChainAccepted, 'type'> }
  | { readonly type: 'StartMerge'; readonly start: Omit<MergeStarted, 'type'> }
  | { readonly type: 'PrepareLink'; readonly link: Omit<LinkPrepared, 'type'> }
  | { readonly type: 'ClaimDestination'; readonly claim: Omit<DestinationClaimed, 'type'> }
  | { readonly type: 'ConfirmWindow'; readonly epoch: number; readonly blocks: readonly MergedBlock[] }
  | { readonly type: 'ConfirmRepair'; readonly epoch: number; readonly block: MergedBlock }
  | ({ readonly type: 'SuspendMerge' } & Omit<MergeSuspended, 'type' | 'nextBlock'>)
  | { readonly type: 'ResumeMerge'; readonly run: RunIdentity; readonly by: string }
  | { readonly type: 'RecoverMerge'; readonly recovery: Omit<MergeRecovered, 'type'> }
  | { readonly type: 'TerminateMerge'; readonly by: string; readonly why: string }
  | { readonly type: 'MoveJob'; readonly move: Omit<JobMoved, 'type'> }
  | { readonly type: 'ReportJournalOutage'; readonly outage: Omit<JournalOutageEnded, 'type'> }
  | { readonly type: 'FinalizeDestination'; readonly destination: Omit<DestinationFinalized, 'type'> }
  | { readonly type: 'ConfirmVerification'; readonly verification: Omit<MergeVerified, 'type'> }
  | { readonly type: 'RecordReparenting'; readonly step: Omit<ChildReparented, 'type'> }
  | { readonly type: 'RecordRetirement'; readonly step: Omit<SourceRetired, 'type'> }
  | {
      readonly type: 'CompleteMerge';
      readonly completion: Omit<MergeCompleted, 'type' | 'blocks' | 'bytes' | 'retire'>;
    }
  | { readonly type: 'FailMerge'; readonly error: MergeError; readonly resumable: boolean; readonly nextStep: string };

/** A block as the run reports it: the event without what follows from the job's state. */
export type MergedBlock = Omit<BlockMerged, 'type' | 'epoch' | 'repair' | 'totals'>;

/** Why the aggregate says no. These are answers to a wrong caller, not to a person: a use case turns them into a `MergeError`. */
export type MergeJobRefusal =
  | { readonly kind: 'wrong-phase'; readonly command: MergeJobCommand['type']; readonly phase: string }
  | { readonly kind: 'block-committed-twice'; readonly block: number; readonly nextBlock: number }
  | { readonly kind: 'blocks-not-ascending'; readonly block: number; readonly after: number }
  | { readonly kind: 'stale-epoch'; readonly epoch: number; readonly current: number }
  | { readonly kind: 'other-blocks-than-accepted'; readonly committed: number; readonly accepted: number }
  | { readonly kind: 'destination-not-claimed'; readonly command: MergeJobCommand['type'] }
  | { readonly kind: 'not-verified'; readonly verify: string }
  | { readonly kind: 'step-out-of-order'; readonly path: string; readonly step: string };

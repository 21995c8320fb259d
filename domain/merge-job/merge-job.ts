import { err, ok, type Result } from '../result.js';
import { returnCodeOf } from '../merge-error.js';
import { unreachable } from '../unreachable.js';
import type { MergeJobCommand, MergeJobRefusal, MergedBlock } from './commands.js';
import type { BlockMerged, ChildReparented, CommittedTotals, MergeJobEvent, SourceRetired } from './events.js';
import {
  claimOf,
  committedOf,
  isClaimed,
  isMerged,
  isStarted,
  isUnfinished,
  NOTHING_COMMITTED,
  type JobActivity,
  type MergeJobState,
  type MergingJob,
  type StartedJob,
  type UnfinishedJob,
} from './state.js';

/**
 * The merge job: `decide` says what follows from a command, `evolve` records it. Both pure; neither knows time, ids or stores.
 *
 * Invariants:
 * - a block is committed at most once, in ascending order, except as a repair after a read-back that differed;
 * - only the current run (epoch) commits;
 * - a VHDX takes no block before it has its new identity, and gets it only after the intention is recorded;
 * - the destination is final only when every accepted block is committed;
 * - nothing is retired before the destination is verified and every child of the source re-parented;
 * - a child or a source is changed only after its intention is recorded, and done only once;
 * - a finished job (completed, terminated, refused, failed for good) takes no further event;
 * - the state after a `BlockMerged` follows from the events before the first one and from itself: see `properties/domain`.
 */
export type Decision = Result<readonly MergeJobEvent[], MergeJobRefusal>;

export const decide = (command: MergeJobCommand, state: MergeJobState): Decision => {
  switch (command.type) {
    case 'RequestMerge':
      return state.phase === 'unrequested'
        ? accept({ type: 'MergeRequested', ...command.request })
        : wrongPhase(command, state);
    case 'RefuseMerge':
      return state.phase === 'requested'
        ? accept({ type: 'MergeRefused', error: command.error, returnCode: returnCodeOf(command.error) })
        : wrongPhase(command, state);
    case 'AcceptChain':
      return state.phase === 'requested'
        ? accept({ type: 'ChainAccepted', ...command.chain })
        : wrongPhase(command, state);
    case 'StartMerge':
      return state.phase === 'accepted'
        ? accept({ type: 'MergeStarted', ...command.start })
        : wrongPhase(command, state);
    case 'PrepareLink':
      return isMerging(state) && state.claim === null && isVhdx(state)
        ? accept({ type: 'LinkPrepared', ...command.link })
        : wrongPhase(command, state);
    case 'ClaimDestination':
      return isMerging(state) && state.claim !== null && state.claim.claimed === null
        ? accept({ type: 'DestinationClaimed', ...command.claim })
        : wrongPhase(command, state);
    case 'ConfirmWindow':
      return confirmWindow(command, state);
    case 'ConfirmRepair':
      return confirmRepair(command, state);
    case 'SuspendMerge':
      return whileRunning(command, state, (job) => ({
        type: 'MergeSuspended',
        by: command.by,
        why: command.why,
        missingBytes: command.missingBytes,
        nextBlock: committedOf(job).nextBlock,
      }));
    case 'ResumeMerge':
      return isUnfinished(state) && state.activity.kind === 'suspended'
        ? accept({ type: 'MergeResumed', run: command.run, by: command.by })
        : wrongPhase(command, state);
    case 'RecoverMerge':
      return isUnfinished(state) && state.activity.kind !== 'suspended'
        ? accept({ type: 'MergeRecovered', ...command.recovery })
        : wrongPhase(command, state);
    case 'TerminateMerge':
      return isUnfinished(state)
        ? accept({ type: 'MergeTerminated', by: command.by, why: command.why, nextBlock: committedOf(state).nextBlock })
        : wrongPhase(command, state);
    case 'MoveJob':
      return isUnfinished(state) ? accept({ type: 'JobMoved', ...command.move }) : wrongPhase(command, state);
    case 'ReportJournalOutage':
      return whileRunning(command, state, () => ({ type: 'JournalOutageEnded', ...command.outage }));
    case 'FinalizeDestination':
      return finalizeDestination(command, state);
    case 'ConfirmVerification':
      return state.phase === 'finalized' && isRunning(state)
        ? accept({ type: 'MergeVerified', ...command.verification })
        : wrongPhase(command, state);
    case 'RecordReparenting':
      return recordReparenting(command, state);
    case 'RecordRetirement':
      return recordRetirement(command, state);
    case 'CompleteMerge':
      return completeMerge(command, state);
    case 'FailMerge':
      return whileRunning(command, state, () => ({
        type: 'MergeFailed',
        error: command.error,
        returnCode: returnCodeOf(command.error),
        resumable: command.resumable,
        nextStep: command.nextStep,
      }));
    default:
      return unreachable(command);
  }
};

export const evolve = (state: MergeJobState, event: MergeJobEvent): MergeJobState => {
  switch (event.type) {
    case 'MergeRequested': {
      const { source, destination, options } = event;
      return { phase: 'requested', request: { source, destination, options }, activity: RUNNING, epoch: 1 };
    }
    case 'MergeRefused':
      return { phase: 'refused', request: requestOf(state), error: event.error };
    case 'ChainAccepted':
      return { ...unfinished(state), phase: 'accepted', chain: event };
    case 'MergeStarted': {
      const { request, activity } = unfinished(state);
      return {
        phase: 'merging',
        request,
        activity,
        chain: chainOf(state),
        claim: null,
        committed: NOTHING_COMMITTED,
        epoch: event.run.epoch,
        sourceViewDigest: event.sourceViewDigest,
      };
    }
    case 'LinkPrepared':
      return { ...started(state), claim: { prepared: event, claimed: null } };
    case 'DestinationClaimed': {
      const job = started(state);
      return job.claim === null ? impossible(state) : { ...job, claim: { ...job.claim, claimed: event } };
    }
    case 'BlockMerged': {
      // A repair reopens the phase: the destination changed again and is finalized and verified anew.
      const { request, chain, claim, sourceViewDigest } = started(state);
      return {
        phase: 'merging',
        request,
        chain,
        claim,
        sourceViewDigest,
        activity: RUNNING,
        committed: event.totals,
        epoch: event.epoch,
      };
    }
    case 'MergeSuspended':
      return withActivity(state, { kind: 'suspended', why: event.why, by: event.by });
    case 'MergeResumed':
    case 'MergeRecovered':
      return { ...withActivity(state, RUNNING), epoch: event.run.epoch };
    case 'MergeTerminated':
      return {
        phase: 'terminated',
        request: requestOf(state),
        chain: chainOrNull(state),
        claim: claimOf(state),
        isMerged: isMerged(state),
        committed: committedOf(state),
      };
    case 'JobMoved':
      return {
        phase: 'moved',
        request: requestOf(state),
        chain: chainOrNull(state),
        claim: claimOf(state),
        committed: committedOf(state),
        to: event.to,
      };
    case 'JournalOutageEnded':
      return state;
    case 'DestinationFinalized': {
      const { request, chain, claim, sourceViewDigest, activity, committed, epoch } = started(state);
      return {
        phase: 'finalized',
        request,
        chain,
        claim,
        sourceViewDigest,
        activity,
        committed,
        epoch,
        destination: event,
        reparented: [],
      };
    }
    case 'MergeVerified':
      return state.phase === 'finalized' ? { ...state, phase: 'verified', verified: event, retired: [] } : state;
    case 'ChildReparented':
      return state.phase === 'finalized' || state.phase === 'verified'
        ? { ...state, reparented: replaceByPath(state.reparented, event) }
        : state;
    case 'SourceRetired':
      return state.phase === 'verified' ? { ...state, retired: replaceByPath(state.retired, event) } : state;
    case 'MergeCompleted':
      return {
        phase: 'completed',
        request: requestOf(state),
        chain: chainOf(state),
        claim: started(state).claim,
        committed: committedOf(state),
        verified: state.phase === 'verified' ? state.verified : null,
        completion: event,
      };
    case 'MergeFailed':
      return event.resumable
        ? withActivity(state, { kind: 'failed', error: event.error })
        : {
            phase: 'failed',
            request: requestOf(state),
            chain: chainOrNull(state),
            error: event.error,
            committed: committedOf(state),
          };
    default:
      return unreachable(event);
  }
};

const RUNNING: JobActivity = { kind: 'running' };

const accept = (...events: MergeJobEvent[]): Decision => ok(events);

const wrongPhase = (command: MergeJobCommand, state: MergeJobState): Decision => {
  const activity = isUnfinished(state) ? `${state.phase}, ${state.activity.kind}` : state.phase;
  return err({ kind: 'wrong-phase', command: command.type, phase: activity });
};

const isRunning = (job: UnfinishedJob): boolean => job.activity.kind === 'running';

const isMerging = (state: MergeJobState): state is MergingJob => state.phase === 'merging' && isRunning(state);
const isVhdx = ({ chain }: MergingJob): boolean => chain.images.at(-1)?.format === 'vhdx';
const isUnclaimed = (job: MergingJob): boolean => isVhdx(job) && !isClaimed(job);

const whileRunning = (
  command: MergeJobCommand,
  state: MergeJobState,
  event: (job: UnfinishedJob) => MergeJobEvent,
): Decision => (isUnfinished(state) && isRunning(state) ? accept(event(state)) : wrongPhase(command, state));

const confirmWindow = (
  command: Extract<MergeJobCommand, { type: 'ConfirmWindow' }>,
  state: MergeJobState,
): Decision => {
  if (state.phase !== 'merging' || !isRunning(state)) return wrongPhase(command, state);
  if (isUnclaimed(state)) return err({ kind: 'destination-not-claimed', command: command.type });
  if (command.epoch !== state.epoch) return err({ kind: 'stale-epoch', epoch: command.epoch, current: state.epoch });
  const inAll = state.committed.blocks + command.blocks.length;
  if (inAll > state.chain.blocks)
    return err({ kind: 'other-blocks-than-accepted', committed: inAll, accepted: state.chain.blocks });
  const events: BlockMerged[] = [];
  let totals = state.committed;
  for (const block of command.blocks) {
    if (block.block < state.committed.nextBlock)
      return err({ kind: 'block-committed-twice', block: block.block, nextBlock: state.committed.nextBlock });
    if (block.block < totals.nextBlock)
      return err({ kind: 'blocks-not-ascending', block: block.block, after: totals.nextBlock - 1 });
    totals = after(totals, block);
    events.push({ type: 'BlockMerged', ...block, epoch: command.epoch, repair: false, totals });
  }
  return ok(events);
};

const after = (totals: CommittedTotals, block: MergedBlock): CommittedTotals => ({
  blocks: totals.blocks + 1,
  bytes: totals.bytes + block.bytes,
  nextBlock: block.block + 1,
});

const confirmRepair = (
  command: Extract<MergeJobCommand, { type: 'ConfirmRepair' }>,
  state: MergeJobState,
): Decision => {
  if ((state.phase !== 'finalized' && state.phase !== 'merging') || !isRunning(state))
    return wrongPhase(command, state);
  if (command.epoch !== state.epoch) return err({ kind: 'stale-epoch', epoch: command.epoch, current: state.epoch });
  if (command.block.block >= state.committed.nextBlock)
    return err({ kind: 'blocks-not-ascending', block: command.block.block, after: state.committed.nextBlock - 1 });
  return accept({ type: 'BlockMerged', ...command.block, epoch: command.epoch, repair: true, totals: state.committed });
};

/** The plan that was accepted is the measure: a merge that found fewer blocks has lost some, whatever the disk says. */
const finalizeDestination = (
  command: Extract<MergeJobCommand, { type: 'FinalizeDestination' }>,
  state: MergeJobState,
): Decision => {
  if (state.phase !== 'merging' || !isRunning(state)) return wrongPhase(command, state);
  if (isUnclaimed(state)) return err({ kind: 'destination-not-claimed', command: command.type });
  const { chain, committed } = state;
  if (committed.blocks !== chain.blocks || committed.bytes !== chain.bytes) {
    return err({ kind: 'other-blocks-than-accepted', committed: committed.blocks, accepted: chain.blocks });
  }
  return accept({ type: 'DestinationFinalized', ...command.destination });
};

/** Children are re-parented once the destination is known to be right: verified, or finalized when no verification was asked for. */
const mayReparent = (state: MergeJobState): state is Extract<MergeJobState, { phase: 'finalized' | 'verified' }> =>
  state.phase === 'verified' || (state.phase === 'finalized' && state.request.options.verify === 'none');

const recordReparenting = (
  command: Extract<MergeJobCommand, { type: 'RecordReparenting' }>,
  state: MergeJobState,
): Decision => {
  if (!mayReparent(state) || !isRunning(state)) return wrongPhase(command, state);
  return inOrder(command.step, state.reparented) ?? accept({ type: 'ChildReparented', ...command.step });
};

const recordRetirement = (
  command: Extract<MergeJobCommand, { type: 'RecordRetirement' }>,
  state: MergeJobState,
): Decision => {
  if (state.phase !== 'verified' || !isRunning(state)) return wrongPhase(command, state);
  if (state.request.options.retire === 'keep') return wrongPhase(command, state);
  const unfinishedChild = state.reparented.find((child) => child.step !== 'done');
  if (unfinishedChild !== undefined)
    return err({ kind: 'step-out-of-order', path: unfinishedChild.path, step: unfinishedChild.step });
  return inOrder(command.step, state.retired) ?? accept({ type: 'SourceRetired', ...command.step });
};

/** A step is intended, then done; the intention may be stated again (another image after a crash), the deed may not. */
const inOrder = (
  step: { readonly path: string; readonly step: 'intended' | 'done' },
  recorded: readonly { readonly path: string; readonly step: 'intended' | 'done' }[],
): Decision | null => {
  const before = recorded.find((other) => other.path === step.path)?.step;
  const legal = step.step === 'intended' ? before !== 'done' : before === 'intended';
  return legal ? null : err({ kind: 'step-out-of-order', path: step.path, step: step.step });
};

const completeMerge = (
  command: Extract<MergeJobCommand, { type: 'CompleteMerge' }>,
  state: MergeJobState,
): Decision => {
  if ((state.phase !== 'verified' && state.phase !== 'finalized') || !isRunning(state))
    return wrongPhase(command, state);
  const { verify, retire } = state.request.options;
  if (state.phase === 'finalized' && verify !== 'none') return err({ kind: 'not-verified', verify });
  const steps: readonly (ChildReparented | SourceRetired)[] = [
    ...state.reparented,
    ...(state.phase === 'verified' ? state.retired : []),
  ];
  const open = steps.find((step) => step.step !== 'done');
  if (open !== undefined) return err({ kind: 'step-out-of-order', path: open.path, step: open.step });
  const { blocks, bytes } = state.committed;
  return accept({ type: 'MergeCompleted', ...command.completion, blocks, bytes, retire });
};

const replaceByPath = <Step extends { readonly path: string }>(steps: readonly Step[], step: Step): Step[] => [
  ...steps.filter((other) => other.path !== step.path),
  step,
];

/* `evolve` never refuses. A stream that breaks these is not one that `decide` wrote: a bug or tampering, and `audit` says where. */

const unfinished = (state: MergeJobState): UnfinishedJob => (isUnfinished(state) ? state : impossible(state));
const started = (state: MergeJobState): StartedJob => (isStarted(state) ? state : impossible(state));
const withActivity = (state: MergeJobState, activity: JobActivity): UnfinishedJob => ({
  ...unfinished(state),
  activity,
});
const requestOf = (state: MergeJobState): UnfinishedJob['request'] => unfinished(state).request;
const chainOf = (state: MergeJobState): StartedJob['chain'] =>
  'chain' in state && state.chain !== null ? state.chain : impossible(state);
const chainOrNull = (state: MergeJobState): StartedJob['chain'] | null => ('chain' in state ? state.chain : null);

/** The history of a job contains an event that cannot follow its predecessors. */
export class ImpossibleHistory extends Error {
  constructor(phase: string) {
    super(`an event follows that a job in phase ${phase} cannot have`);
    this.name = 'ImpossibleHistory';
  }
}

const impossible = (state: MergeJobState): never => {
  throw new ImpossibleHistory(state.phase);
};

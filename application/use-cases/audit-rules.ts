import type { MergeJobCommand } from '#domain/merge-job/commands';
import type { BlockMerged, MergeJobEvent } from '#domain/merge-job/events';
import { decide, evolve } from '#domain/merge-job/merge-job';
import { committedOf, isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { Digests } from '../ports/digests.js';

/**
 * Does an event belong where it stands? It does when the aggregate, asked for it in the state before, decides exactly this event.
 * So the audit knows no rules of its own, but for what the aggregate cannot see: which process appended.
 */
export class JobRules {
  private before: RecordedEvent | null = null;

  constructor(
    private state: MergeJobState,
    private readonly digests: Digests,
  ) {}

  get reached(): MergeJobState {
    return this.state;
  }

  /** What is wrong with the next event, in words; null when it follows. Once something was wrong there is no next. */
  problemWith(recorded: RecordedEvent, event: MergeJobEvent): string | null {
    const problem = this.undecided(event) ?? this.wrongCount(event) ?? this.wrongRun(recorded, event);
    if (problem !== null) return problem;
    this.state = evolve(this.state, event);
    this.before = recorded;
    return null;
  }

  private undecided(event: MergeJobEvent): string | null {
    const decision = decide(commandFor(event), this.state);
    if (!decision.ok) return `cannot follow here: ${JSON.stringify(decision.error)}`;
    const expected = this.digests.canonicalJson(decision.value[0]);
    const found = this.digests.canonicalJson(event);
    return expected === found
      ? null
      : `is not what follows from the events before it: expected ${expected}, found ${found}`;
  }

  /** A verification has read what was merged, each block once: no more and no fewer. */
  private wrongCount(event: MergeJobEvent): string | null {
    if (event.type !== 'MergeVerified') return null;
    const { blocks, bytes } = committedOf(this.state);
    if (event.blocks === blocks && event.bytes === bytes) return null;
    return `says that ${String(event.blocks)} blocks, ${String(event.bytes)} bytes were verified, but merged were ${String(blocks)} blocks, ${String(bytes)} bytes`;
  }

  /** Each run says who it is with its first event, and its number is one more than that of the run before. */
  private wrongRun(recorded: RecordedEvent, event: MergeJobEvent): string | null {
    const epoch = isUnfinished(this.state) ? this.state.epoch : 0;
    switch (event.type) {
      case 'MergeResumed':
      case 'MergeRecovered':
        return event.run.epoch === epoch + 1 ? null : wrongEpoch(event.run.epoch, epoch + 1);
      case 'MergeStarted':
        if (event.run.epoch !== epoch) return wrongEpoch(event.run.epoch, epoch);
        return this.otherWriter(recorded);
      case 'MergeRequested':
      case 'MergeTerminated':
      case 'JobMoved':
        return null;
      case 'BlockMerged':
        if (recorded.meta.leaseEpoch !== event.epoch) return wrongEpoch(recorded.meta.leaseEpoch, event.epoch);
        return this.otherWriter(recorded);
      case 'MergeRefused':
      case 'ChainAccepted':
      case 'LinkPrepared':
      case 'DestinationClaimed':
      case 'MergeSuspended':
      case 'JournalOutageEnded':
      case 'DestinationFinalized':
      case 'MergeVerified':
      case 'ChildReparented':
      case 'SourceRetired':
      case 'MergeCompleted':
      case 'MergeFailed':
        return this.otherWriter(recorded);
    }
  }

  private otherWriter({ meta: { actor } }: RecordedEvent): string | null {
    if (this.before === null) return null;
    const { host, pid } = this.before.meta.actor;
    if (actor.host === host && actor.pid === pid) return null;
    return `was appended by process ${String(actor.pid)} on ${actor.host}, but the run under way is process ${String(pid)} on ${host}`;
  }
}

const wrongEpoch = (found: number, expected: number): string =>
  `has epoch ${String(found)}, expected ${String(expected)}`;

/** What must have been asked for this event to be there. */
const commandFor = (event: MergeJobEvent): MergeJobCommand => {
  switch (event.type) {
    case 'MergeRequested': {
      const { type: _, ...request } = event;
      return { type: 'RequestMerge', request };
    }
    case 'MergeRefused':
      return { type: 'RefuseMerge', error: event.error };
    case 'ChainAccepted': {
      const { type: _, ...chain } = event;
      return { type: 'AcceptChain', chain };
    }
    case 'MergeStarted': {
      const { type: _, ...start } = event;
      return { type: 'StartMerge', start };
    }
    case 'LinkPrepared': {
      const { type: _, ...link } = event;
      return { type: 'PrepareLink', link };
    }
    case 'DestinationClaimed': {
      const { type: _, ...claim } = event;
      return { type: 'ClaimDestination', claim };
    }
    case 'BlockMerged':
      return commandForBlock(event);
    case 'MergeSuspended':
      return { type: 'SuspendMerge', by: event.by, why: event.why, missingBytes: event.missingBytes };
    case 'MergeResumed':
      return { type: 'ResumeMerge', run: event.run, by: event.by };
    case 'MergeRecovered': {
      const { type: _, ...recovery } = event;
      return { type: 'RecoverMerge', recovery };
    }
    case 'MergeTerminated':
      return { type: 'TerminateMerge', by: event.by, why: event.why };
    case 'JobMoved': {
      const { type: _, ...move } = event;
      return { type: 'MoveJob', move };
    }
    case 'JournalOutageEnded': {
      const { type: _, ...outage } = event;
      return { type: 'ReportJournalOutage', outage };
    }
    case 'DestinationFinalized': {
      const { type: _, ...destination } = event;
      return { type: 'FinalizeDestination', destination };
    }
    case 'MergeVerified': {
      const { type: _, ...verification } = event;
      return { type: 'ConfirmVerification', verification };
    }
    case 'ChildReparented': {
      const { type: _, ...step } = event;
      return { type: 'RecordReparenting', step };
    }
    case 'SourceRetired': {
      const { type: _, ...step } = event;
      return { type: 'RecordRetirement', step };
    }
    case 'MergeCompleted': {
      const { type: _, blocks: _blocks, bytes: _bytes, retire: _retire, ...completion } = event;
      return { type: 'CompleteMerge', completion };
    }
    case 'MergeFailed':
      return { type: 'FailMerge', error: event.error, resumable: event.resumable, nextStep: event.nextStep };
  }
};

const commandForBlock = (event: BlockMerged): MergeJobCommand => {
  const { type: _, epoch, repair, totals: _totals, ...block } = event;
  return repair ? { type: 'ConfirmRepair', epoch, block } : { type: 'ConfirmWindow', epoch, blocks: [block] };
};

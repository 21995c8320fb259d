import { committedOf, isUnfinished, initialState, type MergeJobState } from '#domain/merge-job/state';
import type { ControlRequest } from '#domain/merge-job/control';
import type { ChainAccepted, ImageRecord, MergeJobEvent } from '#domain/merge-job/events';
import { evolve } from '#domain/merge-job/merge-job';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { CommitLine } from './commit-line.js';
import { ExcerptOf } from './excerpt.js';
import type {
  AuditReport,
  DestinationAfter,
  Outcome,
  ReportedBlock,
  ReportedChain,
  ReportedControlRequest,
  ReportedImage,
  ReportedOutage,
  ReportedRepair,
  ReportedRequest,
  ReportedRetirement,
  ReportedStep,
  ReportedVerification,
} from './report.js';
import { RunHistory } from './run-history.js';

/** All digests of a small merge; of a larger one enough to compare by eye, and the rest is in the trail. */
export const MOST_DIGESTS = 200;
export const DIGESTS_AT_EACH_END = 20;
const MOST_OF_ANYTHING = 100;
const AT_EACH_END = 40;

/** What the events alone give. */
export type ToldByEvents = Omit<
  AuditReport,
  'jobId' | 'made' | 'verdict' | 'streams' | 'signature' | 'knownHead' | 'data'
>;

/** Reads a job's events once, in order, and keeps a bounded part of them. They must be events that an audit found right. */
export class ReportBuilder {
  private state: MergeJobState = initialState;
  private outcome: Outcome = { kind: 'none', at: null, by: null, detail: null };
  private request: ReportedRequest | null = null;
  private chain: ReportedChain | null = null;
  private destinationAfter: DestinationAfter | null = null;
  private verification: ReportedVerification | null = null;
  private sourceViewDigest: string | null = null;
  private lastEventAt: number | null = null;
  private readonly runs = new RunHistory();
  private readonly line = new CommitLine();
  private readonly outages = excerpt<ReportedOutage>();
  private readonly repairs = excerpt<ReportedRepair>();
  private readonly controlRequests = excerpt<ReportedControlRequest>();
  private readonly blocks = new ExcerptOf<ReportedBlock>(MOST_DIGESTS, DIGESTS_AT_EACH_END);
  private readonly children = new Map<string, ReportedStep>();
  private readonly retired = new Map<string, ReportedRetirement>();

  add(recorded: RecordedEvent, event: MergeJobEvent): void {
    const at = recorded.occurredAt;
    this.state = evolve(this.state, event);
    this.lastEventAt = at;
    this.outcome = outcomeAfter(event, at, this.state) ?? this.outcome;
    this.runs.add(recorded, event);
    switch (event.type) {
      case 'MergeRequested':
        this.request = requestOf(recorded, event);
        break;
      case 'ChainAccepted':
        this.chain = chainOf(event, at);
        break;
      case 'MergeStarted':
        this.sourceViewDigest = event.sourceViewDigest;
        this.line.add(at, 0);
        break;
      case 'BlockMerged':
        this.block(event, at);
        break;
      case 'JournalOutageEnded': {
        const { since, until, attempts, reason } = event;
        this.outages.add({ epoch: this.runs.epoch, since, until, attempts, reason });
        break;
      }
      case 'DestinationFinalized': {
        const { identity, virtualSizeBytes, file } = event;
        this.destinationAfter = { at, identity, virtualSizeBytes, file };
        break;
      }
      case 'MergeVerified': {
        const { mode, blocks, bytes, readFrom, viewDigest } = event;
        const { sourceViewDigest } = this;
        this.verification = { at, mode, blocks, bytes, readFrom, viewDigest, sourceViewDigest };
        break;
      }
      case 'ChildReparented':
        this.children.set(event.path, { path: event.path, step: event.step, at });
        break;
      case 'SourceRetired': {
        const { path, step, action, target } = event;
        this.retired.set(path, { path, step, at, action, target });
        break;
      }
      case 'MergeRefused':
      case 'LinkPrepared':
      case 'DestinationClaimed':
      case 'MergeSuspended':
      case 'MergeResumed':
      case 'MergeRecovered':
      case 'MergeTerminated':
      case 'JobMoved':
      case 'MergeCompleted':
      case 'MergeFailed':
        break;
    }
  }

  addControl({ occurredAt, meta: { actor } }: RecordedEvent, { type, by, why }: ControlRequest): void {
    const what = type === 'SuspendRequested' ? 'suspend' : 'terminate';
    this.controlRequests.add({ at: occurredAt, what, by, why, host: actor.host, pid: actor.pid });
  }

  told(): ToldByEvents {
    const { blocks, bytes } = committedOf(this.state);
    return {
      outcome: this.outcome,
      request: this.request,
      chain: this.chain,
      destinationAfter: this.destinationAfter,
      lastEventAt: this.lastEventAt,
      ...this.runs.told(),
      outages: this.outages.excerpt(),
      repairs: this.repairs.excerpt(),
      children: [...this.children.values()],
      retired: [...this.retired.values()],
      controlRequests: this.controlRequests.excerpt(),
      committed: { blocks, bytes },
      blocks: this.blocks.excerpt(),
      verification: this.verification,
      timeline: this.line.timeline(),
    };
  }

  private block(event: Extract<MergeJobEvent, { type: 'BlockMerged' }>, at: number): void {
    const { block, bytes, digest, epoch, repair } = event;
    this.line.add(at, event.totals.bytes);
    this.blocks.add({ block, at, bytes, digest, epoch, repair });
    if (!repair) return;
    // The destination changed again, and is finalized anew.
    this.destinationAfter = null;
    this.repairs.add({ at, epoch, block, bytes });
  }
}

const excerpt = <T>(): ExcerptOf<T> => new ExcerptOf<T>(MOST_OF_ANYTHING, AT_EACH_END);

const requestOf = (
  { occurredAt, meta }: RecordedEvent,
  { source, destination, options, requester }: Extract<MergeJobEvent, { type: 'MergeRequested' }>,
): ReportedRequest => ({
  at: occurredAt,
  source,
  destination,
  ...requester,
  door: meta.actor.kind,
  appVersion: meta.appVersion,
  options,
});

const chainOf = (event: ChainAccepted, at: number): ReportedChain => {
  const { blocks, bytes, newBlocks, spaceNeededBytes, spaceFreeBytes, missingProtection } = event;
  const last = event.images.length - 1;
  const as = (role: ReportedImage['role'], images: readonly ImageRecord[]): readonly ReportedImage[] =>
    images.map((image) => ({ role, ...image }));
  const images = [
    ...as('source', event.images.slice(0, 1)),
    ...as('between', event.images.slice(1, last)),
    ...as('destination', event.images.slice(last)),
    ...as('below', event.ancestors),
    ...as('child of the source', event.children),
    ...as('allowed sibling', event.siblings),
  ];
  return { at, images, blocks, bytes, newBlocks, spaceNeededBytes, spaceFreeBytes, missingProtection };
};

/** Null: the event does not change how the job stands. */
const outcomeAfter = (event: MergeJobEvent, at: number, state: MergeJobState): Outcome | null => {
  switch (event.type) {
    case 'MergeCompleted':
      return { kind: 'completed', at, by: null, detail: null };
    case 'MergeTerminated':
      return { kind: 'terminated', at, by: event.by, detail: event.why };
    case 'MergeRefused':
      return { kind: 'refused', at, by: null, detail: event.error.message };
    case 'JobMoved':
      return { kind: 'moved', at, by: event.by, detail: event.to };
    case 'MergeSuspended':
      return { kind: 'unfinished', at, by: event.by, detail: `suspended: ${event.why}` };
    case 'MergeFailed':
      return { kind: event.resumable ? 'unfinished' : 'failed', at, by: null, detail: event.error.message };
    case 'MergeRequested':
    case 'ChainAccepted':
    case 'MergeStarted':
    case 'LinkPrepared':
    case 'DestinationClaimed':
    case 'BlockMerged':
    case 'MergeResumed':
    case 'MergeRecovered':
    case 'JournalOutageEnded':
    case 'DestinationFinalized':
    case 'MergeVerified':
    case 'ChildReparented':
    case 'SourceRetired':
      return isUnfinished(state) ? { kind: 'unfinished', at: null, by: null, detail: null } : null;
  }
};

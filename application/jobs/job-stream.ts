import type { MergeJobCommand } from '#domain/merge-job/commands';
import type { MergeJobEvent } from '#domain/merge-job/events';
import type { ReparentJobEvent } from '#domain/reparent-job/events';
import { decide, evolve } from '#domain/merge-job/merge-job';
import { initialState, type MergeJobState } from '#domain/merge-job/state';
import type { PatientStore } from '../journal/patient-store.js';
import { emptyHead, seal, type ChainHead, type EventMeta, type RecordedEvent } from '../journal/recorded-event.js';
import type { Clock } from '../ports/clock.js';
import type { Digests } from '../ports/digests.js';
import type { EventCodec } from '../ports/event-codec.js';
import { EventStoreFault, type EventStore } from '../ports/event-store.js';
import type { HeadSigner } from '../ports/head-signer.js';
import type { Host } from '../ports/host.js';
import type { Identifiers } from '../ports/identifiers.js';
import { readJobState } from './read-job-state.js';

export interface JournalPorts {
  readonly store: EventStore;
  readonly codec: EventCodec;
  readonly digests: Digests;
  readonly identifiers: Identifiers;
  readonly clock: Clock;
  readonly host: Host;
  readonly signer: HeadSigner;
}

export const JOB_STREAM_PREFIX = 'merge-';
export const jobStreamName = (jobId: string): string => `${JOB_STREAM_PREFIX}${jobId}`;
export const controlStreamName = (jobId: string): string => `control-${jobId}`;
export const jobIdOf = (stream: string): string => stream.slice(JOB_STREAM_PREFIX.length);

/**
 * The stream does not end where this run ended it: it writes nothing more, to any file. Somebody else appended, or the journal holds
 * less than it had acknowledged: it was emptied, or restored from a copy.
 */
export class JobTakenOver extends Error {
  constructor(
    readonly jobId: string,
    readonly found: 'other events' | 'fewer events',
  ) {
    super(`the stream of job ${jobId} has ${found}`);
    this.name = 'JobTakenOver';
  }
}

/**
 * One job's stream with its state. Every event goes through `decide`, is sealed after the head that we know, and is appended at
 * exactly that revision: if anyone else has appended meanwhile, the append fails and this run stops.
 */
export class JobStream {
  private constructor(
    readonly jobId: string,
    private readonly ports: JournalPorts,
    private job: MergeJobState,
    private head: ChainHead,
    private readonly patient: PatientStore | null = null,
  ) {}

  static async open(jobId: string, ports: JournalPorts): Promise<JobStream> {
    const { state, head } = await readJobState(jobStreamName(jobId), ports);
    return new JobStream(jobId, ports, state, head);
  }

  static empty(jobId: string, ports: JournalPorts): JobStream {
    return new JobStream(jobId, ports, initialState, emptyHead(jobStreamName(jobId), ports.digests));
  }

  /** The same job through a store that waits while the journal is away; each outage goes into the stream with the append after it. */
  through(patient: PatientStore): JobStream {
    return new JobStream(this.jobId, { ...this.ports, store: patient }, this.job, this.head, patient);
  }

  get name(): string {
    return jobStreamName(this.jobId);
  }

  get state(): MergeJobState {
    return this.job;
  }

  /** Revision of the last event, -1 for none. */
  get revision(): number {
    return this.head.revision;
  }

  /**
   * Decides and appends. Durable when it returns. Several commands are one append: all of their events or none.
   * Throws `JobTakenOver` at a wrong revision, and a bug when the aggregate refuses: a run asks only for what its state allows.
   */
  async record(...commands: readonly MergeJobCommand[]): Promise<readonly RecordedEvent[]> {
    let next = this.job;
    const events: MergeJobEvent[] = [];
    const outages = this.patient?.outages ?? [];
    const reports = outages.map((outage): MergeJobCommand => ({ type: 'ReportJournalOutage', outage }));
    for (const command of [...reports, ...commands]) {
      const decision = decide(command, next);
      if (!decision.ok)
        throw new Error(`Bug: job ${this.jobId} refused ${command.type}: ${JSON.stringify(decision.error)}`);
      for (const event of decision.value) next = evolve(next, event);
      events.push(...decision.value);
    }
    const sealed = seal(
      this.name,
      this.head,
      events.map((event) => this.envelope(event, next)),
      this.ports,
    );
    await this.append(sealed);
    this.patient?.outagesAreRecorded(outages.length);
    const last = sealed.at(-1);
    if (last !== undefined) this.head = { revision: last.revision, hash: last.hash };
    this.job = next;
    return sealed;
  }

  private envelope(event: MergeJobEvent, state: MergeJobState): Parameters<typeof seal>[2][number] {
    const { clock, codec } = this.ports;
    return {
      ...codec.encode(event),
      occurredAt: clock.now(),
      meta: metaFor(this.jobId, this.ports.host, epochOf(state) ?? epochOf(this.job) ?? 0),
      isSigned: ENDS_A_RUN.has(event.type),
    };
  }

  /** For a stream that is found to end at another revision than ours. */
  otherwise(foundRevision: number): JobTakenOver {
    return new JobTakenOver(this.jobId, foundRevision < this.head.revision ? 'fewer events' : 'other events');
  }

  /** An append whose outcome is unknown is made again with the same events at the same revision: it cannot happen twice. */
  private async append(events: readonly RecordedEvent[]): Promise<void> {
    const { store, clock } = this.ports;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await store.append(this.name, this.head.revision, events);
        if (answer.outcome === 'wrong-revision') throw this.otherwise(answer.actualRevision);
        return;
      } catch (fault) {
        // One that is unreachable was waited for already.
        const isLast =
          attempt === APPEND_ATTEMPTS || (fault instanceof EventStoreFault && fault.kind === 'unreachable');
        if (!(fault instanceof EventStoreFault) || isLast) throw fault;
        await clock.sleep(attempt * 100);
      }
    }
  }
}

/** The number of the run; a job that has ended has none any more. */
const epochOf = (state: MergeJobState): number | null => ('epoch' in state ? state.epoch : null);

const APPEND_ATTEMPTS = 3;

/** After these a stream may stay as it is for years, so their head is signed. */
export const ENDS_A_RUN: ReadonlySet<string> = new Set<(MergeJobEvent | ReparentJobEvent)['type']>([
  'MergeCompleted',
  'MergeTerminated',
  'MergeRefused',
  'MergeFailed',
  'MergeSuspended',
  'JobMoved',
  'ReparentRefused',
  'ParentLinkChanged',
  'ReparentFailed',
]);

/** The envelope's words about who appends, for a job's own stream and for its control stream. */
export const metaFor = (jobId: string, host: Host, leaseEpoch: number): EventMeta => ({
  $correlationId: jobId,
  $causationId: jobId,
  actor: { kind: host.door, id: host.user, host: host.name, pid: host.pid },
  appVersion: host.engineVersion,
  leaseEpoch,
});

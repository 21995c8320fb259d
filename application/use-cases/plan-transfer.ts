import { isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { controlStreamName, jobStreamName, type JournalPorts } from '../jobs/job-stream.js';
import { readJobState } from '../jobs/read-job-state.js';
import type { ChainHead, RecordedEvent } from '../journal/recorded-event.js';
import { PresentStream, Windows } from '../journal/transfer.js';
import type { EventStore } from '../ports/event-store.js';
import { JobAuditor } from './audit-one-job.js';

/** A stream that is to be in another journal up to `to`. */
export interface PlannedStream {
  readonly stream: string;
  readonly to: ChainHead;
  /** Last event of each append, ascending; the last is `to`. Their hashes say exactly which events were looked at. */
  readonly windows: readonly ChainHead[];
  /** Revision up to which the other journal has it already, the same to the byte; -1 for none. */
  readonly present: number;
  /** What the other journal holds after `to`: the job has gone on there, or has left it again. Null for nothing. */
  readonly beyond: RecordedEvent | null;
}

export interface PlannedJob {
  readonly jobId: string;
  readonly merge: PlannedStream;
  readonly control: PlannedStream | null;
  /** As it will be there: without its last event when that says that it was moved. As it is there, when it has gone further. */
  readonly state: MergeJobState;
  /** The journal that its last event names, which stays behind; null when it has no such event. */
  readonly movedTo: string | null;
}

/** `wrong`: no event of a sound job. `differs`: the other journal has another event at this place. */
export interface TransferProblem {
  readonly kind: 'wrong' | 'differs';
  readonly stream: string;
  readonly revision: number;
  readonly what: string;
}

/**
 * Looks at every event that is to go into another journal before the first one does: is the job sound by all rules of the audit, and
 * does the journal hold nothing else in its place? Events come stream after stream. Writes nothing; memory goes by the number of jobs.
 */
export class TransferPlanner {
  private readonly jobs = new Map<string, JobPlan>();
  private open: StreamPlan | null = null;

  constructor(
    private readonly target: EventStore,
    private readonly ports: JournalPorts,
  ) {}

  /** The first problem ends the plan. */
  async take(event: RecordedEvent): Promise<TransferProblem | null> {
    const { stream, revision } = event;
    const jobId = /^(?:merge|control)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(stream)?.[1];
    if (jobId === undefined) return { kind: 'wrong', stream, revision, what: 'is of a stream that is no job’s' };
    const job = this.jobs.get(jobId) ?? new JobPlan(jobId, this.ports);
    this.jobs.set(jobId, job);
    const wrong = job.judge(event);
    if (wrong !== null) return { kind: 'wrong', stream, revision, what: wrong };
    if (job.movedTo !== null && stream === jobStreamName(jobId)) return null;
    if (this.open?.stream !== stream) this.open = await this.opened(job, stream);
    const other = await this.open.take(event);
    return other === null
      ? null
      : {
          kind: 'differs',
          stream,
          revision,
          what: `is ${other.type} with hash ${other.hash} there, and ${event.type} here`,
        };
  }

  /** All events were taken. */
  async planned(): Promise<Result<readonly PlannedJob[], TransferProblem>> {
    await this.endOpen();
    const planned: PlannedJob[] = [];
    for (const job of this.jobs.values()) {
      const plan = job.planned();
      if (plan === null) {
        const what = 'belongs to a job whose own stream is missing';
        return err({ kind: 'wrong', stream: controlStreamName(job.jobId), revision: 0, what });
      }
      planned.push(plan.merge.beyond === null ? plan : { ...plan, state: await this.stateThere(plan) });
    }
    return ok(planned);
  }

  async close(): Promise<void> {
    await this.open?.close();
    this.open = null;
  }

  /** The stream that was taken last is complete, here. */
  private async endOpen(): Promise<void> {
    await this.open?.lookBeyond();
    await this.close();
  }

  private async stateThere({ merge: { stream } }: PlannedJob): Promise<MergeJobState> {
    return (await readJobState(stream, { ...this.ports, store: this.target })).state;
  }

  private async opened(job: JobPlan, stream: string): Promise<StreamPlan> {
    await this.endOpen();
    return job.stream(stream, this.target);
  }
}

class JobPlan {
  movedTo: string | null = null;
  private readonly auditor: JobAuditor;
  private readonly streams = new Map<string, StreamPlan>();
  private state: MergeJobState;

  constructor(
    readonly jobId: string,
    private readonly ports: JournalPorts,
  ) {
    this.auditor = new JobAuditor(jobId, {}, ports);
    this.state = this.auditor.reached;
  }

  judge(event: RecordedEvent): string | null {
    const auditor = event.stream === jobStreamName(this.jobId) ? this.auditor.merge : this.auditor.control;
    auditor.next(event);
    if (auditor.problem !== null) return auditor.problem.what;
    const { reached } = this.auditor;
    if (reached.phase === 'moved') this.movedTo = reached.to;
    else this.state = reached;
    return null;
  }

  stream(stream: string, target: EventStore): StreamPlan {
    const plan = new StreamPlan(stream, target);
    this.streams.set(stream, plan);
    return plan;
  }

  planned(): PlannedJob | null {
    const { jobId, state, movedTo } = this;
    const merge = this.streams.get(jobStreamName(jobId))?.planned() ?? null;
    const control = this.streams.get(controlStreamName(jobId))?.planned() ?? null;
    return merge === null ? null : { jobId, merge, control, state, movedTo };
  }
}

class StreamPlan {
  private readonly windows = new Windows();
  private readonly ends: ChainHead[] = [];
  private readonly present: PresentStream;
  private beyond: RecordedEvent | null = null;

  constructor(
    readonly stream: string,
    target: EventStore,
  ) {
    this.present = new PresentStream(stream, target);
  }

  async take(event: RecordedEvent): Promise<RecordedEvent | null> {
    this.endOf(this.windows.add(event) ?? []);
    return await this.present.otherThan(event);
  }

  planned(): PlannedStream | null {
    this.endOf(this.windows.rest());
    const to = this.ends.at(-1);
    const present = this.present.common?.revision ?? -1;
    return to === undefined ? null : { stream: this.stream, to, windows: this.ends, present, beyond: this.beyond };
  }

  async lookBeyond(): Promise<void> {
    this.beyond = await this.present.beyond();
  }

  async close(): Promise<void> {
    await this.present.close();
  }

  private endOf(window: readonly RecordedEvent[]): void {
    const last = window.at(-1);
    if (last !== undefined) this.ends.push({ revision: last.revision, hash: last.hash });
  }
}

/** Would it be run where it is put? */
export const isToGoOn = ({ state }: PlannedJob): boolean => isUnfinished(state);

import type { MergeError } from '#domain/merge-error';
import { initialState, type MergeJobState } from '#domain/merge-job/state';
import { ok, type Result } from '#domain/result';
import { controlStreamName, jobStreamName } from '../jobs/job-stream.js';
import { brokenLink, emptyHead, seal, type ChainHead, type RecordedEvent } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import { auditData, type DataAudit } from './audit-data.js';
import { JobRules } from './audit-rules.js';
import { findJob } from './find-job.js';

export interface StreamAudit {
  readonly stream: string;
  /** The last event that is right: to be kept elsewhere, so that a rewritten or a cut stream is known by it. */
  readonly head: ChainHead;
  readonly events: number;
  readonly problem: AuditProblem | null;
}

/** The first thing that is wrong. `revision` null: it is not about one event, but about what the store keeps beside them. */
export interface AuditProblem {
  readonly revision: number | null;
  readonly what: string;
}

export interface JobAudit {
  readonly jobId: string;
  readonly streams: readonly StreamAudit[];
  readonly data: DataAudit | null;
  readonly isRight: boolean;
}

/** Checks what a journal says of a job: that nothing was changed, that it could have happened, and that the disk says the same. */
export class AuditJob {
  constructor(private readonly ports: RunPorts) {}

  /** `withData`: reads the destination, and compares each block with its recorded digest. */
  async audit(name: string, withData: boolean): Promise<Result<JobAudit, MergeError>> {
    const job = await findJob(name, this.ports.store);
    if (!job.ok) return job;
    const jobId = job.value;
    const rules = new JobRules(initialState, this.ports.digests);
    const { codec } = this.ports;
    const merge = await this.stream(jobStreamName(jobId), (event) =>
      rules.problemWith(event, codec.decodeJobEvent(event)),
    );
    const control = await this.stream(controlStreamName(jobId), (event) => {
      codec.decodeControlRequest(event);
      return null;
    });
    const data = withData && merge.problem === null ? await this.data(jobId, rules.reached) : null;
    const streams = [merge, control];
    const isRight =
      streams.every(({ problem }) => problem === null) &&
      (!withData || (data !== null && data.differing.length === 0 && data.unreadable === null));
    return ok({ jobId, streams, data, isRight });
  }

  private async stream(stream: string, judge: (event: RecordedEvent) => string | null): Promise<StreamAudit> {
    let head = emptyHead(stream, this.ports.digests);
    const result = (problem: AuditProblem | null): StreamAudit => ({
      stream,
      head,
      events: head.revision + 1,
      problem,
    });
    try {
      for await (const event of this.ports.store.read(stream)) {
        const what = this.changed(event, stream, head) ?? judge(event);
        if (what !== null) return result({ revision: head.revision + 1, what: `${event.type} ${what}` });
        head = { revision: event.revision, hash: event.hash };
      }
    } catch (fault) {
      if (!(fault instanceof UnreadableEvent)) throw fault;
      return result({ revision: fault.revision, what: fault.message });
    }
    const [beside] = await this.ports.store.checkBeside(stream);
    return result(beside === undefined ? null : { revision: null, what: beside });
  }

  /** Was the event changed, moved or replaced after it was sealed? */
  private changed(event: RecordedEvent, stream: string, head: ChainHead): string | null {
    const broken = brokenLink(event, stream, head, this.ports.digests);
    if (broken !== null) return broken;
    const [again] = seal(stream, head, [event], this.ports);
    return again?.id === event.id ? null : `has id ${event.id}, but its content gives ${String(again?.id)}`;
  }

  private async data(jobId: string, state: MergeJobState): Promise<DataAudit> {
    return await auditData(jobId, state, this.ports);
  }
}

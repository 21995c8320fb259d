import { initialState, type MergeJobState } from '#domain/merge-job/state';
import { controlStreamName, jobStreamName } from '../jobs/job-stream.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { EventCodec } from '../ports/event-codec.js';
import type { DataAudit } from './audit-data.js';
import type { AuditOptions, JobAudit } from './audit-job.js';
import { JobRules } from './audit-rules.js';
import { StreamAuditor, type StreamExpected, type StreamTools } from './audit-stream.js';

/** The two streams of one job, each judged by its own rules. */
export class JobAuditor {
  readonly merge: StreamAuditor;
  readonly control: StreamAuditor;
  private readonly rules: JobRules;

  constructor(
    readonly jobId: string,
    private readonly options: AuditOptions,
    tools: StreamTools & { readonly codec: EventCodec },
  ) {
    const { codec } = tools;
    const rules = new JobRules(initialState, tools.digests);
    this.rules = rules;
    const [merge, control] = [jobStreamName(jobId), controlStreamName(jobId)];
    this.merge = new StreamAuditor(
      merge,
      expectedOf(merge, options),
      (event) => ofOtherJob(event, jobId) ?? rules.problemWith(event, codec.decodeJobEvent(event)),
      tools,
    );
    this.control = new StreamAuditor(
      control,
      expectedOf(control, options),
      (event) => {
        codec.decodeControlRequest(event);
        return ofOtherJob(event, jobId);
      },
      tools,
    );
  }

  /** The state after the last event that is right. */
  get reached(): MergeJobState {
    return this.rules.reached;
  }

  /** `data` null: it was not compared, because nobody asked or because the stream is wrong. */
  result(data: DataAudit | null): JobAudit {
    const streams = [this.merge.result, this.control.result];
    const isDataRight = data !== null && data.differing.length === 0 && data.unreadable === null;
    return {
      jobId: this.jobId,
      streams,
      data,
      signature: this.merge.signature,
      knownHead: this.merge.known,
      isRight: streams.every(({ problem }) => problem === null) && (this.options.withData !== true || isDataRight),
    };
  }
}

/** Whoever looks for events by their correlation, as stores with links do, must find those of this job. */
const ofOtherJob = ({ meta: { $correlationId: named } }: RecordedEvent, jobId: string): string | null =>
  named === jobId ? null : `says that it belongs to job ${named}, but it stands in the stream of job ${jobId}`;

const expectedOf = (
  stream: string,
  { trustedKeys = [], mustBeSigned = false, knownHead = () => null }: AuditOptions,
): StreamExpected => ({ trustedKeys, mustBeSigned, knownHead: knownHead(stream) });

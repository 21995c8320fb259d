import { controlStreamName, jobIdOf, JOB_STREAM_PREFIX, jobStreamName } from '../jobs/job-stream.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { readTrail, TrailFlaw, type TrailEnd } from '../journal/trail.js';
import type { RunPorts } from '../merge/run-context.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import { auditData } from './audit-data.js';
import { keyFingerprint } from './audit-fingerprint.js';
import type { AuditOptions, JobAudit } from './audit-job.js';
import { JobAuditor } from './audit-one-job.js';

export interface TrailAudit {
  /**
   * Those that were asked for, in the order of the file. When something is wrong with the file, only those that are wrong
   * themselves: nothing in such a file is proven.
   */
  readonly jobs: readonly JobAudit[];
  /** What is wrong with the file as a file, as a sentence; null when it is whole and as its writer signed it. */
  readonly problem: string | null;
  /** The end of the file: who signed it, what it holds. Null when it was not reached. */
  readonly end: TrailEnd | null;
  readonly isRight: boolean;
}

type TrailOptions = AuditOptions & { readonly job?: string | null };

/** One pass over the lines; a job's streams may stand anywhere in them. Memory goes by the number of jobs, not of events. */
export const auditTrail = async (
  lines: () => AsyncIterable<string>,
  options: TrailOptions,
  ports: RunPorts,
): Promise<TrailAudit> => {
  const jobs = new JobsOfTrail(options, ports);
  const { end, flaw } = await readThrough(lines(), jobs, ports);
  if (end === null) return { jobs: [], problem: flaw, end, isRight: false };
  const problem = jobs.missing() ?? nobodyExpected(end, jobs.all(), options, ports);
  const audits: JobAudit[] = [];
  for (const auditor of jobs.all()) {
    const isWanted = options.withData === true && problem === null && auditor.merge.problem === null;
    const events = (): AsyncIterable<RecordedEvent> => eventsAgain(jobStreamName(auditor.jobId), lines(), end, ports);
    audits.push(auditor.result(isWanted ? await auditData(events, auditor.reached, ports) : null));
  }
  return {
    jobs: problem === null ? audits : audits.filter(({ isRight }) => !isRight),
    problem,
    end,
    isRight: problem === null && audits.every(({ isRight }) => isRight),
  };
};

const readThrough = async (
  lines: AsyncIterable<string>,
  jobs: JobsOfTrail,
  ports: RunPorts,
): Promise<{ readonly end: TrailEnd; readonly flaw: null } | { readonly end: null; readonly flaw: string }> => {
  const events = readTrail(lines, ports);
  try {
    for (;;) {
      const step = await events.next();
      if (step.done === true) {
        jobs.ended();
        return { end: step.value, flaw: null };
      }
      jobs.next(step.value);
    }
  } catch (flaw) {
    if (!(flaw instanceof TrailFlaw)) throw flaw;
    return { end: null, flaw: flaw.message };
  }
};

/**
 * The file's own signature is by whoever exported it, which need not be whoever merged: the key is named, and is right. But a job
 * without a signature of its own, one that was killed or cut off, has only the file's to stand on: then that must be by an expected key.
 */
const nobodyExpected = (
  { signature }: TrailEnd,
  jobs: readonly JobAuditor[],
  { trustedKeys = [] }: TrailOptions,
  { digests }: RunPorts,
): string | null => {
  if (trustedKeys.length === 0 || trustedKeys.includes(signature.publicKey)) return null;
  const unsigned = jobs.find(({ merge }) => merge.problem === null && merge.signature.lastSignedRevision === null);
  if (unsigned === undefined) return null;
  const trusted = trustedKeys.map((key) => keyFingerprint(key, digests)).join(' or ');
  return `No event of job ${unsigned.jobId} is signed, and the file is signed by key ${keyFingerprint(signature.publicKey, digests)}, expected ${trusted}`;
};

/** The file is read once more: what was judged must be what is compared. Throws `UnreadableEvent` when it changed meanwhile. */
async function* eventsAgain(
  stream: string,
  lines: AsyncIterable<string>,
  { sha256 }: TrailEnd,
  ports: RunPorts,
): AsyncGenerator<RecordedEvent> {
  const events = readTrail(lines, ports);
  try {
    for (;;) {
      const step = await events.next();
      if (step.done === true) {
        if (step.value.sha256 !== sha256) throw new UnreadableEvent(stream, 0, CHANGED);
        return;
      }
      if (step.value.stream === stream) yield step.value;
    }
  } catch (flaw) {
    if (!(flaw instanceof TrailFlaw)) throw flaw;
    throw new UnreadableEvent(stream, 0, `${CHANGED}: ${flaw.message}`);
  }
}

const CHANGED = 'the file was changed while it was audited; audit it again';

const CONTROL_STREAM_PREFIX = controlStreamName('');

/** As this program names a job: a GUID in lower case. */
const JOB_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

class JobsOfTrail {
  private readonly auditors = new Map<string, JobAuditor>();
  private stranger: string | null = null;

  constructor(
    private readonly options: TrailOptions,
    private readonly ports: RunPorts,
  ) {}

  next(event: RecordedEvent): void {
    const { stream } = event;
    const isControl = stream.startsWith(CONTROL_STREAM_PREFIX);
    const jobId = isControl ? stream.slice(CONTROL_STREAM_PREFIX.length) : jobIdOf(stream);
    if (!JOB_ID.test(jobId) || !(isControl || stream.startsWith(JOB_STREAM_PREFIX))) {
      this.stranger ??= stream;
      return;
    }
    const auditor = this.auditorOf(jobId);
    if (isControl) auditor?.control.next(event);
    else auditor?.merge.next(event);
  }

  /** What a whole file should hold and does not. */
  missing(): string | null {
    if (this.stranger !== null) return `The file holds a stream that is not of a job: ${this.stranger}`;
    const bare = this.all().find(({ merge }) => merge.problem === null && merge.result.events === 0);
    if (bare !== undefined) return `The file holds requests to job ${bare.jobId}, and not the job itself`;
    const { job = null } = this.options;
    if (job === null) return this.auditors.size > 0 ? null : 'The file holds no job';
    if (this.auditors.size === 0) return `The file holds no job ${job}`;
    return this.auditors.size === 1 ? null : `Several jobs in the file begin with ${job}: write more of the id`;
  }

  all(): readonly JobAuditor[] {
    return [...this.auditors.values()];
  }

  ended(): void {
    for (const { merge, control } of this.all()) for (const stream of [merge, control]) stream.ended();
  }

  private auditorOf(jobId: string): JobAuditor | null {
    const { job = null } = this.options;
    if (job !== null && !jobId.startsWith(job.toLowerCase())) return null;
    const known = this.auditors.get(jobId);
    if (known !== undefined) return known;
    const auditor = new JobAuditor(jobId, this.options, this.ports);
    this.auditors.set(jobId, auditor);
    return auditor;
  }
}

import type { MergeError } from '#domain/merge-error';
import { ok, type Result } from '#domain/result';
import { controlStreamName, jobStreamName } from '../jobs/job-stream.js';
import type { ChainHead, RecordedEvent } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { reparentingJudge } from '../reparent/audit-reparenting.js';
import { findReparenting } from '../reparent/reparent-directory.js';
import { reparentStreamName } from '../reparent/reparent-stream.js';
import { UnreadableEvent } from '../ports/event-codec.js';
import { auditData, type DataAudit } from './audit-data.js';
import { JobAuditor } from './audit-one-job.js';
import type { SignatureAudit } from './audit-signatures.js';
import { StreamAuditor, type KnownHeadAudit, type StreamAudit } from './audit-stream.js';
import { auditTrail, type TrailAudit } from './audit-trail.js';
import { findJob } from './find-job.js';

export type { AuditProblem, KnownHeadAudit, StreamAudit } from './audit-stream.js';
export type { SignatureAudit } from './audit-signatures.js';
export type { TrailAudit } from './audit-trail.js';

export interface AuditOptions {
  /** Reads the destination, too, and compares each block with its recorded digest. */
  readonly withData?: boolean;
  /** Raw public keys, base64. A signature by another key is wrong; without any, keys are only named. */
  readonly trustedKeys?: readonly string[];
  /** A history that has ends of runs and no signature at all is wrong, too. */
  readonly mustBeSigned?: boolean;
  /** The head of a stream that was kept elsewhere, or null. */
  readonly knownHead?: (stream: string) => ChainHead | null;
}

export interface JobAudit {
  readonly jobId: string;
  /** The job's own stream, then its control stream. */
  readonly streams: readonly StreamAudit[];
  readonly data: DataAudit | null;
  /** Of the job's own stream. A control stream is not signed. */
  readonly signature: SignatureAudit;
  /** Of the job's own stream; null when none was given. What is wrong with a known head is in its stream's `problem`. */
  readonly knownHead: KnownHeadAudit | null;
  readonly isRight: boolean;
}

/**
 * Checks what a journal, or a trail file, says of a job: that nothing was changed, that it could have happened, who signed it,
 * that it still is what was known of it elsewhere, and that the disk says the same. What each of these proves: docs/audit.md.
 */
export class AuditJob {
  constructor(private readonly ports: RunPorts) {}

  async audit(name: string, options: AuditOptions = {}): Promise<Result<JobAudit, MergeError>> {
    const job = await findJob(name, this.ports.store);
    if (!job.ok) {
      const reparenting = await findReparenting(name, this.ports.store);
      return reparenting.ok ? ok(await this.auditReparenting(reparenting.value, options)) : job;
    }
    const jobId = job.value;
    const auditor = new JobAuditor(jobId, options, this.ports);
    await this.readThrough(jobStreamName(jobId), auditor.merge);
    await this.readThrough(controlStreamName(jobId), auditor.control);
    const isWanted = options.withData === true && auditor.merge.problem === null;
    const events = (): AsyncIterable<RecordedEvent> => this.ports.store.read(jobStreamName(jobId));
    const data = isWanted ? await auditData(events, auditor.reached, this.ports) : null;
    return ok(auditor.result(data));
  }

  /**
   * The jobs of a trail, or one of them (its id, or the first characters of it). Needs no journal. `lines` gives the trail's lines
   * from the beginning each time it is called: with the data they are read twice.
   */
  async auditTrail(
    lines: () => AsyncIterable<string>,
    options: AuditOptions & { readonly job?: string | null } = {},
  ): Promise<TrailAudit> {
    return await auditTrail(lines, options, this.ports);
  }

  /** A change of a child's parent has one stream, and no blocks to compare. */
  private async auditReparenting(jobId: string, options: AuditOptions): Promise<JobAudit> {
    const stream = reparentStreamName(jobId);
    const { trustedKeys = [], mustBeSigned = false, knownHead = () => null } = options;
    const expected = { trustedKeys, mustBeSigned, knownHead: knownHead(stream) };
    const auditor = new StreamAuditor(stream, expected, reparentingJudge(jobId, this.ports), this.ports);
    await this.readThrough(stream, auditor);
    const { result, signature, known } = auditor;
    return { jobId, streams: [result], data: null, signature, knownHead: known, isRight: result.problem === null };
  }

  private async readThrough(stream: string, auditor: StreamAuditor): Promise<void> {
    try {
      for await (const event of this.ports.store.read(stream)) {
        auditor.next(event);
        if (auditor.problem !== null) return;
      }
    } catch (fault) {
      if (!(fault instanceof UnreadableEvent)) throw fault;
      auditor.failAt(fault.revision, fault.message);
      return;
    }
    auditor.ended();
    if (auditor.problem !== null) return;
    const [beside] = await this.ports.store.checkBeside(stream);
    if (beside !== undefined) auditor.failAt(null, beside);
  }
}

import { AuditedStore } from '../audit-report/audited-store.js';
import type { AuditReport, ReportedKey, ReportedSignature } from '../audit-report/report.js';
import { ReportBuilder } from '../audit-report/report-builder.js';
import { controlStreamName, jobStreamName } from '../jobs/job-stream.js';
import type { RunPorts } from '../merge/run-context.js';
import { keyFingerprint } from './audit-fingerprint.js';
import type { JobAudit, StreamAudit } from './audit-job.js';

export interface ReportOfAudit {
  readonly report: AuditReport;
  /** What the report is about: the streams to the last event that is right. */
  readonly store: AuditedStore;
  readonly streams: readonly string[];
}

/**
 * The report on an audited job: reads its events once, up to the heads that the audit names. `journal` is the URL to show, without
 * secrets; `publicKey` that of whoever signs the report. Throws `JournalChanged` when the journal is no longer the one that was audited.
 */
export const reportOfAudit = async (
  audit: JobAudit,
  { journal, publicKey }: { readonly journal: string; readonly publicKey: string },
  ports: Pick<RunPorts, 'store' | 'codec' | 'digests' | 'clock' | 'host'>,
): Promise<ReportOfAudit> => {
  const { codec, digests, clock, host } = ports;
  const { jobId, isRight, data } = audit;
  const store = new AuditedStore(
    ports.store,
    audit.streams.map(({ stream, head }) => ({ stream, ...head })),
  );
  const [mergeStream, controlStream] = [jobStreamName(jobId), controlStreamName(jobId)];
  const builder = new ReportBuilder();
  for await (const event of store.read(mergeStream)) builder.add(event, codec.decodeJobEvent(event));
  for await (const event of store.read(controlStream)) builder.addControl(event, codec.decodeControlRequest(event));
  const report: AuditReport = {
    jobId,
    made: {
      at: clock.now(),
      by: host.user,
      host: host.name,
      appVersion: host.engineVersion,
      journal,
      key: keyOf(publicKey, digests),
    },
    verdict: { isRight, problems: problemsOf(audit) },
    ...builder.told(),
    streams: audit.streams
      .filter(({ head }) => head.revision >= 0)
      .map(({ stream, head }) => ({ stream, events: head.revision + 1, ...head })),
    signature: signatureOf(audit, digests),
    knownHead: audit.knownHead,
    data,
  };
  return { report, store, streams: [mergeStream, controlStream] };
};

const problemsOf = ({ streams, data }: JobAudit): readonly string[] =>
  [
    ...streams.map(streamProblem),
    data?.unreadable ?? null,
    data === null || data.differing.length === 0
      ? null
      : `The destination differs from the record in ${String(data.differing.length)} blocks, the first is block ${String(data.differing[0])}.`,
  ].filter((problem) => problem !== null);

const streamProblem = ({ stream, problem }: StreamAudit): string | null => {
  if (problem === null) return null;
  const where =
    problem.revision === null ? 'what the store keeps beside the events' : `event ${String(problem.revision)}`;
  return `${stream}, ${where}: ${problem.what}`;
};

const keyOf = (publicKey: string, digests: RunPorts['digests']): ReportedKey => ({
  publicKey,
  fingerprint: keyFingerprint(publicKey, digests),
});

const signatureOf = ({ signature }: JobAudit, digests: RunPorts['digests']): ReportedSignature => ({
  state: signature.state,
  keys: signature.publicKeys.map((publicKey) => keyOf(publicKey, digests)),
  lastSignedRevision: signature.lastSignedRevision,
  unsignedEnds: signature.unsignedEnds,
});

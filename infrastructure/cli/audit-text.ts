import type { Digests } from '#application/ports/digests';
import { keyFingerprint } from '#application/use-cases/audit-fingerprint';
import type { JobAudit, StreamAudit, TrailAudit } from '#application/use-cases/audit-job';
import type { TrustedKeys } from './audit-keys.js';
import { counted, inUnits } from './bytes-argument.js';
import { printable } from './printable.js';

/** What an audit is told with, besides what it found. */
export interface AuditTelling {
  readonly trusted: TrustedKeys;
  readonly digests: Digests;
  /** Only what is wrong, and the verdict. */
  readonly quiet: boolean;
}

export const auditText = (audit: JobAudit, telling: AuditTelling): readonly string[] => {
  const { jobId, isRight, streams, data } = audit;
  return [
    ...streams.filter(({ events, problem }) => problem !== null || (events > 0 && !telling.quiet)).flatMap(streamText),
    ...(telling.quiet ? [] : [signatureText(audit, telling), ...knownHeadText(audit)]),
    ...(data === null ? [] : dataText(data)),
    `Job ${printable(jobId)}: ${isRight ? 'right' : 'NOT RIGHT'}`,
  ];
};

const streamText = ({ stream, events, head, problem }: StreamAudit): readonly string[] => {
  const good = `${stream}: ${counted(events, 'event')} right; head: ${head.revision}:${head.hash}`;
  if (problem === null) return [printable(good)];
  const where = problem.revision === null ? 'what the store keeps beside the events' : `revision ${problem.revision}`;
  return [printable(good), printable(`${stream}: first bad: ${where}: ${problem.what}`)];
};

const signatureText = ({ signature, streams }: JobAudit, telling: AuditTelling): string => {
  const { publicKeys, lastSignedRevision, unsignedEnds, problem } = signature;
  if (problem !== null) return `Signature: ${sentence(problem)}`;
  if (lastSignedRevision === null)
    return unsignedEnds === 0
      ? 'Not signed: what ends a run is signed, and no run of this job has said that it ended.'
      : `Not signed, though ${counted(unsignedEnds, 'run')} ended: from before signatures, or they were taken away.`;
  const after = (streams[0]?.head.revision ?? lastSignedRevision) - lastSignedRevision;
  const rest = after === 0 ? '' : `; ${counted(after, 'event')} after it not signed yet`;
  const keys = publicKeys.map((key) => keyText(key, telling)).join(' and ');
  return `Signed up to revision ${lastSignedRevision} by ${keys}${rest}.`;
};

/** A key is a name that anybody can give himself: whose it is, is said only where it is known. */
export const keyText = (publicKey: string, { trusted, digests }: Omit<AuditTelling, 'quiet'>): string => {
  const key = `key ${keyFingerprint(publicKey, digests)}`;
  if (trusted.keys.includes(publicKey)) return `${key} (${trusted.from === 'own' ? 'your own' : 'as expected'})`;
  if (trusted.from === 'given') return `${key} (not expected)`;
  return `${key} (whose it is was not checked; --key FILE says whose is expected)`;
};

const knownHeadText = ({ knownHead }: JobAudit): readonly string[] => {
  if (knownHead === null) return [];
  const { revision, holds, problem } = knownHead;
  return [
    holds
      ? `Known head ${revision}: holds. Nothing up to it was changed since it was kept.`
      : `Known head ${revision}: DOES NOT HOLD. ${sentence(problem ?? 'It is not in the stream')}`,
  ];
};

const dataText = (data: NonNullable<JobAudit['data']>): readonly string[] => {
  const { destination, blocks, bytes, differing, unreadable, changedSince } = data;
  if (destination === null) return ['Data: the job never got as far as a destination.'];
  if (unreadable !== null) return [`Data: ${printable(unreadable)}`];
  const read = `Data: ${counted(blocks, 'block')}, ${inUnits(bytes)} of ${printable(destination)} compared`;
  if (differing.length === 0) return [`${read}: all as recorded.`];
  const some = differing.slice(0, 10).join(', ') + (differing.length > 10 ? ', …' : '');
  return [
    `${read}: ${counted(differing.length, 'block')} not as recorded: ${some}.`,
    ...(changedSince ? ['The file was changed after the merge had ended: a disk in use differs, and rightly so.'] : []),
  ];
};

/** `kind`: what the file is, in the words of `openTrail`. */
export const trailText = (
  { jobs, problem, end, isRight }: TrailAudit,
  { path, kind }: { readonly path: string; readonly kind: string },
  telling: AuditTelling,
): readonly string[] => {
  const file = printable(path);
  const what = KINDS[kind] ?? kind;
  const whole =
    end === null
      ? []
      : [
          `${file}: ${what} of ${counted(end.streams, 'stream')}, ${counted(end.events, 'event')}; made by ${keyText(end.signature.publicKey, telling)}`,
        ];
  return [
    ...(telling.quiet ? [] : whole),
    ...(problem === null ? [] : [`${file}: first bad: ${sentence(problem)}`]),
    ...judged(jobs, problem).flatMap((job) => auditText(job, telling)),
    `${file}: ${isRight ? 'right' : 'NOT RIGHT'}`,
  ];
};

/** Nothing in a file that is wrong as a file is proven, so no job of it is called right. */
const judged = (jobs: readonly JobAudit[], problem: string | null): readonly JobAudit[] =>
  problem === null ? jobs : jobs.filter(({ isRight }) => !isRight);

const sentence = (what: string): string => `${printable(what).replace(/\.$/, '')}.`;

const KINDS: Readonly<Record<string, string>> = {
  trail: 'a trail',
  'report-html': 'a report',
  'report-json': 'a report as JSON',
};

/** The same as one value for programs. */
export const auditValue = (audit: JobAudit, digests: Digests): unknown => {
  const { jobId, isRight, streams, signature, knownHead, data } = audit;
  const fingerprints = signature.publicKeys.map((key) => keyFingerprint(key, digests));
  return { jobId, right: isRight, streams, signature: { ...signature, fingerprints }, knownHead, data };
};

export const trailValue = (
  { jobs, problem, end, isRight }: TrailAudit,
  { path, kind }: { readonly path: string; readonly kind: string },
  digests: Digests,
): unknown => ({
  file: path,
  kind,
  right: isRight,
  problem,
  end: end === null ? null : { ...end, fingerprint: keyFingerprint(end.signature.publicKey, digests) },
  jobs: judged(jobs, problem).map((job) => auditValue(job, digests)),
});

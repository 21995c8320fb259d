import type { ImageDescription } from '#domain/chain/image-description';
import type { ChildReparented } from '#domain/merge-job/events';
import type { MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import type { JobStream } from '../jobs/job-stream.js';
import type { ChainPorts } from '../chain/open-chain.js';
import type { Reparenting } from '../ports/disk-image.js';
import { notRecordable } from './merge-pair.js';
import { fileIdentity, statLocked } from './run-context.js';

/** A child of the source, and the parent that it is to get. */
export interface ChildToReparent {
  readonly path: string;
  readonly identity: string;
  readonly sourceIdentity: string;
  readonly parent: ImageDescription;
}

/**
 * Gives a child of the source the destination as its parent. The intention with both images is in the journal before the first
 * byte changes, so a header torn by a crash can be written again; `done` follows the last flush. Done twice is done once.
 */
export const reparentChild = async (
  child: ChildToReparent,
  job: JobStream,
  ports: ChainPorts,
): Promise<Result<'done', MergeError>> => {
  if (!child.path.isWellFormed()) return err(notRecordable(child.path));
  const recorded = recordedStep(job, child.path);
  if (recorded?.step === 'done') return ok('done');
  if (recorded === null) return await intendAndApply(child, job, ports);
  const change = ports.images.resumeReparenting(child.path, recorded.images);
  const applied = await change.apply();
  if (applied.ok) return await recordDone(child, change, job, ports);
  // A machine ran on the child before its first byte was changed: it still names the source, so the intention is made anew.
  const now = await ports.images.probe(child.path);
  if (now?.identity !== child.identity || !now.parentIdentities.includes(child.sourceIdentity)) return applied;
  return await intendAndApply(child, job, ports);
};

const intendAndApply = async (
  child: ChildToReparent,
  job: JobStream,
  ports: ChainPorts,
): Promise<Result<'done', MergeError>> => {
  const change = await ports.images.reparenting(child.path, child.parent);
  if (!change.ok) return change;
  await record('intended', child, change.value, job, ports);
  const applied = await change.value.apply();
  return applied.ok ? await recordDone(child, change.value, job, ports) : applied;
};

const recordDone = async (
  child: ChildToReparent,
  change: Reparenting,
  job: JobStream,
  ports: ChainPorts,
): Promise<Result<'done', MergeError>> => {
  await record('done', child, change, job, ports);
  return ok('done');
};

const recordedStep = (job: JobStream, path: string): ChildReparented | null => {
  const { state } = job;
  const steps = state.phase === 'finalized' || state.phase === 'verified' ? state.reparented : [];
  return steps.find((step) => step.path === path) ?? null;
};

const record = async (
  step: 'intended' | 'done',
  { path, identity }: ChildToReparent,
  { images }: Reparenting,
  job: JobStream,
  { files }: ChainPorts,
): Promise<void> => {
  const file = fileIdentity(await statLocked(path, files));
  await job.record({
    type: 'RecordReparenting',
    step: { step, path, identity, images: step === 'intended' ? images : {}, file },
  });
};

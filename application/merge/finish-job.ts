import type { FileIdentity, ImageDescription } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import type { ImageRecord } from '#domain/merge-job/events';
import { sourcesOf, type FinalizedJob, type VerifiedJob } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { allowedRoots } from '../chain/allowed-roots.js';
import { folderOf } from '../chain/paths.js';
import { childrenOf, type Relative } from '../chain/relatives.js';
import type { JobStream } from '../jobs/job-stream.js';
import { eventAt } from '../journal/event-at.js';
import { imageInUse } from './locked-chain.js';
import { reparentChild } from './reparent-children.js';
import { quarantineName } from './quarantine.js';
import { retireSources } from './retire-sources.js';
import { fileIdentity, ImageUnreadable, statLocked, type RunPorts } from './run-context.js';

export interface Finishing {
  readonly stream: JobStream;
  readonly ports: RunPorts;
  /** Files that this run has locked already. */
  readonly lockedPaths: ReadonlySet<string>;
  /** A source as this run read it under its locks, when it read the chain: a copy with the same content was merged as it is. */
  readonly merged: (path: string) => FileIdentity | null;
  /** Images that earlier jobs gave up: they get no new parent. */
  readonly quarantined: ReadonlySet<string>;
}

/**
 * The steps after a right copy: children of the source get their new parent, sources are retired, the job is completed. Every
 * step is idempotent and asks only for the destination: sources may be gone already.
 */
export const finishJob = async (
  job: FinalizedJob | VerifiedJob,
  finishing: Finishing,
): Promise<Result<'completed', MergeError>> => {
  const { stream, ports } = finishing;
  const { retire } = job.request.options;
  const source = job.chain.images[0]!;
  const destination = job.chain.images.at(-1)!;
  const reparented = await reparentAll(job, finishing);
  if (!reparented.ok) return reparented;
  if (retire !== 'keep') {
    const late = await childrenNotReparented(job, finishing);
    if (late.length > 0) return err(lateChildren(source, late));
    const needed = await stillNeeded(job, finishing);
    if (needed !== null) return err(needed);
    const retired = await retireSources(sourcesOf(job), retire, { job: stream, merged: finishing.merged }, ports.files);
    if (!retired.ok) return retired;
  }
  const kept = retire === 'keep' ? await ports.files.stat(source.path) : null;
  await stream.record({
    type: 'CompleteMerge',
    completion: {
      elapsedMs: ports.clock.now() - (await startedAt(stream, ports)),
      source: kept === null ? null : fileIdentity(kept),
      destination: fileIdentity(await statLocked(destination.path, ports.files)),
    },
  });
  return ok('completed');
};

/** Those accepted, those with a step on record, and those made since: the source stayed usable, so people made snapshots of it. */
const reparentAll = async (
  job: FinalizedJob | VerifiedJob,
  finishing: Finishing,
): Promise<Result<'done', MergeError>> => {
  const { stream, ports } = finishing;
  const parent = await describe(job.chain.images.at(-1)!.path, ports);
  const sourceIdentity = job.chain.images[0]!.identity;
  const known = new Map<string, string>();
  for (const step of job.reparented) known.set(step.path, step.identity);
  for (const { image } of await childrenNotReparented(job, finishing)) known.set(image.path, image.identity);
  if (known.size > 0 && job.request.options.reparent === 'none')
    return err(childrenUnwanted(job.chain.images[0]!, [...known.keys()]));
  for (const [path, identity] of known) {
    const done = await withLock(path, finishing, () =>
      reparentChild({ path, identity, sourceIdentity, parent }, stream, ports),
    );
    if (!done.ok) return done;
  }
  return ok('done');
};

const childrenNotReparented = async (
  job: FinalizedJob | VerifiedJob,
  finishing: Finishing,
): Promise<readonly Relative[]> => await childrenNow(job.chain.images[0]!.identity, job, finishing);

const childrenNow = async (
  identity: string,
  job: FinalizedJob | VerifiedJob,
  { ports, quarantined, stream }: Finishing,
): Promise<readonly Relative[]> => {
  const folders = new Set([...job.chain.images, ...job.chain.children].map((image) => folderOf(image.path)));
  const { given } = await allowedRoots([], job.request.options, ports.files);
  const children = await childrenOf(identity, job.chain.images, { folders: [...folders], trees: given }, ports);
  // An image of this very merge that a run before this one has renamed already is none of them.
  const renamed = new Set(job.chain.images.map(({ path }) => quarantineName(path, stream.jobId)));
  return children.filter(({ image }) => !quarantined.has(image.path) && !renamed.has(image.path));
};

/**
 * What retirement would take the parent from: a child that was accepted and is not where it was, and disks that somebody hung on an
 * image between while it was merged.
 */
const stillNeeded = async (job: FinalizedJob | VerifiedJob, finishing: Finishing): Promise<MergeError | null> => {
  const { stream, ports } = finishing;
  const source = job.chain.images[0]!;
  const done = stream.state.phase === 'verified' ? stream.state.reparented : [];
  for (const { path, identity } of job.chain.children) {
    if (done.some((step) => step.path === path && step.step === 'done')) continue;
    const now = await ports.images.probe(path);
    if (now?.identity !== identity || now.parentIsUnreadable) return childGone(source, path);
  }
  const allowed = new Set(job.chain.siblings.map(({ path }) => path));
  for (const between of job.chain.images.slice(1, -1)) {
    const late = (await childrenNow(between.identity, job, finishing)).filter(({ image }) => !allowed.has(image.path));
    if (late.length > 0) return lateSiblings(between, late);
  }
  return null;
};

const childGone = (source: ImageRecord, path: string): MergeError =>
  mergeError(
    'children-present',
    'a child of the source is not where it was, so it has no new parent and the source stays',
    {
      path,
      expected: 'the child of the source that was there when the merge began',
      found: 'nothing, another file, or one that cannot be read',
      todo: `The merge itself is complete and verified. Put the child back and run \`chainfold resume\` again. If it is gone for good, end the job with \`chainfold terminate\` and remove ${source.path} by hand.`,
      related: [source.path],
    },
  );

const lateSiblings = (between: ImageRecord, late: readonly Relative[]): MergeError =>
  mergeError('siblings-present', 'disks were hung on an image between while it was merged, so it is not retired', {
    path: between.path,
    expected: 'no child of it besides the chain itself',
    found: late.map(({ image }) => image.path).join(', '),
    todo: 'The merge itself is complete and verified; what these disks show is not right any more. Save what was written to them, remove them, and run `chainfold resume` again.',
    related: late.map(({ image }) => image.path),
  });

/** A child found before the copy is locked with the chain already; one made since is locked for its change. */
const withLock = async (
  path: string,
  { ports, lockedPaths }: Finishing,
  change: () => Promise<Result<'done', MergeError>>,
): Promise<Result<'done', MergeError>> => {
  if (lockedPaths.has(path)) return change();
  const locks = await ports.locks.lockAll([{ path, use: 'write' }]);
  if (!locks.held) return err(imageInUse(locks, null));
  try {
    return await change();
  } finally {
    await locks.release();
  }
};

const describe = async (path: string, ports: RunPorts): Promise<ImageDescription> => {
  const image = await ports.images.open(path);
  if (!image.ok) throw new ImageUnreadable(image.error);
  await image.value.close();
  return image.value.description;
};

const startedAt = async (stream: JobStream, { store }: RunPorts): Promise<number> => {
  const first = await eventAt(stream.name, 0, store);
  if (first === null) throw new Error(`Bug: job ${stream.jobId} completes without a first event`);
  return first.occurredAt;
};

const childrenUnwanted = (source: ImageRecord, children: readonly string[]): MergeError =>
  mergeError('children-present', 'the source has children', {
    path: source.path,
    expected: 'none, as --reparent none was asked for',
    found: children.join(', '),
    todo: 'Merge without --reparent none to give them the destination as their parent, or remove them first.',
    related: children,
  });

const lateChildren = (source: ImageRecord, children: readonly Relative[]): MergeError =>
  mergeError(
    'children-present',
    'a child of the source appeared while its children were re-parented, so the source is not retired',
    {
      path: source.path,
      expected: 'no child left',
      found: children.map(({ image }) => image.path).join(', '),
      todo: 'Run `chainfold resume` again: it re-parents them as well.',
      related: children.map(({ image }) => image.path),
    },
  );

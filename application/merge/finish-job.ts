import type { ImageDescription } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import type { ImageRecord } from '#domain/merge-job/events';
import { sourcesOf, type FinalizedJob, type VerifiedJob } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { folderOf } from '../chain/paths.js';
import { childrenOf, type Relative } from '../chain/relatives.js';
import type { JobStream } from '../jobs/job-stream.js';
import { eventAt } from '../journal/event-at.js';
import { imageInUse } from './locked-chain.js';
import { reparentChild } from './reparent-children.js';
import { retireSources } from './retire-sources.js';
import { fileIdentity, ImageUnreadable, statLocked, type RunPorts } from './run-context.js';

export interface Finishing {
  readonly stream: JobStream;
  readonly ports: RunPorts;
  /** Files that this run has locked already. */
  readonly lockedPaths: ReadonlySet<string>;
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
    const retired = await retireSources(sourcesOf(job), retire, stream, ports.files);
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
  { ports, quarantined }: Finishing,
): Promise<readonly Relative[]> => {
  const folders = new Set([...job.chain.images, ...job.chain.children].map((image) => folderOf(image.path)));
  const { roots } = job.request.options;
  const children = await childrenOf(
    job.chain.images[0]!.identity,
    job.chain.images,
    { folders: [...folders], trees: roots },
    ports,
  );
  return children.filter(({ image }) => !quarantined.has(image.path));
};

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

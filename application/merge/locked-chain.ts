import { mergeableChain } from '#domain/chain/chain-rules';
import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { allowedRoots, type AllowedRoots, type ParentSearch } from '../chain/allowed-roots.js';
import { openChain, type ChainPorts, type OpenedChain, type OpenedImage } from '../chain/open-chain.js';
import { folderOf } from '../chain/paths.js';
import { findRelatives, type Relatives, type SearchPlaces } from '../chain/relatives.js';
import type { FileToLock, Holder, HeldLocks, ImageLocks, LockConflict } from '../ports/image-lock.js';
import { isFault } from '../ports/file-system.js';
import type { MergePair } from './merge-pair.js';

export interface LockPorts extends ChainPorts {
  readonly locks: ImageLocks;
}

/** A chain whose rules were checked, and what hangs on it. */
export interface MergeChain {
  /** Source first, down to the destination's direct child. */
  readonly sources: readonly OpenedImage[];
  readonly destination: OpenedImage;
  readonly ancestors: readonly OpenedImage[];
  readonly relatives: Relatives;
}

/** A chain that may be merged, read from the disk after every file of it was locked. */
export interface LockedChain extends MergeChain {
  /** Files that this run holds: those of the chain, and the children of the source that were there when it was locked. */
  readonly lockedPaths: ReadonlySet<string>;
  close(): Promise<void>;
}

export type LockFailure =
  | { readonly kind: 'refused'; readonly error: MergeError }
  | { readonly kind: 'held'; readonly conflict: LockConflict; readonly identities: readonly string[] };

/**
 * Finds the chain, locks all of it (down to the base, and the source's children), then flushes and drops every file's cached
 * pages and reads the chain anew. What was read before the lock only told which files to lock: a failed flush of an earlier
 * program leaves pages that read right and never reached the disk.
 */
export const lockChain = async (
  pair: MergePair,
  search: ParentSearch,
  ports: LockPorts,
  /** Leaves out relatives that do not count: nobody changes them, so nobody has to be able to. */
  counting: (relatives: Relatives) => Promise<Relatives> = async (relatives) => relatives,
): Promise<Result<LockedChain, LockFailure>> => {
  const roots = await allowedRoots([pair.source, pair.destination], search, ports.files);
  const found = await openAndCheck(pair, roots, ports);
  if (!found.ok) return refused(found.error);
  const { sources, destination, ancestors } = found.value;
  const identities = [...sources, destination].map(({ image }) => image.description.identity);
  const relatives = await counting(
    await findRelatives(sources, destination, placesOf(found.value.chain, roots), ports, ancestors),
  );
  const chain: MergeChain = { sources, destination, ancestors, relatives };
  const unwritable = await firstUnwritable(writtenPaths(chain), ports);
  await found.value.chain.close();
  if (unwritable !== null) return refused(unwritable);
  const toLock = filesToLock(chain);
  const locks = await takeLocks(toLock, ports);
  if (!locks.ok) return refused(locks.error);
  if (!locks.value.held) return err({ kind: 'held', conflict: locks.value, identities });
  try {
    const lockedPaths = new Set(toLock.map(({ path }) => path));
    const inUse = await inTheWay(toLock, ports);
    if (inUse === null) return await readUnderLock(pair, roots, { locks: locks.value, lockedPaths }, ports);
    await locks.value.release();
    return err({ kind: 'held', conflict: inUse, identities });
  } catch (fault) {
    await locks.value.release();
    throw fault;
  }
};

const readUnderLock = async (
  pair: MergePair,
  roots: AllowedRoots,
  { locks, lockedPaths }: { readonly locks: HeldLocks; readonly lockedPaths: ReadonlySet<string> },
  ports: LockPorts,
): Promise<Result<LockedChain, LockFailure>> => {
  const stale = await openChain(pair.source, roots, ports);
  if (stale.ok) await settle(stale.value, ports);
  const fresh = await openAndCheck(pair, roots, ports);
  if (!fresh.ok) {
    await locks.release();
    return refused(fresh.error);
  }
  const { chain, sources, destination, ancestors } = fresh.value;
  // By file, too: a name may have come to mean another file between the lock and this look.
  const unlocked = chain.images.find(
    ({ image, file }) => !lockedPaths.has(image.description.path) || !locks.cover(file),
  );
  if (unlocked !== undefined) {
    await chain.close();
    await locks.release();
    return refused(chainChanged(unlocked));
  }
  const relatives = await findRelatives(sources, destination, placesOf(chain, roots), ports, ancestors);
  const close = async (): Promise<void> => {
    await chain.close();
    await locks.release();
  };
  return ok({ sources, destination, ancestors, relatives, lockedPaths, close });
};

/**
 * Somebody who has a file of the chain and takes no lock that ours would meet: see `firstInTheWay`. Asked while the locks are held:
 * who asks for a lock later is kept off by them, and who came before is seen.
 */
export const inTheWay = async (files: readonly FileToLock[], { locks }: LockPorts): Promise<LockConflict | null> =>
  firstInTheWay(files, await locks.holdersOf(files.map(({ path }) => path)));

/**
 * In the way is who has a file open for writing, or a device over it; and on a file that we change everybody, as a reader would see
 * half of the change. Who only reads a file that we only read harms nobody. Decision 0021 has the whole table.
 */
export const firstInTheWay = (files: readonly FileToLock[], holders: readonly Holder[]): LockConflict | null => {
  const changed = new Set(files.filter(({ use }) => use === 'write').map(({ path }) => path));
  const against = holders.filter(({ writes, path }) => writes || changed.has(path));
  const path = against[0]?.path;
  return path === undefined ? null : { held: false, path, holders: against.filter((holder) => holder.path === path) };
};

/** Flushes every image and its folder, and drops the cached pages: a source that is only in the page cache could be lost after D changed. */
export const settle = async (chain: OpenedChain, { files }: ChainPorts): Promise<void> => {
  for (const { image } of chain.images) await image.settle();
  for (const folder of new Set(chain.images.map(({ image }) => folderOf(image.description.path))))
    await files.flushFolder(folder);
  await chain.close();
};

export interface CheckedChain {
  readonly chain: OpenedChain;
  readonly sources: readonly OpenedImage[];
  readonly destination: OpenedImage;
  readonly ancestors: readonly OpenedImage[];
}

/** Opens the chain of a pair and checks that it may be merged; locks nothing. */
export const openAndCheck = async (
  pair: MergePair,
  roots: AllowedRoots,
  ports: ChainPorts,
): Promise<Result<CheckedChain, MergeError>> => {
  if ((await ports.files.stat(pair.destination)) === null) {
    return err(
      mergeError('file-not-found', 'the destination does not exist', {
        path: pair.destination,
        expected: 'a virtual disk',
        found: 'nothing',
        todo: 'Check the path.',
      }),
    );
  }
  const chain = await openChain(pair.source, roots, ports);
  if (!chain.ok) return chain;
  const { images } = chain.value;
  const rules = mergeableChain(
    images.map(({ image }) => image.description),
    pair.destination,
  );
  if (!rules.ok) {
    await chain.value.close();
    return rules;
  }
  const position = rules.value.sources.length;
  const refusal = linkRefusal(images[position - 1]!, images[position]!);
  if (refusal !== null) {
    await chain.value.close();
    return err(refusal);
  }
  return ok({
    chain: chain.value,
    sources: images.slice(0, position),
    destination: images[position]!,
    ancestors: images.slice(position + 1),
  });
};

/** The direct child of a destination that gets a new identity must be able to follow it. */
const linkRefusal = (child: OpenedImage, destination: OpenedImage): MergeError | null =>
  destination.image.description.format === 'vhdx' ? child.image.writeRefusal() : null;

/** Where relatives are looked for: beside every image of the chain, and in the given roots with all below them. */
export const placesOf = (chain: OpenedChain, roots: AllowedRoots): SearchPlaces & Pick<AllowedRoots, 'maps'> => ({
  folders: [...chain.images.map(({ image }) => folderOf(image.description.path)), ...roots.folders],
  trees: roots.given,
  maps: roots.maps,
});

export const firstUnwritable = async (paths: readonly string[], { files }: ChainPorts): Promise<MergeError | null> => {
  for (const path of paths) {
    const obstacle = await files.changeObstacle(path, 'write');
    if (obstacle !== null) return accessDenied(path, obstacle);
    const links = (await files.stat(path))?.links ?? 0;
    if (links > 1) return hardLinked(path, links);
  }
  return null;
};

/** The whole chain down to the base, and the source's children. */
export const filesToLock = (chain: MergeChain): readonly FileToLock[] => {
  const written = writtenPaths(chain);
  const paths = [...chain.sources, chain.destination, ...chain.ancestors].map(({ image }) => image.description.path);
  return [...new Set([...paths, ...written])].map((path) => ({ path, use: written.includes(path) ? 'write' : 'read' }));
};

/** What a merge changes: the destination, the link of its direct child when it gets a new identity (VHDX), the source's children. */
export const writtenPaths = ({ sources, destination, relatives }: MergeChain): readonly string[] => {
  const { path, format } = destination.image.description;
  const linked = format === 'vhdx' ? [sources.at(-1)!.image.description.path] : [];
  return [path, ...linked, ...relatives.children.map(({ image }) => image.path)];
};

export const takeLocks = async (
  files: readonly FileToLock[],
  { locks }: LockPorts,
): Promise<Result<HeldLocks | LockConflict, MergeError>> => {
  try {
    return ok(await locks.lockAll(files));
  } catch (fault) {
    if (isFault(fault, 'access-denied')) return err(accessDenied((fault as { path: string }).path));
    throw fault;
  }
};

const accessDenied = (path: string, found = 'no such right'): MergeError =>
  mergeError('access-denied', 'this user may not write the file', {
    path,
    expected: 'the right to read and write it',
    found,
    todo: 'Run as the user who owns the disks, or change the rights, the flags or the mount of this file.',
  });

/** A copy made of hard links (`cp -al`, some backup programs) is the same file: it would change with the disk. */
const hardLinked = (path: string, links: number): MergeError =>
  mergeError('hard-linked', 'this file has other names, and what they show would change with it', {
    path,
    expected: 'a file that will be written to to have one name',
    found: `${String(links)} names (hard links)`,
    todo: `Find them with \`find MOUNT -samefile FILE\`. Remove the other names, or give this one its own bytes: copy the file and move the copy over it.`,
  });

/** The refusal for a file that someone else has; names the holders and, when the journal knows it, their job. */
export const imageInUse = (conflict: LockConflict, jobId: string | null): MergeError =>
  mergeError('image-in-use', 'another program has this file', {
    path: conflict.path,
    expected: 'a chain that nobody else writes, and nobody at all at the files that a merge changes',
    found: `${conflict.holders.length === 0 ? 'a lock whose holder cannot be seen' : conflict.holders.map(holderInWords).join('; ')}${jobId === null ? '' : `, working on job ${jobId}`}`,
    todo:
      jobId === null
        ? 'Shut down what uses the disk, then merge again.'
        : `Watch that job with \`chainfold watch ${jobId}\`, or wait until it has ended.`,
    related: jobId === null ? [] : [jobId],
  });

export const holderInWords = ({ program, pid, how }: Holder): string =>
  `${program} (${pid === null ? 'pid unknown' : `pid ${String(pid)}`}, ${how})`;

const refused = (error: MergeError): Result<never, LockFailure> => err({ kind: 'refused', error });

const chainChanged = ({ image }: OpenedImage): MergeError =>
  mergeError('image-changed', 'the chain changed while it was being locked', {
    path: image.description.path,
    expected: 'the images that were there a moment before',
    found: 'this one in the place of another',
    todo: 'See who changes files here, then try again.',
  });

import { sameFile } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import { relinkRefusal, wouldBeItsOwnParent } from '#domain/reparent-job/relink-rules';
import { err, ok, type Result } from '#domain/result';
import { allowedRoots, type AllowedRoots, type ParentSearch } from '../chain/allowed-roots.js';
import { openChain, type ChainPorts, type OpenedImage } from '../chain/open-chain.js';
import { firstUnwritable, inTheWay, settle, takeLocks, type LockPorts } from '../merge/locked-chain.js';
import type { FileToLock, HeldLocks } from '../ports/image-lock.js';
import { changedMeanwhile, inUse } from './refusals.js';

/** Both with every link resolved. */
export interface RelinkPaths {
  readonly child: string;
  readonly parent: string;
}

export interface RelinkRequest extends RelinkPaths, ParentSearch {
  readonly ignoreIdMismatch: boolean;
}

/** A child, and the parent that it may have, with all that is below it. */
export interface RelinkPair {
  readonly child: OpenedImage;
  /** The new parent first, down to its base. */
  readonly parents: readonly OpenedImage[];
  close(): Promise<void>;
}

/**
 * Opens both, checks everything that may say no, locks the child and the parent's chain, drops what is cached of them, and reads and
 * checks them again: what was read before the lock only told which files to lock. Writes nothing.
 */
export const lockPair = async (request: RelinkRequest, ports: LockPorts): Promise<Result<RelinkPair, MergeError>> => {
  const roots = await allowedRoots([request.child, request.parent], request, ports.files);
  const found = await openAndCheck(request, roots, ports);
  if (!found.ok) return found;
  const toLock = filesToLock(found.value);
  const unwritable = await firstUnwritable([request.child], ports);
  await found.value.close();
  if (unwritable !== null) return err(unwritable);
  const locks = await lockFiles(toLock, ports);
  if (!locks.ok) return locks;
  try {
    const pair = await readUnderLock(request, roots, new Set(toLock.map(({ path }) => path)), ports);
    if (!pair.ok) {
      await locks.value.release();
      return pair;
    }
    const close = async (): Promise<void> => {
      await pair.value.close();
      await locks.value.release();
    };
    return ok({ ...pair.value, close });
  } catch (fault) {
    await locks.value.release();
    throw fault;
  }
};

/** All of them, and nobody else has any of them in a way that harms; or the refusal that says who. */
export const lockFiles = async (
  files: readonly FileToLock[],
  ports: LockPorts,
): Promise<Result<HeldLocks, MergeError>> => {
  const locks = await takeLocks(files, ports);
  if (!locks.ok) return locks;
  if (!locks.value.held) return err(inUse(locks.value));
  const other = await inTheWay(files, ports);
  if (other === null) return ok(locks.value);
  await locks.value.release();
  return err(inUse(other));
};

const filesToLock = ({ child, parents }: RelinkPair): readonly FileToLock[] => [
  { path: child.image.description.path, use: 'write' },
  ...parents.map(({ image }): FileToLock => ({ path: image.description.path, use: 'read' })),
];

const readUnderLock = async (
  request: RelinkRequest,
  roots: AllowedRoots,
  lockedPaths: ReadonlySet<string>,
  ports: LockPorts,
): Promise<Result<RelinkPair, MergeError>> => {
  const stale = await openPair(request, roots, ports);
  if (stale.ok) {
    const { child, parents } = stale.value;
    await settle({ images: [child, ...parents], close: () => stale.value.close() }, ports);
  }
  const fresh = await openAndCheck(request, roots, ports);
  if (!fresh.ok) return fresh;
  const unlocked = filesToLock(fresh.value).find(({ path }) => !lockedPaths.has(path));
  if (unlocked === undefined) return fresh;
  await fresh.value.close();
  return err(changedMeanwhile(unlocked.path));
};

const openAndCheck = async (
  request: RelinkRequest,
  roots: AllowedRoots,
  ports: ChainPorts,
): Promise<Result<RelinkPair, MergeError>> => {
  const pair = await openPair(request, roots, ports);
  if (!pair.ok) return pair;
  const refusal = refusalOf(pair.value, request);
  if (refusal === null) return pair;
  await pair.value.close();
  return err(refusal);
};

const refusalOf = ({ child, parents }: RelinkPair, { parent, ignoreIdMismatch }: RelinkRequest): MergeError | null => {
  const { description } = child.image;
  if (parents.some(({ file }) => sameFile(file, child.file))) return wouldBeItsOwnParent(description.path, parent);
  const descriptions = parents.map(({ image }) => image.description);
  return relinkRefusal(description, descriptions, ignoreIdMismatch) ?? child.image.writeRefusal();
};

const openPair = async (
  { child, parent }: RelinkPaths,
  roots: AllowedRoots,
  ports: ChainPorts,
): Promise<Result<RelinkPair, MergeError>> => {
  const opened = await openChild(child, ports);
  if (!opened.ok) return opened;
  try {
    const chain = await openChain(parent, roots, ports);
    if (chain.ok) {
      const close = async (): Promise<void> => {
        await opened.value.image.close();
        await chain.value.close();
      };
      return ok({ child: opened.value, parents: chain.value.images, close });
    }
    await opened.value.image.close();
    // The child itself could be opened, so an error that is about it says that the parent's chain leads to it.
    return chain.error.path === child ? err(wouldBeItsOwnParent(child, parent)) : chain;
  } catch (fault) {
    await opened.value.image.close();
    throw fault;
  }
};

const openChild = async (path: string, { images, files }: ChainPorts): Promise<Result<OpenedImage, MergeError>> => {
  const image = await images.open(path);
  if (!image.ok) return image;
  const stat = await files.stat(path);
  if (stat !== null) {
    const { dev, ino, sizeBytes, mtimeNs } = stat;
    return ok({ image: image.value, file: { dev, ino, sizeBytes, mtimeNs } });
  }
  await image.value.close();
  return err(
    mergeError('file-not-found', 'the file vanished while it was read', {
      path,
      todo: 'Nothing was written. See who moves files here, then try again.',
    }),
  );
};

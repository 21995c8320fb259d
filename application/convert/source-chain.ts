import type { FileIdentity } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { allowedRoots, type ParentSearch } from '../chain/allowed-roots.js';
import { ChainView } from '../chain/chain-view.js';
import { openChain, type OpenedChain, type OpenedImage } from '../chain/open-chain.js';
import { holderInWords, inTheWay, settle, type LockPorts } from '../merge/locked-chain.js';
import type { FileToLock, HeldLocks, LockConflict } from '../ports/image-lock.js';

/** A chain that is only read: nobody may write to it meanwhile, and whether somebody did all the same can be asked. */
export interface SourceChain {
  /** Nearest first, down to the base. */
  readonly images: readonly OpenedImage[];
  readonly view: ChainView;
  /** Why what it shows may not be all that the guest had, or may change; one sentence each. */
  readonly warnings: readonly string[];
  /** The first image that is not the file any more that was opened; null: all are. */
  changed(): Promise<MergeError | null>;
  close(): Promise<void>;
}

/**
 * Opens the chain below an image, to be read. Every file is locked against writers, flushed, its cached pages dropped, and read anew
 * after that, as a merge does: what was read before only told which files to lock. `path` is canonical.
 */
export const openSourceChain = async (
  path: string,
  search: ParentSearch,
  ports: LockPorts,
): Promise<Result<SourceChain, MergeError>> => {
  const roots = await allowedRoots([path], search, ports.files);
  const found = await openChain(path, roots, ports);
  if (!found.ok) return found;
  const toLock = found.value.images.map(({ image }): FileToLock => ({ path: image.description.path, use: 'read' }));
  await found.value.close();
  const locks = await ports.locks.lockAll(toLock);
  if (!locks.held) return err(inUse(locks));
  try {
    const opened = await underLocks(toLock, () => openChain(path, roots, ports), ports);
    if (opened.ok) return ok(await sourceChain(opened.value, locks, ports));
    await locks.release();
    return opened;
  } catch (fault) {
    await locks.release();
    throw fault;
  }
};

const underLocks = async (
  locked: readonly FileToLock[],
  open: () => Promise<Result<OpenedChain, MergeError>>,
  ports: LockPorts,
): Promise<Result<OpenedChain, MergeError>> => {
  const conflict = await inTheWay(locked, ports);
  if (conflict !== null) return err(inUse(conflict));
  const stale = await open();
  if (!stale.ok) return stale;
  await settle(stale.value, ports);
  const fresh = await open();
  if (!fresh.ok) return fresh;
  const other = fresh.value.images.find(({ image }) => locked.every(({ path }) => path !== image.description.path));
  if (other === undefined) return fresh;
  await fresh.value.close();
  return err(
    changedMeanwhile(other.image.description.path, 'the images that were there a moment before', 'another one'),
  );
};

const sourceChain = async (chain: OpenedChain, locks: HeldLocks, ports: LockPorts): Promise<SourceChain> => {
  const { images } = chain;
  const paths = images.map(({ image }) => image.description.path);
  return {
    images,
    view: new ChainView(images.map(({ image }) => image)),
    warnings: [
      ...(await ports.locks.missingProtection(paths)),
      ...images.filter(({ image }) => image.description.savedState).map(savedState),
    ],
    changed: () => firstChanged(images, ports),
    close: async () => {
      await chain.close();
      await locks.release();
    },
  };
};

const firstChanged = async (images: readonly OpenedImage[], { files }: LockPorts): Promise<MergeError | null> => {
  for (const { image, file } of images) {
    const { path } = image.description;
    const now = await files.stat(path);
    if (now === null) return changedMeanwhile(path, inWords(file), 'no file of this name');
    if (inWords(now) !== inWords(file) || now.dev !== file.dev)
      return changedMeanwhile(path, inWords(file), inWords(now));
  }
  return null;
};

const inWords = ({ ino, sizeBytes, mtimeNs }: FileIdentity): string =>
  `inode ${ino}, ${String(sizeBytes)} bytes, modified at ${mtimeNs} ns`;

const changedMeanwhile = (path: string, expected: string, found: string): MergeError =>
  mergeError('image-changed', 'this image was changed or replaced while it was being read', {
    path,
    expected,
    found,
    todo: 'Nothing was made. Find out who writes to it: a lock does not stop a program that asks for none. Then try again.',
  });

const inUse = ({ path, holders }: LockConflict): MergeError =>
  mergeError('image-in-use', 'another program may write to this file', {
    path,
    expected: 'a chain that nobody changes while it is read',
    found: holders.length === 0 ? 'a lock whose holder cannot be seen' : holders.map(holderInWords).join('; '),
    todo: 'Nothing was made. Shut down what uses the disk, then try again.',
  });

const savedState = ({ image }: OpenedImage): string =>
  `${image.description.path} says that a virtual machine was saved on it: what was only in its memory is not on the disk.`;

import { mergeError, type MergeError } from '#domain/merge-error';
import type { ChainAccepted, ImageRecord, MergeOptions } from '#domain/merge-job/events';
import { err, ok, type Result } from '#domain/result';
import { canonicalPath, notRecordable } from './merge-pair.js';
import type { OpenedImage } from '../chain/open-chain.js';
import { relativeInWords, type Relative } from '../chain/relatives.js';
import { filesToLock, type LockPorts, type MergeChain } from './locked-chain.js';
import { mergeTotals, type SpacePorts } from './merge-totals.js';
import { spaceForMerge } from './reservation.js';
import type { MergeMaterial } from './run-context.js';

/** What `ChainAccepted` will say, or why this chain is not merged: unwanted children, siblings, no room. Writes nothing. */
export const acceptanceOf = async (
  chain: MergeChain,
  material: MergeMaterial,
  options: MergeOptions,
  ports: LockPorts & SpacePorts,
): Promise<Result<Omit<ChainAccepted, 'type'>, MergeError>> => {
  const { children, siblings, stranded, unseen } = chain.relatives;
  const named = [...chain.sources, chain.destination].map(({ image }) => image.description.path);
  const nameless = [...named, ...children.map(({ image }) => image.path)].find((path) => !path.isWellFormed());
  if (nameless !== undefined) return err(notRecordable(nameless));
  if (children.length > 0 && options.reparent === 'none') return err(childrenPresent(chain, children));
  // A source that is renamed or removed takes the last chance to mend a broken link to it with it.
  const losing = options.retire === 'keep' ? siblings : [...siblings, ...stranded];
  const unnamed = await unnamedSiblings(losing, options.allowedSiblings, ports);
  if (unnamed.length > 0) return err(siblingsPresent(chain.destination, unnamed));
  if (options.retire === 'delete' && unseen.length > 0) return err(childrenUnseen(chain, unseen));
  const unchangeable =
    (await firstUnchangeable(children, ports)) ??
    (options.retire === 'keep' ? null : await firstUnremovable(chain.sources, ports)) ??
    (await material.destination.completionRefusal(chain.sources[0]!.image));
  if (unchangeable !== null) return err(unchangeable);
  const totals = await mergeTotals(material, chain, ports);
  const spaceFreeBytes = await spaceForMerge(chain.destination.image.description.path, ports.files);
  if (totals.spaceNeededBytes > spaceFreeBytes)
    return err(noRoom(chain.destination, totals.spaceNeededBytes, spaceFreeBytes));
  return ok({
    images: [...chain.sources, chain.destination].map(recordOf),
    ancestors: chain.ancestors.map(recordOf),
    children: children.map((child) => recordOfRelative(child, chain)),
    siblings: siblings.map((sibling) => recordOfRelative(sibling, chain)),
    ...totals,
    spaceFreeBytes,
    missingProtection: await unseenOf(chain, ports),
  });
};

/** What the host cannot see or lock, and where the search for relatives could not look. One sentence each. */
export const unseenOf = async (chain: MergeChain, { locks }: LockPorts): Promise<readonly string[]> => [
  ...(await locks.missingProtection(filesToLock(chain).map(({ path }) => path))),
  ...chain.relatives.unseen.map((path) => `${path} cannot be looked into: a child or a sibling there is not seen.`),
];

export const recordOf = ({ image, file }: OpenedImage): ImageRecord => {
  const { path, format, type, virtualSizeBytes, blockSizeBytes, logicalSectorSize } = image.description;
  const { identity, parentIdentities, writeIdentity } = image.description;
  return {
    path,
    format,
    type,
    virtualSizeBytes,
    blockSizeBytes,
    logicalSectorSize,
    identity,
    parentIdentity: parentIdentities[0] ?? null,
    writeIdentity,
    file,
  };
};

/** A relative is known by what a cheap look told; its sizes are the chain's, whose child it is. */
const recordOfRelative = ({ image, file }: Relative, chain: MergeChain): ImageRecord => {
  const { format, virtualSizeBytes, logicalSectorSize } = chain.destination.image.description;
  return {
    path: image.path,
    format,
    type: 'differencing',
    virtualSizeBytes,
    blockSizeBytes: null,
    logicalSectorSize,
    identity: image.identity,
    parentIdentity: image.parentIdentities[0] ?? null,
    writeIdentity: null,
    file,
  };
};

export const unnamedSiblings = async (
  siblings: readonly Relative[],
  allowed: readonly string[],
  { files }: LockPorts,
): Promise<readonly Relative[]> => {
  const names = new Set(await Promise.all(allowed.map((path) => canonicalPath(path, files))));
  return siblings.filter(({ image }) => !names.has(image.path));
};

export const siblingsPresent = (destination: OpenedImage, siblings: readonly Relative[]): MergeError => {
  const paths = siblings.map(({ image }) => image.path);
  return mergeError('siblings-present', 'other disks hang on an image that this merge changes or makes stale', {
    path: destination.image.description.path,
    expected: 'no child of it, or of an image between, besides the chain itself',
    found: siblings.map(relativeInWords).join(', '),
    todo: `What these disks show would be lost. Merge or remove them first; to give one up on purpose, name it: ${paths.map((path) => `--allow-sibling ${path}`).join(' ')}`,
    related: paths,
  });
};

/** Children are re-parented after the copy: what would keep them from it is asked before the first write. */
const firstUnchangeable = async (children: readonly Relative[], { images }: LockPorts): Promise<MergeError | null> => {
  for (const { image } of children) {
    const child = await images.open(image.path);
    if (!child.ok) return child.error;
    const refusal = child.value.writeRefusal();
    await child.value.close();
    if (refusal !== null) return refusal;
  }
  return null;
};

/** Sources are retired after the copy: what would keep their names where they are is asked before the first write. */
const firstUnremovable = async (sources: readonly OpenedImage[], { files }: LockPorts): Promise<MergeError | null> => {
  for (const { image } of sources) {
    const { path } = image.description;
    const obstacle = await files.changeObstacle(path, 'remove');
    if (obstacle !== null) return notRemovable(path, obstacle);
  }
  return null;
};

/** A child that is not seen is not re-parented, and what it shows goes with the source. */
export const childrenUnseen = (chain: MergeChain, unseen: readonly string[]): MergeError =>
  mergeError('children-present', 'the source is to be deleted, and it cannot be told whether other disks need it', {
    path: chain.sources[0]!.image.description.path,
    expected: 'to be able to look into every folder and disk beside the chain and below --root and --map',
    found: unseen.join(', '),
    todo: 'Run this as a user who may look there, or mend or move away these disks; or use --retire quarantine, which loses nothing.',
    related: unseen,
  });

const notRemovable = (path: string, obstacle: string): MergeError =>
  mergeError('access-denied', 'this source could be merged, but not renamed or removed afterwards', {
    path,
    expected: 'the right to rename and remove it, as --retire quarantine and --retire delete do',
    found: obstacle,
    todo: 'Change that, run as a user who may, or merge with --retire keep and take the sources away yourself.',
  });

const childrenPresent = (chain: MergeChain, children: readonly Relative[]): MergeError =>
  mergeError('children-present', 'the source has children', {
    path: chain.sources[0]!.image.description.path,
    expected: 'none, as --reparent none was asked for',
    found: children.map(({ image }) => image.path).join(', '),
    todo: 'Merge without --reparent none to give them the destination as their parent, or remove them first.',
    related: children.map(({ image }) => image.path),
  });

const noRoom = (destination: OpenedImage, needed: number, free: number): MergeError =>
  mergeError('out-of-space', 'there is no room for the blocks that the destination needs', {
    path: destination.image.description.path,
    expected: `${String(needed)} bytes free on its file system`,
    found: `${String(free)} bytes`,
    todo: `Make room for ${String(needed - free)} bytes more, then merge again.`,
  });

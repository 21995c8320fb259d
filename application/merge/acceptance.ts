import { mergeError, type MergeError } from '#domain/merge-error';
import type { ChainAccepted, ImageRecord, MergeOptions } from '#domain/merge-job/events';
import { err, ok, type Result } from '#domain/result';
import { canonicalPath } from './merge-pair.js';
import type { OpenedImage } from '../chain/open-chain.js';
import type { Relative } from '../chain/relatives.js';
import type { LockPorts, MergeChain } from './locked-chain.js';
import { mergeTotals } from './merge-totals.js';
import type { MergeMaterial } from './run-context.js';

/** What `ChainAccepted` will say, or why this chain is not merged: unwanted children, siblings, no room. Writes nothing. */
export const acceptanceOf = async (
  chain: MergeChain,
  material: MergeMaterial,
  options: MergeOptions,
  ports: LockPorts,
): Promise<Result<Omit<ChainAccepted, 'type'>, MergeError>> => {
  const { children, siblings } = chain.relatives;
  if (children.length > 0 && options.reparent === 'none') return err(childrenPresent(chain, children));
  const unnamed = await unnamedSiblings(siblings, options.allowedSiblings, ports);
  if (unnamed.length > 0) return err(siblingsPresent(chain.destination, unnamed));
  const unchangeable =
    (await firstUnchangeable(children, ports)) ??
    (await material.destination.completionRefusal(chain.sources[0]!.image));
  if (unchangeable !== null) return err(unchangeable);
  const totals = await mergeTotals(material.sources, material.destination);
  const spaceFreeBytes = await ports.files.freeSpaceBytes(chain.destination.image.description.path);
  if (totals.spaceNeededBytes > spaceFreeBytes)
    return err(noRoom(chain.destination, totals.spaceNeededBytes, spaceFreeBytes));
  return ok({
    images: [...chain.sources, chain.destination].map(recordOf),
    ancestors: chain.ancestors.map(recordOf),
    children: children.map((child) => recordOfRelative(child, chain)),
    siblings: siblings.map((sibling) => recordOfRelative(sibling, chain)),
    ...totals,
    spaceFreeBytes,
    missingProtection: await ports.locks.missingProtection(),
  });
};

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
    found: paths.join(', '),
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

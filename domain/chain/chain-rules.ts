import { mergeError, type MergeError } from '../merge-error.js';
import { err, ok, type Result } from '../result.js';
import type { ImageDescription } from './image-description.js';

/** Deeper chains than this are taken for damage or an attack. */
export const DEEPEST_CHAIN = 256;

/** A differencing chain as a merge sees it. */
export interface MergeableChain {
  /** Source first, then the images between, without the destination. */
  readonly sources: readonly ImageDescription[];
  readonly destination: ImageDescription;
  /** From the destination's parent to the base; empty when the destination is the base. */
  readonly ancestors: readonly ImageDescription[];
}

/**
 * May `source` be merged into `destination`? `chain` runs from the source to its base and is already linked by identity.
 * The order of the checks is the order in which a person would want to hear of them.
 */
export const mergeableChain = (
  chain: readonly ImageDescription[],
  destinationPath: string,
): Result<MergeableChain, MergeError> => {
  const source = chain[0]!;
  if (source.type !== 'differencing') {
    return err(
      mergeError('not-differencing', `a ${source.type} disk has no parent to merge into`, {
        path: source.path,
        expected: 'a differencing disk as the source',
        found: `a ${source.type} ${source.format.toUpperCase()}`,
        todo: 'Name the child first and its parent second.',
      }),
    );
  }
  const position = chain.findIndex((image) => image.path === destinationPath);
  if (position <= 0) {
    return err(
      mergeError('destination-not-an-ancestor', 'the destination is not an ancestor of the source', {
        path: destinationPath,
        expected: `one of the ancestors of ${source.path}: ${chain
          .slice(1)
          .map((image) => image.path)
          .join(', ')}`,
        found: 'a file that is not in this chain',
        todo: 'Look at the chain with `chainfold chain` and name one of its lower images as the destination.',
        related: chain.map((image) => image.path),
      }),
    );
  }
  const involved = chain.slice(0, position + 1);
  const flaw = involved.map((image) => unfit(image, source)).find((error) => error !== null);
  if (flaw !== undefined) return err(flaw);
  return ok({ sources: chain.slice(0, position), destination: chain[position]!, ancestors: chain.slice(position + 1) });
};

/** Why an image cannot be read as the parent of another, whatever its identity: they count in different units. */
export const unlike = (image: ImageDescription, child: ImageDescription): MergeError | null => {
  if (image.format !== child.format) {
    return mergeError('mixed-formats', 'VHD and VHDX cannot be in one chain', {
      path: image.path,
      expected: `${child.format.toUpperCase()}, as ${child.path} is`,
      found: image.format.toUpperCase(),
      todo: 'Name two images of one chain; this one was put together from two.',
    });
  }
  if (image.logicalSectorSize !== child.logicalSectorSize) {
    return mergeError('sector-size-differs', 'the logical sector sizes of the chain differ', {
      path: image.path,
      expected: `${String(child.logicalSectorSize)} bytes, as in ${child.path}`,
      found: `${String(image.logicalSectorSize)} bytes`,
      todo: 'A chain like this was not made by a working program; restore it from a copy.',
    });
  }
  return null;
};

const unfit = (image: ImageDescription, source: ImageDescription): MergeError | null => {
  const different = unlike(image, source);
  if (different !== null) return different;
  if (image.format === 'vhd' && image.virtualSizeBytes !== source.virtualSizeBytes) {
    return mergeError('size-mismatch', 'the disks of a VHD chain must have one size', {
      path: image.path,
      expected: `${String(source.virtualSizeBytes)} bytes, as the source ${source.path} has`,
      found: `${String(image.virtualSizeBytes)} bytes`,
      todo: 'A parent that was resized under its child must get its old size back before it can be merged into.',
    });
  }
  if (image.savedState) {
    return mergeError('saved-state', 'the disk belongs to a virtual machine in saved state', {
      path: image.path,
      expected: 'a disk that no saved machine state depends on',
      found: 'the saved-state mark in its footer',
      todo: 'Start and shut down the machine, or delete its saved state, then merge again.',
    });
  }
  return null;
};

import { DEEPEST_CHAIN } from '../chain/chain-rules.js';
import type { ImageDescription } from '../chain/image-description.js';
import { mergeError, type MergeError } from '../merge-error.js';

/**
 * May this child get this parent? `parents` runs from the new parent to its base and is linked by identity already. Null: it may.
 * The order of the checks is the order in which a person would want to hear of them.
 */
export const relinkRefusal = (
  child: ImageDescription,
  parents: readonly ImageDescription[],
  ignoreIdMismatch: boolean,
): MergeError | null => {
  const parent = parents[0]!;
  return (
    ofItself(child, parents) ??
    unlikeDisks(child, parent) ??
    savedState([child, ...parents]) ??
    (parents.length >= DEEPEST_CHAIN ? tooDeep(child) : null) ??
    (ignoreIdMismatch || child.parentIdentities.includes(parent.identity) ? null : otherIdentity(child, parent))
  );
};

const ofItself = (child: ImageDescription, parents: readonly ImageDescription[]): MergeError | null => {
  const same = parents.find(({ path, identity }) => path === child.path || identity === child.identity);
  return same === undefined ? null : wouldBeItsOwnParent(child.path, parents[0]!.path);
};

/** Also for a parent whose chain cannot be opened because it leads through the child. */
export const wouldBeItsOwnParent = (child: string, parent: string): MergeError =>
  mergeError('chain-cycle', 'the child would be its own ancestor', {
    path: child,
    expected: 'a parent that is neither the child itself, nor a copy of it, nor a disk above it',
    found: child === parent ? 'the child named twice' : `${parent}, whose chain leads through the child`,
    todo: 'Nothing was written. Look at the chain with `chainfold chain` and name the child first and its parent second.',
    related: [parent],
  });

const unlikeDisks = (child: ImageDescription, parent: ImageDescription): MergeError | null => {
  if (child.type !== 'differencing') {
    return mergeError('not-differencing', 'only a differencing disk has a parent', {
      path: child.path,
      expected: 'a differencing disk',
      found: `a ${child.type} ${child.format.toUpperCase()}`,
      todo: 'Nothing was written. Name the child first and its parent second.',
    });
  }
  if (child.format !== parent.format) {
    return mergeError('mixed-formats', 'a child and its parent are of one format', {
      path: child.path,
      expected: `a ${child.format.toUpperCase()} as the parent`,
      found: `${parent.path}, a ${parent.format.toUpperCase()}`,
      todo: 'Nothing was written. Name the disk that the child was made over.',
      related: [parent.path],
    });
  }
  if (child.logicalSectorSize !== parent.logicalSectorSize) {
    return mergeError('sector-size-differs', 'the logical sector sizes differ', {
      path: child.path,
      expected: `a parent with sectors of ${String(child.logicalSectorSize)} bytes`,
      found: `${parent.path} with ${String(parent.logicalSectorSize)} bytes`,
      todo: 'Nothing was written. Name the disk that the child was made over.',
      related: [parent.path],
    });
  }
  if (child.format === 'vhd' && child.virtualSizeBytes !== parent.virtualSizeBytes) {
    return mergeError('size-mismatch', 'a VHD and its parent have one size', {
      path: child.path,
      expected: `a parent of ${String(child.virtualSizeBytes)} bytes`,
      found: `${parent.path} with ${String(parent.virtualSizeBytes)} bytes`,
      todo: 'Nothing was written. A parent that was resized under its child must get its old size back first.',
      related: [parent.path],
    });
  }
  return null;
};

const savedState = (images: readonly ImageDescription[]): MergeError | null => {
  const saved = images.find((image) => image.savedState);
  return saved === undefined
    ? null
    : mergeError('saved-state', 'the disk belongs to a virtual machine in saved state', {
        path: saved.path,
        expected: 'a disk that no saved machine state depends on',
        found: 'the saved-state mark in its footer',
        todo: 'Nothing was written. Start and shut down the machine, or delete its saved state, then try again.',
      });
};

const tooDeep = ({ path }: ImageDescription): MergeError =>
  mergeError('chain-too-deep', 'the chain would be deeper than any real one', {
    path,
    expected: `at most ${String(DEEPEST_CHAIN)} images`,
    found: 'more',
    todo: 'Nothing was written. Look at the chain of the new parent with `chainfold chain`.',
  });

const otherIdentity = (child: ImageDescription, parent: ImageDescription): MergeError =>
  mergeError('identity-mismatch', 'this is not the parent that the child names', {
    path: child.path,
    expected: `a parent with identity ${child.parentIdentities.join(' or ')}`,
    found: `${parent.path} with ${parent.identity}: another disk, or this one after somebody wrote to it`,
    todo: 'Nothing was written. Name the right disk, or restore it from a copy. If you know that its data are those which the child was made over, say so with --ignore-id-mismatch: the data are not compared, and with a wrong parent the child shows a mix of both.',
    related: [parent.path],
  });

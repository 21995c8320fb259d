import { isFault, type FileSystem } from '../ports/file-system.js';
import type { RelinkPair } from './reparent-pair.js';

/**
 * Does the child lead to this parent by everything that it says and that means something on this host? Then there is nothing to
 * change. The bare name in a VHD's header says only what the parent is called.
 */
export const isRightAlready = async ({ child, parents }: RelinkPair, files: FileSystem): Promise<boolean> => {
  const parent = parents[0]!.image.description;
  const { parentIdentities, parentCandidates } = child.image.description;
  if (!parentIdentities.includes(parent.identity)) return false;
  const paths = parentCandidates.flatMap(({ source, path }) =>
    source === 'parent name' || path === null ? [] : [path],
  );
  for (const path of paths) if ((await realPathOrNull(path, files)) !== parent.path) return false;
  return paths.length > 0;
};

const realPathOrNull = async (path: string, files: FileSystem): Promise<string | null> => {
  try {
    return await files.realPath(path);
  } catch (fault) {
    // Nothing is there, or nothing that we may look at: the child does not lead to its parent by this path.
    if (isFault(fault, 'not-found') || isFault(fault, 'access-denied')) return null;
    throw fault;
  }
};

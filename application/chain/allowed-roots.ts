import type { PathMap } from '#domain/chain/path-map';
import type { FileSystem } from '../ports/file-system.js';
import { folderOf, isInside } from './paths.js';

/** What a person says about where parents lie. A merge keeps it with its options, so that a resumed one looks in the same places. */
export interface ParentSearch {
  /** Folders in or below which parents may lie, besides those of the images named. Absolute. */
  readonly roots: readonly string[];
  /** Where a path that was stored on another machine lies here, in the order given. */
  readonly maps?: readonly PathMap[];
}

/** Folders in which parents are looked for. A path in an image is an attacker's path until it is proven to be inside. */
export interface AllowedRoots {
  include(path: string): boolean;
  readonly folders: readonly string[];
  /** Those of them that were given, with `--root` or in a map, not the images' own. */
  readonly given: readonly string[];
  /** As they were given, their folders with links resolved. */
  readonly maps: readonly PathMap[];
  readonly inWords: string;
}

/**
 * The folders of the images that a person named, those given with `--root`, and those of the maps; all with links resolved. A map's
 * folder is a root in every respect: whoever says that disks lie there means that parents and siblings may.
 */
export const allowedRoots = async (
  images: readonly string[],
  search: ParentSearch,
  files: FileSystem,
): Promise<AllowedRoots> => {
  const own = await Promise.all(images.map((image) => files.realPath(folderOf(image))));
  const roots = await Promise.all(search.roots.map((folder) => files.realPath(folder)));
  const maps = await Promise.all(
    (search.maps ?? []).map(async ({ stored, path }) => ({ stored, path: await files.realPath(path) })),
  );
  const given = [...new Set([...roots, ...maps.map(({ path }) => path)])];
  const folders = [...new Set([...own, ...given])];
  return {
    folders,
    given,
    maps,
    inWords: folders.join(', '),
    include: (path) => folders.some((folder) => isInside(path, folder)),
  };
};

/**
 * The chains that a set of images forms, and what is wrong with them. Pure: what is known of the files is given.
 *
 * Guarantees:
 * - Every image is in exactly one tree, once: one whose parent is not known for certain is the root of a tree of its own.
 * - A link is an edge only when the parent lies where the child says and has an identity that the child accepts.
 * - The same images give the same forest, whatever their order.
 */
import { DEEPEST_CHAIN } from './chain-rules.js';
import type { ImageFormat, ImageType } from './image-description.js';
import { linkTroubles, type Trouble } from './link-troubles.js';

/** An image as a look at its file told. What a damaged one does not tell is null. */
export interface ForestImage {
  readonly path: string;
  /** Which file it is: two paths of one file have one key. */
  readonly fileKey: string;
  readonly format: ImageFormat | null;
  readonly type: ImageType | null;
  readonly virtualSizeBytes: number | null;
  readonly logicalSectorSize: number | null;
  readonly identity: string | null;
  readonly parentIdentities: readonly string[];
  /** Where it says that its parent is, in the order to try. */
  readonly leads: readonly ForestLead[];
}

export interface ForestLead {
  /** The path that was tried, or that is stored. */
  readonly tried: string;
  /** The file there; null when there is none that may be looked at. */
  readonly fileKey: string | null;
  readonly why: string | null;
}

export interface ForestNode<Image extends ForestImage> {
  readonly image: Image;
  readonly troubles: readonly Trouble[];
  /** By path. */
  readonly children: readonly ForestNode<Image>[];
}

/** The roots by path. */
export const forestOf = <Image extends ForestImage>(images: readonly Image[]): readonly ForestNode<Image>[] => {
  const sorted = [...images].sort((one, other) => (one.path < other.path ? -1 : 1));
  const byFile = new Map(sorted.map((image) => [image.fileKey, image]));
  const parents = new Map<Image, Image>();
  for (const image of sorted) {
    const parent = parentOf(image, byFile);
    if (parent !== null) parents.set(image, parent);
  }
  const cycles = withoutCycles(sorted, parents);
  const children = new Map<Image, Image[]>();
  for (const [child, parent] of parents) children.set(parent, [...(children.get(parent) ?? []), child]);
  const troubles = linkTroubles(sorted, byFile, parents, cycles);
  return sorted.filter((image) => !parents.has(image)).map((root) => treeOf(root, children, troubles));
};

const parentOf = <Image extends ForestImage>(image: Image, byFile: ReadonlyMap<string, Image>): Image | null => {
  for (const { fileKey } of image.leads) {
    const found = fileKey === null ? undefined : byFile.get(fileKey);
    const identity = found?.identity ?? null;
    if (found !== undefined && identity !== null && image.parentIdentities.includes(identity)) return found;
  }
  return null;
};

/** Cuts each cycle at its first image, which becomes a root; gives the images of every cycle, in the order of their links. */
const withoutCycles = <Image extends ForestImage>(
  images: readonly Image[],
  parents: Map<Image, Image>,
): ReadonlyMap<Image, readonly Image[]> => {
  const cycles = new Map<Image, readonly Image[]>();
  const done = new Set<Image>();
  for (const start of images) {
    const way: Image[] = [];
    const onWay = new Set<Image>();
    let at: Image | undefined = start;
    while (at !== undefined && !done.has(at) && !onWay.has(at)) {
      way.push(at);
      onWay.add(at);
      at = parents.get(at);
    }
    if (at !== undefined && onWay.has(at)) {
      const cycle = way.slice(way.indexOf(at));
      for (const image of cycle) cycles.set(image, cycle);
      parents.delete([...cycle].sort((one, other) => (one.path < other.path ? -1 : 1))[0]!);
    }
    for (const image of way) done.add(image);
  }
  return cycles;
};

/** Built from the leaves down, without recursion: a chain of hostile images may be as deep as there are images. */
const treeOf = <Image extends ForestImage>(
  root: Image,
  children: ReadonlyMap<Image, readonly Image[]>,
  troubles: ReadonlyMap<Image, readonly Trouble[]>,
): ForestNode<Image> => {
  const order: { readonly image: Image; readonly depth: number }[] = [{ image: root, depth: 1 }];
  for (const { image, depth } of order)
    for (const child of children.get(image) ?? []) order.push({ image: child, depth: depth + 1 });
  const nodes = new Map<Image, ForestNode<Image>>();
  for (const { image, depth } of order.reverse()) {
    const own = troubles.get(image) ?? [];
    nodes.set(image, {
      image,
      troubles: depth === DEEPEST_CHAIN + 1 ? [...own, tooDeep] : own,
      children: (children.get(image) ?? []).map((child) => nodes.get(child)!),
    });
  }
  return nodes.get(root)!;
};

const tooDeep: Trouble = {
  kind: 'too-deep',
  severity: 'broken',
  message: `the chain is deeper than ${DEEPEST_CHAIN} images: it is not opened from here on`,
  related: [],
};

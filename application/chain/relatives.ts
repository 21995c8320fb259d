import { sameFile, type FileIdentity } from '#domain/chain/image-description';
import type { PathMap } from '#domain/chain/path-map';
import type { ProbedImage } from '../ports/disk-image.js';
import { isFault, type FileSystem } from '../ports/file-system.js';
import { filesIn, type FoundFile, type SearchPlaces } from './files-in-folders.js';
import { leadsOf, type Leading } from './leads.js';
import type { ChainPorts, OpenedImage } from './open-chain.js';
import { isInside } from './paths.js';

export type { SearchPlaces };

/** A disk outside the chain whose parent is one of its images. */
export interface Relative {
  readonly image: ProbedImage;
  readonly file: FileIdentity;
  /**
   * `identity`: the link holds. `path`: it says that its parent lies where an image of the chain is, but was made from another disk:
   * its link is broken, and whoever wants to mend it needs that image as it is.
   */
  readonly link: 'identity' | 'path';
}

export interface Relatives {
  /** Their parent is the source: they are re-parented. */
  readonly children: readonly Relative[];
  /** Their parent is the destination or an image between: what they show is lost by the merge. */
  readonly siblings: readonly Relative[];
  /** Their broken links lead to the source: they show nothing now, and can be mended only while it is there. */
  readonly stranded: readonly Relative[];
  /** Folders and files that this user may not look into: a child or a sibling may be there. */
  readonly unseen: readonly string[];
}

/**
 * Looks for disks that hang on the chain: by identity, as names lie, and a copy of a child is a sibling too; and by path, for links
 * that are broken. `sources` is the source and the images between.
 */
export const findRelatives = async (
  sources: readonly OpenedImage[],
  destination: OpenedImage,
  places: SearchPlaces & { readonly maps?: readonly PathMap[] },
  ports: ChainPorts,
  ancestors: readonly OpenedImage[] = [],
): Promise<Relatives> => {
  const chain = [...sources, destination];
  const sourceIdentity = sources[0]!.image.description.identity;
  const changed = chain.slice(1);
  const otherIdentities = changed.map(({ image }) => image.description.identity);
  const leading = leadingIn(places);
  const found = await filesIn(places, ports.files);
  const children: Relative[] = [];
  const siblings: Relative[] = [];
  const stranded: Relative[] = [];
  const unseen = found.passedOver.filter(({ hides }) => hides).map(({ path }) => path);
  for (const { path, file } of found.files) {
    if ([...chain, ...ancestors].some((member) => sameFile(member.file, file))) continue;
    const image = await ports.images.probe(path);
    if (image === null) {
      if (await isUnreadable(path, ports.files)) unseen.push(path);
    } else if (image.parentIsUnreadable) {
      unseen.push(path);
    } else if (image.parentIdentities.includes(sourceIdentity)) {
      children.push({ image, file, link: 'identity' });
    } else if (image.parentIdentities.some((identity) => otherIdentities.includes(identity))) {
      siblings.push({ image, file, link: 'identity' });
    } else if (await brokenLinkLeadsTo(changed, image, leading, ports)) {
      siblings.push({ image, file, link: 'path' });
    } else if (await brokenLinkLeadsTo([sources[0]!], image, leading, ports)) {
      stranded.push({ image, file, link: 'path' });
    }
  }
  return { children, siblings, stranded, unseen };
};

/** Disks in these places whose parent is the image with this identity, the chain's own images left out. */
export const childrenOf = async (
  identity: string,
  chain: readonly { readonly path: string }[],
  places: SearchPlaces,
  ports: ChainPorts,
): Promise<readonly Relative[]> => {
  const children: Relative[] = [];
  for (const { path, file } of (await filesIn(places, ports.files)).files) {
    if (chain.some((member) => member.path === path)) continue;
    const image = await ports.images.probe(path);
    if (image?.parentIdentities.includes(identity) === true) children.push({ image, file, link: 'identity' });
  }
  return children;
};

/** For a person who is to decide about it: which disk, and which of the two it is. */
export const relativeInWords = ({ image, link }: Relative): string =>
  link === 'identity'
    ? image.path
    : `${image.path} (its link is broken: it says that its parent lies there, but it was made from a disk with identity ${image.parentIdentities.join(' or ')}; the merge would take away the last chance to mend it)`;

const leadingIn = ({ folders, trees, maps = [] }: SearchPlaces & { readonly maps?: readonly PathMap[] }): Leading => ({
  include: (path) => [...folders, ...trees].some((folder) => isInside(path, folder)),
  maps,
  inWords: [...folders, ...trees].join(', '),
});

/** A link is broken when none of the places that the image names holds the parent that it was made from. */
const brokenLinkLeadsTo = async (
  changed: readonly OpenedImage[],
  image: ProbedImage,
  leading: Leading,
  { images, files }: ChainPorts,
): Promise<boolean> => {
  if (image.parentCandidates.length === 0) return false;
  const paths = (await leadsOf(image.parentCandidates, leading, files)).flatMap(({ path }) => path ?? []);
  const stats = await Promise.all(paths.map((path) => statOrNull(path, files)));
  if (!stats.some((stat) => stat !== null && changed.some((member) => sameFile(member.file, stat)))) return false;
  for (const path of paths) {
    const parent = await images.probe(path);
    if (parent !== null && image.parentIdentities.includes(parent.identity)) return false;
  }
  return true;
};

/** What went, or may not be looked at, is no image of the chain, which was opened. */
const statOrNull = async (path: string, files: FileSystem): Promise<FoundFile['file'] | null> =>
  await files.stat(path).catch((fault: unknown) => {
    if (isFault(fault, 'access-denied') || isFault(fault, 'not-found')) return null;
    throw fault;
  });

/** Is it a file that this user may not read? One that is no disk, or went meanwhile, hides nothing. */
const isUnreadable = async (path: string, files: FileSystem): Promise<boolean> => {
  try {
    await (await files.open(path, 'read')).close();
    return false;
  } catch (fault) {
    if (isFault(fault, 'access-denied')) return true;
    if (isFault(fault, 'not-found') || isFault(fault, 'not-a-file')) return false;
    throw fault;
  }
};

import { sameFile, type FileIdentity } from '#domain/chain/image-description';
import type { ProbedImage } from '../ports/disk-image.js';
import { isFault, type FileSystem } from '../ports/file-system.js';
import type { ChainPorts, OpenedImage } from './open-chain.js';
import { joinPath } from './paths.js';

/** A disk outside the chain whose parent is one of its images. */
export interface Relative {
  readonly image: ProbedImage;
  readonly file: FileIdentity;
}

export interface Relatives {
  /** Their parent is the source: they are re-parented. */
  readonly children: readonly Relative[];
  /** Their parent is the destination or an image between: what they show is lost by the merge. */
  readonly siblings: readonly Relative[];
}

/**
 * Looks for disks that hang on the chain, by identity: names lie, and a copy of a child is a sibling too.
 * `sources` is the source and the images between. Files that cannot be read are passed over: they cannot be images in use here.
 */
export const findRelatives = async (
  sources: readonly OpenedImage[],
  destination: OpenedImage,
  places: SearchPlaces,
  ports: ChainPorts,
): Promise<Relatives> => {
  const chain = [...sources, destination];
  const sourceIdentity = sources[0]!.image.description.identity;
  const otherIdentities = chain.slice(1).map(({ image }) => image.description.identity);
  const children: Relative[] = [];
  const siblings: Relative[] = [];
  for (const { path, file } of await filesIn(places, ports)) {
    if (chain.some((member) => sameFile(member.file, file))) continue;
    const image = await ports.images.probe(path);
    if (image === null) continue;
    if (image.parentIdentities.includes(sourceIdentity)) children.push({ image, file });
    else if (image.parentIdentities.some((identity) => otherIdentities.includes(identity)))
      siblings.push({ image, file });
  }
  return { children, siblings };
};

/** Disks in these places whose parent is the image with this identity, the chain's own images left out. */
export const childrenOf = async (
  identity: string,
  chain: readonly { readonly path: string }[],
  places: SearchPlaces,
  ports: ChainPorts,
): Promise<readonly Relative[]> => {
  const children: Relative[] = [];
  for (const { path, file } of await filesIn(places, ports)) {
    if (chain.some((member) => member.path === path)) continue;
    const image = await ports.images.probe(path);
    if (image?.parentIdentities.includes(identity) === true) children.push({ image, file });
  }
  return children;
};

/** Where disks are looked for: in folders, and in trees with all that is below them. Links are not followed. */
export interface SearchPlaces {
  readonly folders: readonly string[];
  readonly trees: readonly string[];
}

/** No real tree of images is deeper. */
const DEEPEST_FOLDER = 32;

/** A folder that this user may not look into is passed over like a file that cannot be read; so is one that went meanwhile. */
const listed = async (folder: string, files: FileSystem): Promise<readonly string[]> =>
  await files.list(folder).catch((fault: unknown) => {
    if (isFault(fault, 'access-denied') || isFault(fault, 'not-found')) return [];
    throw fault;
  });

interface FoundFile {
  readonly path: string;
  readonly file: FileIdentity;
}

const filesIn = async ({ folders, trees }: SearchPlaces, { files }: ChainPorts): Promise<readonly FoundFile[]> => {
  const found: FoundFile[] = [];
  const seen = new Set<string>();
  const look = async (folder: string, deeper: number): Promise<void> => {
    for (const name of [...(await listed(folder, files))].sort()) {
      const path = joinPath(folder, name);
      const stat = await files.stat(path).catch((fault: unknown) => {
        if (isFault(fault, 'access-denied')) return null;
        throw fault;
      });
      if (stat?.kind === 'folder' && deeper > 0) await look(path, deeper - 1);
      if (stat?.kind !== 'file' || seen.has(`${stat.dev}:${stat.ino}`)) continue;
      seen.add(`${stat.dev}:${stat.ino}`);
      found.push({ path, file: { dev: stat.dev, ino: stat.ino, sizeBytes: stat.sizeBytes, mtimeNs: stat.mtimeNs } });
    }
  };
  for (const folder of new Set(folders)) await look(folder, 0);
  for (const tree of new Set(trees)) await look(tree, DEEPEST_FOLDER);
  return found;
};

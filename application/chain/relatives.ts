import { sameFile, type FileIdentity } from '#domain/chain/image-description';
import type { ProbedImage } from '../ports/disk-image.js';
import { isFault } from '../ports/file-system.js';
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
 * Looks through folders for disks that hang on the chain, by identity: names lie, and a copy of a child is a sibling too.
 * `sources` is the source and the images between. Files that cannot be read are passed over: they cannot be images in use here.
 */
export const findRelatives = async (
  sources: readonly OpenedImage[],
  destination: OpenedImage,
  folders: readonly string[],
  ports: ChainPorts,
): Promise<Relatives> => {
  const chain = [...sources, destination];
  const sourceIdentity = sources[0]!.image.description.identity;
  const otherIdentities = chain.slice(1).map(({ image }) => image.description.identity);
  const children: Relative[] = [];
  const siblings: Relative[] = [];
  for (const { path, file } of await filesIn(folders, ports)) {
    if (chain.some((member) => sameFile(member.file, file))) continue;
    const image = await ports.images.probe(path);
    if (image === null) continue;
    if (image.parentIdentities.includes(sourceIdentity)) children.push({ image, file });
    else if (image.parentIdentities.some((identity) => otherIdentities.includes(identity)))
      siblings.push({ image, file });
  }
  return { children, siblings };
};

/** Disks in these folders whose parent is the image with this identity, the chain's own images left out. */
export const childrenOf = async (
  identity: string,
  chain: readonly { readonly path: string }[],
  folders: readonly string[],
  ports: ChainPorts,
): Promise<readonly Relative[]> => {
  const children: Relative[] = [];
  for (const { path, file } of await filesIn(folders, ports)) {
    if (chain.some((member) => member.path === path)) continue;
    const image = await ports.images.probe(path);
    if (image?.parentIdentities.includes(identity) === true) children.push({ image, file });
  }
  return children;
};

const filesIn = async (
  folders: readonly string[],
  { files }: ChainPorts,
): Promise<{ path: string; file: FileIdentity }[]> => {
  const found: { path: string; file: FileIdentity }[] = [];
  const seen = new Set<string>();
  for (const folder of new Set(folders)) {
    for (const name of [...(await files.list(folder))].sort()) {
      const path = joinPath(folder, name);
      const stat = await files.stat(path).catch((fault: unknown) => {
        if (isFault(fault, 'access-denied')) return null;
        throw fault;
      });
      if (stat?.kind !== 'file' || seen.has(`${stat.dev}:${stat.ino}`)) continue;
      seen.add(`${stat.dev}:${stat.ino}`);
      found.push({ path, file: { dev: stat.dev, ino: stat.ino, sizeBytes: stat.sizeBytes, mtimeNs: stat.mtimeNs } });
    }
  }
  return found;
};

import { DEEPEST_CHAIN, unlike } from '#domain/chain/chain-rules';
import { sameFile, type FileIdentity } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import type { DiskImage, DiskImages } from '../ports/disk-image.js';
import type { FileSystem } from '../ports/file-system.js';
import type { AllowedRoots } from './allowed-roots.js';
import { locate, placesOf } from './leads.js';

export interface ChainPorts {
  readonly images: DiskImages;
  readonly files: FileSystem;
}

/** An image of an open chain, and the file that it was read from. */
export interface OpenedImage {
  readonly image: DiskImage;
  readonly file: FileIdentity;
}

/** A chain from the image named down to its base, every link proven by identity. */
export interface OpenedChain {
  /** Leaf first. */
  readonly images: readonly OpenedImage[];
  close(): Promise<void>;
}

/**
 * Opens an image and every parent down to the base, read-only. A parent is found through the child's own words, tried in order,
 * inside the allowed roots, and accepted by identity alone: a path is a hint that anyone may have written.
 */
export const openChain = async (
  path: string,
  roots: AllowedRoots,
  ports: ChainPorts,
): Promise<Result<OpenedChain, MergeError>> => {
  const opened: OpenedImage[] = [];
  const close = async (): Promise<void> => {
    for (const { image } of opened) await image.close();
  };
  try {
    const leaf = await openFile(path, ports);
    if (!leaf.ok) return leaf;
    opened.push(leaf.value);
    for (let child = leaf.value; child.image.description.type === 'differencing';) {
      const parent =
        opened.length >= DEEPEST_CHAIN ? err(tooDeep(path)) : await openParent(child, opened, roots, ports);
      if (!parent.ok) {
        await close();
        return parent;
      }
      opened.push(parent.value);
      child = parent.value;
    }
    return ok({ images: opened, close });
  } catch (fault) {
    await close();
    throw fault;
  }
};

const openFile = async (path: string, { images, files }: ChainPorts): Promise<Result<OpenedImage, MergeError>> => {
  const image = await images.open(path);
  if (!image.ok) return image;
  const file = await files.stat(image.value.description.path);
  if (file === null) {
    await image.value.close();
    return err(
      mergeError('file-not-found', 'the file vanished while it was read', {
        path,
        todo: 'See who moves files here, then try again.',
      }),
    );
  }
  const { dev, ino, sizeBytes, mtimeNs } = file;
  return ok({ image: image.value, file: { dev, ino, sizeBytes, mtimeNs } });
};

/** A place that was looked for and is none, in the words of a person. */
interface Attempt {
  readonly tried: string;
  readonly source: string;
  readonly why: string;
  /** A Windows path that no map covers. */
  readonly unmapped: string | null;
}

const openParent = async (
  child: OpenedImage,
  above: readonly OpenedImage[],
  roots: AllowedRoots,
  ports: ChainPorts,
): Promise<Result<OpenedImage, MergeError>> => {
  const { parentCandidates } = child.image.description;
  const attempts: Attempt[] = [];
  let problem: MergeError | null = null;
  for (const candidate of parentCandidates) {
    for (const place of placesOf(candidate, roots)) {
      const located = await locate(place, ports.files);
      if (!located.ok) {
        attempts.push({ tried: place.tried, source: candidate.source, why: located.error, unmapped: place.unmapped });
        continue;
      }
      const parent = await openFile(located.value, ports);
      if (parent.ok) {
        const wrong = wrongParent(child, parent.value, above);
        if (wrong === null) return parent;
        await parent.value.image.close();
        problem ??= wrong;
      } else {
        problem ??= parent.error;
      }
    }
  }
  return err(problem ?? parentNotFound(child, attempts));
};

const wrongParent = (child: OpenedImage, parent: OpenedImage, above: readonly OpenedImage[]): MergeError | null => {
  const { path, parentIdentities } = child.image.description;
  const found = parent.image.description;
  if (above.some((image) => sameFile(image.file, parent.file) || image.image.description.identity === found.identity)) {
    return mergeError('chain-cycle', 'the chain comes back to a disk that it already contains', {
      path,
      expected: 'a parent that is none of its own descendants',
      found: `${found.path} (${found.identity}) as the parent`,
      todo: 'One of these files was replaced or renamed; put the right parent back.',
      related: above.map((image) => image.image.description.path),
    });
  }
  if (parentIdentities.includes(found.identity)) return unlike(found, child.image.description);
  return mergeError('identity-mismatch', 'the parent found is not the one this child was made from', {
    path,
    expected: `a parent with identity ${parentIdentities.join(' or ')}`,
    found: `${found.path} with identity ${found.identity}`,
    todo: 'Put the right parent there. A path only says where to look: the identity decides.',
    related: [found.path],
  });
};

const parentNotFound = (child: OpenedImage, attempts: readonly Attempt[]): MergeError => {
  const { path, parentIdentities } = child.image.description;
  const tried = attempts.map((attempt) => `${shortened(attempt.tried)} (${attempt.source}: ${attempt.why})`);
  const unmapped = attempts.find((attempt) => attempt.unmapped !== null)?.unmapped ?? null;
  const hint =
    unmapped === null ? '' : ` Say where a Windows path lies here with --map: --map '${mapHint(unmapped)}=FOLDER'.`;
  return mergeError('parent-not-found', 'its parent cannot be found', {
    path,
    expected: `the disk with identity ${parentIdentities.join(' or ')}`,
    found: tried.length === 0 ? 'no parent path in the child at all' : `none of the paths tried: ${tried.join('; ')}`,
    todo: `Put the parent where the child looks for it, or allow its folder with --root.${hint} If it was moved for good, relink the child with \`chainfold reparent\`.`,
    related: attempts.map((attempt) => attempt.tried),
  });
};

/** An image may store 64 KiB of path: enough of it to know it again, so that what to do is not lost behind it. */
const LONGEST_QUOTED = 512;

const shortened = (text: string): string =>
  text.length <= LONGEST_QUOTED
    ? text
    : `${text.slice(0, LONGEST_QUOTED)}… (${String(text.length - LONGEST_QUOTED)} characters more)`;

/** The folder of a stored path, as Windows writes it. */
const mapHint = (stored: string): string => shortened(stored.slice(0, Math.max(stored.lastIndexOf('\\'), 2)));

const tooDeep = (path: string): MergeError =>
  mergeError('chain-too-deep', 'the chain is deeper than any real one', {
    path,
    expected: `at most ${String(DEEPEST_CHAIN)} images`,
    found: 'more',
    todo: 'Nothing was written. Look at the chain with `chainfold chain`.',
  });

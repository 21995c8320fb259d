/**
 * What the guest sees of a chain of plain VHDs, leaf to base: of each sector the nearest image that has it, else zeros.
 */
import { createHash } from 'node:crypto';
import { join, dirname } from 'node:path';
import { beside, type ByteSource, openFile, type OpenSource } from './byte-source.js';
import { checkStructure, fatal } from './plain-vhd-check.js';
import { SECTOR_BYTES } from './plain-vhd-layout.js';
import { openPlainVhd, sectorPlaces, type PlainVhd } from './plain-vhd-reader.js';

/** Leaf to base, at least one. */
export type PlainChain = readonly PlainVhd[];

const PIECE_BYTES = 1024 * 1024;

/** Opens the images given from leaf to base. Throws when one is damaged, or is not the parent that its child names by id. */
export const openChain = (images: readonly (string | ByteSource)[]): PlainChain => {
  const chain = images.map(openSound);
  chain.forEach((image, index) => {
    const below = chain[index + 1];
    if (image.parent !== undefined && image.parent.uniqueId !== below?.uniqueId)
      throw new Error(
        `${image.source.path}: its parent is ${image.parent.uniqueId}, below it is ${below?.uniqueId ?? 'nothing'}`,
      );
    if (image.parent === undefined && below !== undefined)
      throw new Error(`${image.source.path}: a ${image.type} image has no parent`);
  });
  return chain;
};

/**
 * Opens an image and, by what it says of its parent, all below it. Tried in this order: W2ru, W2ku, MacX, the parent's name; the first
 * file that is there and has the right id. Absolute paths are another machine's: of these only the last part counts, in the child's folder.
 */
export const followChain = (leaf: string, open: OpenSource = openFile): PlainChain => follow(leaf, open, [leaf]);

const follow = (leaf: string, open: OpenSource, seen: readonly string[]): PlainChain => {
  const source = open(leaf);
  if (source === undefined) throw new Error(`${leaf} does not exist`);
  const image = openSound(source);
  const { parent } = image;
  if (parent === undefined) return [image];
  const candidates = parentPaths(image);
  const found = candidates.find((path) => {
    const file = seen.includes(path) ? undefined : open(path);
    return file !== undefined && openPlainVhd(file).uniqueId === parent.uniqueId;
  });
  if (found === undefined)
    throw new Error(`${leaf}: no parent ${parent.uniqueId} at ${candidates.join(', ') || 'any path'}`);
  return [image, ...follow(found, open, [...seen, found])];
};

/** The bytes [offsetBytes, offsetBytes + lengthBytes) as the leaf shows them; both multiples of 512. */
export const guestRange = (chain: PlainChain, offsetBytes: number, lengthBytes: number): Uint8Array =>
  rangeReader(chain)(offsetBytes, lengthBytes);

/** The whole disk as the leaf shows it. */
export const guestBytes = (chain: PlainChain): Uint8Array => guestRange(chain, 0, sizeOf(chain));

/** SHA-256 of the whole disk in hex, read piece by piece. */
export const guestSha256 = (chain: PlainChain): string => {
  const hash = createHash('sha256');
  const read = rangeReader(chain);
  const size = sizeOf(chain);
  for (let offset = 0; offset < size; offset += PIECE_BYTES)
    hash.update(read(offset, Math.min(PIECE_BYTES, size - offset)));
  return hash.digest('hex');
};

const sizeOf = ([leaf]: PlainChain): number => {
  if (leaf === undefined) throw new Error('a chain has at least one image');
  return leaf.sizeBytes;
};

type RangeReader = (offsetBytes: number, lengthBytes: number) => Uint8Array;

const rangeReader = ([image, ...rest]: PlainChain): RangeReader => {
  if (image === undefined) return (_, lengthBytes) => new Uint8Array(lengthBytes);
  const placeOf = sectorPlaces(image);
  const below = rangeReader(rest);
  return (offsetBytes, lengthBytes) => {
    const view = below(offsetBytes, lengthBytes);
    view.fill(0, Math.min(lengthBytes, Math.max(0, image.sizeBytes - offsetBytes)));
    const first = offsetBytes / SECTOR_BYTES;
    const end = Math.min(offsetBytes + lengthBytes, image.sizeBytes) / SECTOR_BYTES;
    for (let sector = first; sector < end;) {
      const place = placeOf(sector);
      let next = sector + 1;
      if (place !== undefined) {
        // Sectors that follow each other in the file, too, are one read.
        while (next < end && placeOf(next) === place + (next - sector) * SECTOR_BYTES) next += 1;
        view.set(image.source.read(place, (next - sector) * SECTOR_BYTES), (sector - first) * SECTOR_BYTES);
      }
      sector = next;
    }
    return view;
  };
};

const openSound = (image: string | ByteSource): PlainVhd => {
  const vhd = openPlainVhd(image);
  const [complaint] = checkStructure(vhd).filter(fatal);
  if (complaint !== undefined) throw new Error(`${vhd.source.path}: ${complaint.detail}`);
  return vhd;
};

const parentPaths = ({ source, parent }: PlainVhd): readonly string[] => {
  const pathOf = (code: string): string | undefined => parent?.locators.find((locator) => locator.code === code)?.path;
  const relative = pathOf('W2ru')?.replaceAll('\\', '/');
  const others = [pathOf('W2ku'), pathOf('MacX'), parent?.name].map((path) => path?.replaceAll('\\', '/'));
  return [
    ...(relative ? [join(dirname(source.path), relative)] : []),
    ...others.flatMap((path) => (path ? [beside(source.path, path)] : [])),
  ];
};

/**
 * What the guest sees of a chain of plain VHDX images, leaf to base: of each sector the nearest image that supplies it, else zeros.
 * FORMATS.md B5, C1: states 1, 2 and 3 are zeros that hide the parent, and a smaller disk hides all that lies beyond its end.
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { beside, type ByteSource, openFile, type OpenSource } from './byte-source.js';
import { checkStructure, fatalVhdx } from './plain-vhdx-check.js';
import { openPlainVhdx, type PlainVhdx } from './plain-vhdx-reader.js';
import { vhdxRuns } from './plain-vhdx-sectors.js';

/** Leaf to base, at least one. */
export type PlainVhdxChain = readonly PlainVhdx[];

const PIECE_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(PIECE_BYTES);

/**
 * Opens the images given from leaf to base. Throws when one is damaged, is not the parent that its child names by parent_linkage or
 * parent_linkage2, or has other logical sectors.
 */
export const openVhdxChain = (images: readonly (string | ByteSource)[]): PlainVhdxChain => {
  const chain = images.map(openSound);
  chain.forEach((image, index) => {
    const below = chain[index + 1];
    if (image.parent !== undefined && (below === undefined || !isParent(image, below)))
      throw new Error(
        `${image.source.path}: its parent is ${image.parent.linkages.join(' or ')}, below it is ${below?.dataWriteGuid ?? 'nothing'}`,
      );
    if (image.parent === undefined && below !== undefined)
      throw new Error(`${image.source.path}: a ${image.type} image has no parent`);
    if (below !== undefined && below.logicalSectorBytes !== image.logicalSectorBytes)
      throw new Error(`${below.source.path}: sectors of ${below.logicalSectorBytes} bytes below others`);
  });
  return chain;
};

/**
 * Opens an image and, by what it says of its parent, all below it. Tried in this order: relative_path, volume_path, absolute_win32_path;
 * the first file that is there and has an identity that the child accepts. Volume and absolute paths are another machine's: of these only
 * the last part counts, in the child's folder.
 */
export const followVhdxChain = (leaf: string, open: OpenSource = openFile): PlainVhdxChain =>
  openVhdxChain(follow(leaf, open, [leaf]));

const follow = (leaf: string, open: OpenSource, seen: readonly string[]): readonly ByteSource[] => {
  const source = open(leaf);
  if (source === undefined) throw new Error(`${leaf} does not exist`);
  const image = openPlainVhdx(source);
  if (image.parent === undefined) return [source];
  const candidates = parentPaths(image);
  const found = candidates.find((path) => {
    const file = seen.includes(path) ? undefined : open(path);
    return file !== undefined && isParent(image, openPlainVhdx(file));
  });
  if (found === undefined)
    throw new Error(
      `${leaf}: no parent ${image.parent.linkages.join(' or ')} at ${candidates.join(', ') || 'any path'}`,
    );
  return [source, ...follow(found, open, [...seen, found])];
};

const isParent = ({ parent }: PlainVhdx, { dataWriteGuid }: PlainVhdx): boolean =>
  parent?.linkages.includes(dataWriteGuid) === true;

const parentPaths = ({ source, parent }: PlainVhdx): readonly string[] => {
  const pathOf = (key: string): string | undefined =>
    parent?.pairs.find((pair) => pair.key === key)?.value.replaceAll('\\', '/');
  const relative = pathOf('relative_path');
  const others = [pathOf('volume_path'), pathOf('absolute_win32_path')];
  return [
    ...(relative ? [join(dirname(source.path), relative)] : []),
    ...others.flatMap((path) => (path ? [beside(source.path, path)] : [])),
  ];
};

const openSound = (image: string | ByteSource): PlainVhdx => {
  const vhdx = openPlainVhdx(image);
  const [complaint] = checkStructure(vhdx).filter(fatalVhdx);
  if (complaint !== undefined) throw new Error(`${vhdx.source.path}: ${complaint.detail}`);
  return vhdx;
};

/** The bytes [offsetBytes, offsetBytes + lengthBytes) as the leaf shows them; both multiples of the logical sector. */
export const vhdxGuestRange = (chain: PlainVhdxChain, offsetBytes: number, lengthBytes: number): Uint8Array => {
  const view = new Uint8Array(lengthBytes);
  for (const { at, bytes } of guestPieces(chain, offsetBytes, offsetBytes + lengthBytes))
    view.set(bytes, at - offsetBytes);
  return view;
};

/** The whole disk as the leaf shows it. */
export const vhdxGuestBytes = (chain: PlainVhdxChain): Uint8Array => vhdxGuestRange(chain, 0, sizeOf(chain));

/** SHA-256 of the whole disk in hex, read piece by piece: what no image supplies costs no read. */
export const vhdxGuestSha256 = (chain: PlainVhdxChain): string => {
  const hash = createHash('sha256');
  const size = sizeOf(chain);
  let done = 0;
  const zerosTo = (end: number): void => {
    for (; done < end; done += Math.min(PIECE_BYTES, end - done))
      hash.update(NOTHING.subarray(0, Math.min(PIECE_BYTES, end - done)));
  };
  for (const { at, bytes } of guestPieces(chain, 0, size)) {
    zerosTo(at);
    hash.update(bytes);
    done = at + bytes.length;
  }
  zerosTo(size);
  return hash.digest('hex');
};

const sizeOf = ([leaf]: PlainVhdxChain): number => {
  if (leaf === undefined) throw new Error('a chain has at least one image');
  return leaf.sizeBytes;
};

/** What lies in [from, to) of the disk, in ascending order; what is not among it is zero. */
function* guestPieces(
  [image, ...below]: PlainVhdxChain,
  from: number,
  to: number,
): Generator<{ readonly at: number; readonly bytes: Uint8Array }> {
  if (image === undefined) return;
  const sector = image.logicalSectorBytes;
  for (const { firstSector, sectorCount, place } of vhdxRuns(
    image,
    from / sector,
    Math.min(to, image.sizeBytes) / sector,
  )) {
    const [first, end] = [firstSector * sector, (firstSector + sectorCount) * sector];
    if (place === undefined) yield* guestPieces(below, first, end);
    else if (place !== 'zeros')
      for (let at = first; at < end; at += PIECE_BYTES)
        yield { at, bytes: image.view.read(place + at - first, Math.min(PIECE_BYTES, end - at)) };
  }
}

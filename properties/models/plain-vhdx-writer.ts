/**
 * A plain VHDX writer: specification in, the parts of a file that are not zero out. Written from FORMATS.md Part B; shares nothing with
 * the product.
 *
 * What the log holds is written into place first, and then taken from there into the log's entries.
 */
import type { PlainImage } from './plain-vhd-spec.js';
import { writeImage } from './plain-vhd-writer.js';
import { firstMib } from './plain-vhdx-first-mib.js';
import { BITMAP_PRESENT, MIB, PAGE_BYTES, REGION_TABLES_AT, TABLE_BYTES } from './plain-vhdx-layout.js';
import { type LogContent, ringParts } from './plain-vhdx-log.js';
import { metadataBytes } from './plain-vhdx-metadata.js';
import { blocksOf, payloadOf, placeVhdx, type VhdxPlacement } from './plain-vhdx-placement.js';
import {
  type MetadataPart,
  METADATA_PARTS,
  type PlainLog,
  type PlainRange,
  type PlainVhdxImage,
  type PlainVhdxSpec,
} from './plain-vhdx-spec.js';
import { staleBytes } from './sector-content.js';
import { SparseBytes } from './sparse-bytes.js';

/** The image as the parts that are not zero. */
export const plainVhdxImage = (spec: PlainVhdxSpec): PlainVhdxImage => {
  const place = placeVhdx(spec);
  const file = new SparseBytes();
  for (const { offsetBytes, bytes } of firstMib(spec, place)) file.write(offsetBytes, bytes);
  for (const { guid, bytes } of spec.regions ?? [])
    file.write(place.regions.find((region) => region.guid === guid)?.offsetBytes ?? 0, bytes ?? new Uint8Array());
  file.write(place.metadata.offsetBytes, metadataBytes(spec));
  writeBat(file, spec, place);
  writeBlocks(file, spec, place);
  if (spec.leftovers === 'stale') for (const range of place.unused) litter(file, range);

  const sizeBytes = place.sizeBytes - (spec.log?.fileShorterByMib ?? 0) * MIB;
  const image =
    spec.log === undefined ? { sizeBytes, extents: file.extents() } : logged(file, spec.log, place, sizeBytes);
  const last = image.extents.at(-1);
  if (last !== undefined && last.offsetBytes + last.bytes.length > sizeBytes)
    throw new Error(`content at ${last.offsetBytes}, beyond the file's end at ${sizeBytes}`);
  const { log, bat, metadata, payloadAt, bitmapAt } = place;
  return { ...image, log, bat, metadata, payloadAt, bitmapAt };
};

/** Writes the image to `path`, which may exist; what is zero stays a hole where the file system has holes. */
export const writePlainVhdx = (path: string, spec: PlainVhdxSpec): void => {
  writeImage(path, plainVhdxImage(spec));
};

/** FORMATS.md B5: a byte offset in MiB from bit 20 on, the state in bits 0-2. */
const writeBat = (
  file: SparseBytes,
  spec: PlainVhdxSpec,
  { geometry, bat, payloadAt, bitmapAt }: VhdxPlacement,
): void => {
  const write = (index: number, state: number, offsetBytes: number): void => {
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64LE(BigInt(offsetBytes + state));
    file.write(bat.offsetBytes + index * 8, entry);
  };
  for (const block of blocksOf(spec, geometry))
    write(geometry.payloadIndex(block), payloadOf(spec, block).state, payloadAt.get(block) ?? 0);
  for (const [chunk, at] of bitmapAt) write(geometry.bitmapIndex(chunk), BITMAP_PRESENT, at);
};

const writeBlocks = (file: SparseBytes, spec: PlainVhdxSpec, place: VhdxPlacement): void => {
  const { chunkRatio, sectorsPerBlock } = place.geometry;
  const checked = (block: number, firstSector: number, sectorCount: number): void => {
    if (firstSector < 0 || firstSector + sectorCount > sectorsPerBlock)
      throw new Error(`block ${block}: ${sectorCount} sectors from ${firstSector}, of ${sectorsPerBlock}`);
  };
  for (const [block, { content = [], bits = [] }] of spec.payload) {
    for (const { firstSector, bytes } of content) {
      checked(block, firstSector, bytes.length / spec.logicalSectorBytes);
      file.write((place.payloadAt.get(block) ?? 0) + firstSector * spec.logicalSectorBytes, bytes);
    }
    const bitmapAt = place.bitmapAt.get(Math.floor(block / chunkRatio)) ?? 0;
    const firstBit = (block % chunkRatio) * sectorsPerBlock;
    for (const { firstSector, sectorCount, step = 1 } of bits) {
      checked(block, firstSector, sectorCount);
      for (let sector = firstSector; sector < firstSector + sectorCount; sector += step)
        file.setBit(bitmapAt + ((firstBit + sector) >> 3), (firstBit + sector) & 7);
    }
  }
};

/** Stale pages at the beginning and the end of each MiB. */
const litter = (file: SparseBytes, { offsetBytes, lengthBytes }: PlainRange): void => {
  for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += MIB)
    for (const page of [at, at + MIB - PAGE_BYTES]) file.write(page, staleBytes(PAGE_BYTES));
};

/** Takes from the file what its log holds, unless that has been applied long ago. */
const logged = (file: SparseBytes, log: PlainLog, place: VhdxPlacement, sizeBytes: number): PlainImage => {
  const ranges: Record<MetadataPart, readonly PlainRange[]> = {
    bat: [place.bat],
    metadata: [place.metadata],
    bitmaps: [...place.bitmapAt.values()].map((offsetBytes) => ({ offsetBytes, lengthBytes: MIB })),
    'region tables': REGION_TABLES_AT.map((offsetBytes) => ({ offsetBytes, lengthBytes: TABLE_BYTES })),
  };
  const pagesOf = ({ offsetBytes, lengthBytes }: PlainRange): LogContent['pages'] =>
    file
      .extents(offsetBytes, offsetBytes + lengthBytes)
      .map((page) => ({ offsetBytes: page.offsetBytes, bytes: page.bytes.slice() }));
  const held = METADATA_PARTS.filter((part) => log.holds.includes(part)).flatMap((part) => ranges[part]);
  const active: LogContent = {
    zeros: log.holds.includes('bitmaps') ? ranges.bitmaps : [],
    pages: held.flatMap(pagesOf),
  };
  const stalePage = (offsetBytes: number): LogContent => ({
    zeros: [],
    pages: [{ offsetBytes, bytes: staleBytes(PAGE_BYTES) }],
  });
  const [firstPayload] = place.payloadAt.values();
  const parts = ringParts(
    log,
    place.log.lengthBytes,
    {
      retired: firstPayload === undefined ? { zeros: [], pages: [] } : stalePage(firstPayload),
      active: log.state === 'dirty' ? active : stalePage(place.bat.offsetBytes),
      torn: stalePage(place.bat.offsetBytes),
    },
    { flushedBytes: sizeBytes, lastBytes: place.sizeBytes },
  );
  if (log.state === 'dirty') {
    const stale = log.before === 'stale';
    for (const { offsetBytes } of active.pages)
      file.write(offsetBytes, stale ? staleBytes(PAGE_BYTES) : new Uint8Array(PAGE_BYTES));
    if (stale) for (const range of active.zeros) litter(file, range);
  }
  for (const { offsetBytes, bytes } of parts) file.write(place.log.offsetBytes + offsetBytes, bytes);
  return { sizeBytes, extents: file.extents() };
};

/**
 * A plain VHD writer: specification in, bytes out. Written from FORMATS.md A1-A4 and D; shares nothing with the product.
 *
 * The parts of the file are computed first and then written into a sparse file, so that a 2040 GiB disk costs its blocks only.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { placeMetadata, type Placement } from './plain-vhd-placement.js';
import {
  bitmapBytes,
  DISK_TYPES,
  FOOTER_BYTES,
  FOOTER_CHECKSUM_AT,
  HEADER_BYTES,
  HEADER_CHECKSUM_AT,
  idBytes,
  LOCATOR_BYTES,
  LOCATORS_AT,
  roundUp,
  SECTOR_BYTES,
  UNUSED,
  vhdChecksum,
} from './plain-vhd-layout.js';
import type { PlainBlock, PlainImage, PlainVhdSpec } from './plain-vhd-spec.js';
import { staleBytes } from './sector-content.js';

type Extent = PlainImage['extents'][number];

const CREATORS = {
  windows: { application: 'win ', version: 0x000a0000, host: 'Wi2k' },
  xen: { application: 'tap\0', version: 0x00010003, host: '\0\0\0\0' },
  qemu: { application: 'qem2', version: 0x00050003, host: 'Wi2k' },
  bare: { application: 'vbox', version: 0x00070002, host: 'Wi2k' },
} as const;

/** The image as the parts that are not zero. */
export const plainVhdImage = (spec: PlainVhdSpec): PlainImage =>
  spec.type === 'fixed' ? fixedImage(spec) : sparseImage(spec);

/** Writes the image to `path`, which may exist; what is zero stays a hole where the file system has holes. */
export const writePlainVhd = (path: string, spec: PlainVhdSpec): void => {
  writeImage(path, plainVhdImage(spec));
};

export const writeImage = (path: string, image: PlainImage): void => {
  const file = openSync(path, 'w');
  try {
    ftruncateSync(file, image.sizeBytes);
    for (const { offsetBytes, bytes } of image.extents)
      for (let done = 0; done < bytes.length;)
        done += writeSync(file, bytes, done, bytes.length - done, offsetBytes + done);
  } finally {
    closeSync(file);
  }
};

/** The whole file in memory; for small images. */
export const imageBytes = (image: PlainImage): Uint8Array => {
  const file = new Uint8Array(image.sizeBytes);
  for (const { offsetBytes, bytes } of image.extents) file.set(bytes, offsetBytes);
  return file;
};

const fixedImage = (spec: PlainVhdSpec): PlainImage => ({
  sizeBytes: spec.sizeBytes + FOOTER_BYTES,
  extents: [
    ...[...spec.blocks].map(([index, { data }]) => {
      const offsetBytes = index * spec.blockSizeBytes;
      return { offsetBytes, bytes: data.subarray(0, spec.sizeBytes - offsetBytes) };
    }),
    { offsetBytes: spec.sizeBytes, bytes: footer(spec) },
  ],
});

/** Head footer, dynamic header, what the dialect puts where, blocks with gaps before them, slack, tail footer. */
const sparseImage = (spec: PlainVhdSpec): PlainImage => {
  const place = placeMetadata(spec);
  const bat = Buffer.alloc(place.batBytes, spec.dialect === 'xen' ? 0 : 0xff);
  for (let index = 0; index < place.maxTableEntries; index += 1) bat.writeUInt32BE(UNUSED, index * 4);

  const blocks: Extent[] = [];
  let end = place.endBytes;
  const leave = (bytes: number): void => {
    if (spec.leftovers === 'stale') blocks.push({ offsetBytes: end, bytes: leftover(bytes) });
    end += bytes;
  };
  const bitmapSize = bitmapBytes(spec.blockSizeBytes);
  const order = spec.fileOrder ?? [...spec.blocks.keys()].sort((a, b) => a - b);
  order.forEach((index, nth) => {
    const block = spec.blocks.get(index);
    if (block === undefined) throw new Error(`the file order names block ${index}, which the image does not have`);
    const earliest = end + (spec.gapsSectors?.[nth] ?? 0) * SECTOR_BYTES;
    const start = roundUp(earliest + bitmapSize, place.dataAlignmentBytes) - bitmapSize;
    leave(start - end);
    bat.writeUInt32BE(start / SECTOR_BYTES, index * 4);
    blocks.push(
      { offsetBytes: start, bytes: bitmap(spec, block) },
      { offsetBytes: start + bitmapSize, bytes: block.data },
    );
    end = start + bitmapSize + spec.blockSizeBytes;
  });
  if (order.length !== spec.blocks.size) throw new Error('the file order leaves blocks out');
  leave(
    roundUp(end + (spec.slackSectors ?? 0) * SECTOR_BYTES + FOOTER_BYTES, place.tailAlignmentBytes) -
      FOOTER_BYTES -
      end,
  );

  return {
    sizeBytes: end + FOOTER_BYTES,
    extents: [
      { offsetBytes: 0, bytes: footer(spec) },
      { offsetBytes: FOOTER_BYTES, bytes: dynamicHeader(spec, place) },
      { offsetBytes: place.batAt, bytes: bat },
      ...place.locators.map(({ offsetBytes, payload }) => ({ offsetBytes, bytes: payload })),
      ...place.batmap,
      ...blocks,
      { offsetBytes: end, bytes: footer(spec) },
    ],
  };
};

const bitmap = (spec: PlainVhdSpec, block: PlainBlock): Uint8Array => {
  const bytes = Buffer.alloc(bitmapBytes(spec.blockSizeBytes));
  for (let sector = 0; sector < spec.blockSizeBytes / SECTOR_BYTES; sector += 1)
    if (spec.dialect === 'qemu' || block.bits[sector] === true)
      bytes.writeUInt8(bytes.readUInt8(sector >> 3) | (0x80 >> (sector & 7)), sector >> 3);
  return bytes;
};

/** Stale bytes, each sector of which begins like an old footer: read as a bitmap it would have bits set. */
const leftover = (lengthBytes: number): Uint8Array => {
  const bytes = Buffer.from(staleBytes(lengthBytes));
  for (let at = 0; at < lengthBytes; at += SECTOR_BYTES) bytes.write('conectix', at, 'ascii');
  return bytes;
};

/** 512 bytes, FORMATS.md A1. */
const footer = (spec: PlainVhdSpec): Uint8Array => {
  const creator = CREATORS[spec.dialect];
  const [cylinders, heads, sectorsPerTrack] = spec.dialect === 'qemu' ? [65535, 16, 255] : geometry(spec.sizeBytes);
  const bytes = Buffer.alloc(FOOTER_BYTES);
  bytes.write('conectix', 0, 'ascii');
  bytes.writeUInt32BE(2, 8);
  bytes.writeUInt32BE(0x00010000, 12);
  bytes.writeBigUInt64BE(spec.type === 'fixed' ? 0xffffffffffffffffn : BigInt(FOOTER_BYTES), 16);
  bytes.writeUInt32BE(spec.timeStamp, 24);
  bytes.write(creator.application, 28, 'latin1');
  bytes.writeUInt32BE(creator.version, 32);
  bytes.write(creator.host, 36, 'latin1');
  bytes.writeBigUInt64BE(BigInt(spec.sizeBytes), 40);
  bytes.writeBigUInt64BE(BigInt(spec.sizeBytes), 48);
  bytes.writeUInt16BE(cylinders, 56);
  bytes.writeUInt8(heads, 58);
  bytes.writeUInt8(sectorsPerTrack, 59);
  bytes.writeUInt32BE(DISK_TYPES[spec.type], 60);
  idBytes(spec.uniqueId).copy(bytes, 68);
  bytes.writeUInt32BE(vhdChecksum(bytes, FOOTER_CHECKSUM_AT), FOOTER_CHECKSUM_AT);
  return bytes;
};

/** 1024 bytes, FORMATS.md A3. */
const dynamicHeader = (spec: PlainVhdSpec, place: Placement): Uint8Array => {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('cxsparse', 0, 'ascii');
  bytes.writeBigUInt64BE(0xffffffffffffffffn, 8);
  bytes.writeBigUInt64BE(BigInt(place.batAt), 16);
  bytes.writeUInt32BE(0x00010000, 24);
  bytes.writeUInt32BE(place.maxTableEntries, 28);
  bytes.writeUInt32BE(spec.blockSizeBytes, 32);
  if (spec.type === 'differencing') {
    idBytes(spec.parent.uniqueId).copy(bytes, 40);
    bytes.writeUInt32BE(spec.dialect === 'windows' ? 0 : spec.parent.timeStamp, 56);
    Buffer.from(place.parentName, 'utf16le').swap16().copy(bytes, 64, 0, 512);
  }
  place.locators.forEach(({ code, spaceBytes, payload, offsetBytes }, slot) => {
    const at = LOCATORS_AT + slot * LOCATOR_BYTES;
    bytes.write(code, at, 'ascii');
    bytes.writeUInt32BE(spaceBytes, at + 4);
    bytes.writeUInt32BE(payload.length, at + 8);
    bytes.writeBigUInt64BE(BigInt(offsetBytes), at + 16);
  });
  bytes.writeUInt32BE(vhdChecksum(bytes, HEADER_CHECKSUM_AT), HEADER_CHECKSUM_AT);
  return bytes;
};

/** Cylinders, heads and sectors per track by the specification's appendix. FORMATS.md A2 */
const geometry = (sizeBytes: number): readonly [number, number, number] => {
  const sectors = Math.min(sizeBytes / SECTOR_BYTES, 65535 * 16 * 255);
  const tracks = (perTrack: number): number => Math.floor(sectors / perTrack);
  const cylinders = (heads: number, perTrack: number): number => Math.floor(tracks(perTrack) / heads);
  if (sectors >= 65535 * 16 * 63) return [cylinders(16, 255), 16, 255];
  const heads = Math.max(4, Math.floor((tracks(17) + 1023) / 1024));
  if (heads <= 16 && tracks(17) < heads * 1024) return [cylinders(heads, 17), heads, 17];
  if (tracks(31) < 16 * 1024) return [cylinders(16, 31), 16, 31];
  return [cylinders(16, 63), 16, 63];
};

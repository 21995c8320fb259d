/**
 * Where each dialect puts what lies between the dynamic header and the first block, as seen in the corpus' files.
 */
import { BATMAP_COOKIE, FOOTER_BYTES, HEADER_BYTES, roundUp, SECTOR_BYTES } from './plain-vhd-layout.js';
import type { PlainImage, PlainParent, PlainVhdSpec } from './plain-vhd-spec.js';

export type PlainLocator = {
  readonly code: 'W2ku' | 'W2ru' | 'MacX';
  /** Platform Data Space, in bytes as Windows and XenServer write it. */
  readonly spaceBytes: number;
  readonly payload: Uint8Array;
  readonly offsetBytes: number;
};

export type Placement = {
  readonly batAt: number;
  /** Up to the next sector border. */
  readonly batBytes: number;
  readonly maxTableEntries: number;
  readonly parentName: string;
  readonly locators: readonly PlainLocator[];
  readonly batmap: PlainImage['extents'];
  /** The first byte that a block may take. */
  readonly endBytes: number;
  /** Borders that a block's data begins at. */
  readonly dataAlignmentBytes: number;
  /** Borders that the file ends at. */
  readonly tailAlignmentBytes: number;
};

const PAGE_BYTES = 4096;
const AFTER_HEADER = FOOTER_BYTES + HEADER_BYTES;

export const placeMetadata = (spec: PlainVhdSpec): Placement => {
  const needed = Math.ceil(spec.sizeBytes / spec.blockSizeBytes);
  const parent = spec.type === 'differencing' ? spec.parent : undefined;
  const parentFile = parent?.fileName;
  switch (spec.dialect) {
    case 'windows':
      return windows(needed, parent);
    case 'xen':
      return xen(spec, needed, parentFile);
    case 'qemu':
      if (parentFile !== undefined) throw new Error('QEMU writes no differencing VHD');
      return unaligned(needed + 1, '');
    case 'bare':
      return unaligned(needed, parentFile ?? '');
  }
};

/** fat-differential.vhd: W2ku at 4096, the BAT at 8192, W2ru behind it with 65,536 bytes of space. ntfs-dynamic.vhd: the BAT at 1536. */
const windows = (maxTableEntries: number, parent: PlainParent | undefined): Placement => {
  const batAt = parent === undefined ? AFTER_HEADER : 2 * PAGE_BYTES;
  const batEnd = roundUp(batAt + maxTableEntries * 4, PAGE_BYTES);
  const parentless = {
    batAt,
    batBytes: batEnd - batAt,
    maxTableEntries,
    parentName: '',
    locators: [],
    batmap: [],
    endBytes: batEnd,
    dataAlignmentBytes: PAGE_BYTES,
    tailAlignmentBytes: PAGE_BYTES,
  };
  if (parent === undefined) return parentless;
  const fullPath = `${parent.windowsFolder ?? 'C:\\Virtual Disks'}\\${parent.fileName}`;
  const relativePath = `.\\${parent.fileName}`;
  return {
    ...parentless,
    parentName: fullPath,
    locators: [
      { code: 'W2ku', spaceBytes: PAGE_BYTES, payload: Buffer.from(fullPath, 'utf16le'), offsetBytes: PAGE_BYTES },
      { code: 'W2ru', spaceBytes: 65536, payload: Buffer.from(relativePath, 'utf16le'), offsetBytes: batEnd },
    ],
    endBytes: batEnd + 65536,
  };
};

/** xen-leaf.vhd: the BAT at 1536, the batmap's header and map behind it, then MacX, W2ku and W2ru of a sector each. */
const xen = (spec: PlainVhdSpec, maxTableEntries: number, parentFile: string | undefined): Placement => {
  const batBytes = roundUp(maxTableEntries * 4, SECTOR_BYTES);
  const batmap = batmapAt(AFTER_HEADER + batBytes, spec, maxTableEntries);
  const batmapEnd = Math.max(...batmap.map(({ offsetBytes, bytes }) => offsetBytes + bytes.length));
  const payloads: readonly (readonly [PlainLocator['code'], Uint8Array])[] =
    parentFile === undefined
      ? []
      : [
          ['MacX', Buffer.from(`file://./${parentFile}`, 'utf8')],
          ['W2ku', Buffer.from(`.\\${parentFile}`, 'utf16le')],
          ['W2ru', Buffer.from(`.\\${parentFile}`, 'utf16le')],
        ];
  return {
    batAt: AFTER_HEADER,
    batBytes,
    maxTableEntries,
    parentName: parentFile ?? '',
    locators: payloads.map(([code, payload], slot) => ({
      code,
      spaceBytes: SECTOR_BYTES,
      payload,
      offsetBytes: batmapEnd + slot * SECTOR_BYTES,
    })),
    batmap,
    endBytes: batmapEnd + payloads.length * SECTOR_BYTES,
    dataAlignmentBytes: PAGE_BYTES,
    tailAlignmentBytes: SECTOR_BYTES,
  };
};

/** A header sector and a map with the bit of every block that is present as a whole. FORMATS.md D, XenServer */
const batmapAt = (offsetBytes: number, spec: PlainVhdSpec, entries: number): PlainImage['extents'] => {
  const map = Buffer.alloc(roundUp(Math.ceil(entries / 8), SECTOR_BYTES));
  for (const [index, { bits }] of spec.blocks)
    if (bits.length === spec.blockSizeBytes / SECTOR_BYTES && bits.every((bit) => bit))
      map.writeUInt8(map.readUInt8(index >> 3) | (0x80 >> (index & 7)), index >> 3);
  const header = Buffer.alloc(SECTOR_BYTES);
  header.write(BATMAP_COOKIE, 0, 'ascii');
  header.writeBigUInt64BE(BigInt(offsetBytes + SECTOR_BYTES), 8);
  header.writeUInt32BE(map.length / SECTOR_BYTES, 16);
  header.writeUInt32BE(0x00010002, 20);
  header.writeUInt32BE(~map.reduce((sum, byte) => sum + byte, 0) >>> 0, 24);
  return [
    { offsetBytes, bytes: header },
    { offsetBytes: offsetBytes + SECTOR_BYTES, bytes: map },
  ];
};

/** The BAT straight behind the header, the blocks straight behind the BAT. */
const unaligned = (maxTableEntries: number, parentName: string): Placement => {
  const batBytes = roundUp(maxTableEntries * 4, SECTOR_BYTES);
  return {
    batAt: AFTER_HEADER,
    batBytes,
    maxTableEntries,
    parentName,
    locators: [],
    batmap: [],
    endBytes: AFTER_HEADER + batBytes,
    dataAlignmentBytes: SECTOR_BYTES,
    tailAlignmentBytes: SECTOR_BYTES,
  };
};

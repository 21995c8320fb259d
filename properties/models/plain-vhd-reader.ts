/**
 * A plain VHD reader: opens one image and says where each of its sectors is. Written from FORMATS.md A1-A4.
 *
 * It throws when the image cannot be read at all; what else is wrong with it, `checkPlainVhd` says.
 */
import { type ByteSource, fileSource } from './byte-source.js';
import {
  bitmapBytes,
  bitOf,
  DISK_TYPES,
  FOOTER_BYTES,
  FOOTER_CHECKSUM_AT,
  HEADER_BYTES,
  HEADER_CHECKSUM_AT,
  idText,
  LOCATOR_BYTES,
  LOCATORS_AT,
  SECTOR_BYTES,
  UNUSED,
  vhdChecksum,
  type VhdType,
} from './plain-vhd-layout.js';

export type PlainFooter = {
  readonly from: 'tail' | 'short tail' | 'head';
  /** Where the guest's data must end: the tail's place, or the end of a file that has lost its tail. */
  readonly tailAt: number;
  readonly bytes: Buffer;
};

export type FoundLocator = {
  readonly code: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** The path it holds, decoded; empty for codes that this reader does not know. */
  readonly path: string;
};

/** What a dynamic or differencing image has besides its footer. */
export type PlainTable = {
  readonly headerAt: number;
  readonly batAt: number;
  readonly maxTableEntries: number;
  readonly blockSizeBytes: number;
  /** Sector numbers of the blocks' bitmaps, or `UNUSED`. */
  readonly bat: readonly number[];
};

export type PlainVhd = {
  readonly source: ByteSource;
  readonly footer: PlainFooter;
  readonly type: VhdType;
  readonly sizeBytes: number;
  readonly uniqueId: string;
  readonly timeStamp: number;
  /** Four characters and a version, as in "win  a.0". */
  readonly creator: string;
  readonly table: PlainTable | undefined;
  /** Differencing images only. */
  readonly parent:
    | {
        readonly uniqueId: string;
        readonly timeStamp: number;
        readonly name: string;
        readonly locators: readonly FoundLocator[];
      }
    | undefined;
};

export const openPlainVhd = (image: string | ByteSource): PlainVhd => {
  const source = typeof image === 'string' ? fileSource(image) : image;
  const footer = readFooter(source);
  const number = footer.bytes.readUInt32BE(60);
  const type = (['fixed', 'dynamic', 'differencing'] as const).find((name) => DISK_TYPES[name] === number);
  if (type === undefined) throw new Error(`${source.path}: disk type ${number} is none of 2, 3, 4`);
  const header = type === 'fixed' ? undefined : readHeader(source, Number(footer.bytes.readBigUInt64BE(16)));
  return {
    source,
    footer,
    type,
    sizeBytes: Number(footer.bytes.readBigUInt64BE(48)),
    uniqueId: idText(footer.bytes.subarray(68, 84)),
    timeStamp: footer.bytes.readUInt32BE(24),
    creator: `${footer.bytes.toString('latin1', 28, 32)} ${footer.bytes.readUInt16BE(32).toString(16)}.${footer.bytes.readUInt16BE(34).toString(16)}`,
    table: header === undefined ? undefined : readTable(source, header.at, header.bytes),
    parent: header === undefined || type !== 'differencing' ? undefined : readParent(source, header.bytes),
  };
};

export const footerIsValid = (bytes: Buffer): boolean =>
  bytes.toString('latin1', 0, 8) === 'conectix' &&
  bytes.readUInt32BE(FOOTER_CHECKSUM_AT) === vhdChecksum(bytes, FOOTER_CHECKSUM_AT);

/** A valid tail wins, also one of 511 bytes; else the head copy, which only types 3 and 4 have. FORMATS.md A1 */
const readFooter = (source: ByteSource): PlainFooter => {
  const end = source.sizeBytes;
  if (end < FOOTER_BYTES) throw new Error(`${source.path}: ${end} bytes are too few for a footer`);
  const tail = source.read(end - FOOTER_BYTES, FOOTER_BYTES);
  if (footerIsValid(tail)) return { from: 'tail', tailAt: end - FOOTER_BYTES, bytes: tail };
  if (end % SECTOR_BYTES === 511) {
    const short = Buffer.concat([source.read(end - 511, 511), Buffer.alloc(1)]);
    if (footerIsValid(short)) return { from: 'short tail', tailAt: end - 511, bytes: short };
  }
  const head = source.read(0, FOOTER_BYTES);
  if (footerIsValid(head) && head.readUInt32BE(60) !== DISK_TYPES.fixed)
    return { from: 'head', tailAt: end, bytes: head };
  throw new Error(`${source.path}: no footer with a good checksum`);
};

const readHeader = (source: ByteSource, at: number): { readonly at: number; readonly bytes: Buffer } => {
  if (at % SECTOR_BYTES !== 0 || at + HEADER_BYTES > source.sizeBytes)
    throw new Error(`${source.path}: no dynamic header can be at ${at}`);
  const bytes = source.read(at, HEADER_BYTES);
  if (bytes.toString('latin1', 0, 8) !== 'cxsparse') throw new Error(`${source.path}: no dynamic header at ${at}`);
  const sum = vhdChecksum(bytes, HEADER_CHECKSUM_AT);
  if (bytes.readUInt32BE(HEADER_CHECKSUM_AT) !== sum)
    throw new Error(`${source.path}: the dynamic header's checksum is not ${sum.toString(16)}`);
  if (bytes.readUInt32BE(24) !== 0x00010000) throw new Error(`${source.path}: unknown dynamic header version`);
  return { at, bytes };
};

const readTable = (source: ByteSource, headerAt: number, header: Buffer): PlainTable => {
  const batAt = Number(header.readBigUInt64BE(16));
  const maxTableEntries = header.readUInt32BE(28);
  const blockSizeBytes = header.readUInt32BE(32);
  if (batAt + maxTableEntries * 4 > source.sizeBytes) throw new Error(`${source.path}: the BAT ends beyond the file`);
  if (blockSizeBytes < SECTOR_BYTES || (blockSizeBytes & (blockSizeBytes - 1)) !== 0)
    throw new Error(`${source.path}: blocks of ${blockSizeBytes} bytes`);
  const bytes = source.read(batAt, maxTableEntries * 4);
  const bat = Array.from({ length: maxTableEntries }, (_, index) => bytes.readUInt32BE(index * 4));
  return { headerAt, batAt, maxTableEntries, blockSizeBytes, bat };
};

const readParent = (source: ByteSource, header: Buffer): NonNullable<PlainVhd['parent']> => ({
  uniqueId: idText(header.subarray(40, 56)),
  timeStamp: header.readUInt32BE(56),
  name: untilNul(Buffer.from(header.subarray(64, 576)).swap16().toString('utf16le')),
  locators: Array.from({ length: 8 }, (_, slot) => header.subarray(LOCATORS_AT + slot * LOCATOR_BYTES))
    .filter((entry) => entry.readUInt32BE(0) !== 0)
    .map((entry) => readLocator(source, entry)),
});

const readLocator = (source: ByteSource, entry: Buffer): FoundLocator => {
  const code = entry.toString('latin1', 0, 4);
  const lengthBytes = entry.readUInt32BE(8);
  const offsetBytes = Number(entry.readBigUInt64BE(16));
  const where = { code, offsetBytes, lengthBytes };
  if (lengthBytes > 65536 || offsetBytes + lengthBytes > source.sizeBytes) return { ...where, path: '' };
  const payload = source.read(offsetBytes, lengthBytes);
  if (code === 'W2ru' || code === 'W2ku') return { ...where, path: untilNul(payload.toString('utf16le')) };
  return { ...where, path: code === 'MacX' ? untilNul(payload.toString('utf8')) : '' };
};

const untilNul = (text: string): string => text.split('\0')[0] ?? '';

/**
 * Where the image itself has a sector: the byte in its file, or undefined when it leaves the sector to what is below it.
 * A dynamic image has every sector of an allocated block, whatever its bitmap says. FORMATS.md A4
 */
export const sectorPlaces = ({
  source,
  type,
  table,
  sizeBytes,
}: PlainVhd): ((sector: number) => number | undefined) => {
  if (table === undefined) return (sector) => (sector * SECTOR_BYTES < sizeBytes ? sector * SECTOR_BYTES : undefined);
  const bitmapSize = bitmapBytes(table.blockSizeBytes);
  const blockSectors = table.blockSizeBytes / SECTOR_BYTES;
  let known: { readonly index: number; readonly bitmap: Buffer } | undefined;
  const bitmapOf = (index: number, start: number): Buffer => {
    if (known?.index !== index) known = { index, bitmap: source.read(start, bitmapSize) };
    return known.bitmap;
  };
  return (sector) => {
    const index = Math.floor(sector / blockSectors);
    const entry = table.bat[index] ?? UNUSED;
    if (entry === UNUSED) return undefined;
    const start = entry * SECTOR_BYTES;
    const inBlock = sector % blockSectors;
    if (type === 'differencing' && !bitOf(bitmapOf(index, start), inBlock)) return undefined;
    return start + bitmapSize + inBlock * SECTOR_BYTES;
  };
};

/**
 * What is wrong with the structure of a VHD, as a list. FORMATS.md Part E (VHD), in its order, and A4 for bitmaps.
 * It reads every allocated block of a dynamic image, because sectors whose bit is clear must be zero on disk.
 */
import { type ByteSource, fileSource } from './byte-source.js';
import {
  BATMAP_COOKIE,
  bitmapBytes,
  bitOf,
  FOOTER_BYTES,
  HEADER_BYTES,
  roundUp,
  SECTOR_BYTES,
  UNUSED,
} from './plain-vhd-layout.js';
import { footerIsValid, openPlainVhd, type PlainTable, type PlainVhd } from './plain-vhd-reader.js';

export type ComplaintKind =
  | 'unreadable' // No valid footer, or no valid dynamic header: nothing else can be said.
  | 'tail footer damaged'
  | 'head footer damaged'
  | 'footer copies differ'
  | 'footer version'
  | 'current size'
  | 'saved state'
  | 'BAT too small'
  | 'BAT misplaced'
  | 'BAT entry out of range'
  | 'overlap'
  | 'locator outside the file'
  | 'no parent id'
  | 'clear sector not zero';

export type Complaint = { readonly kind: ComplaintKind; readonly detail: string };

/** Complaints that a reader can live with: the image is whole, though not all of it is as it should be. */
const HARMLESS: ReadonlySet<ComplaintKind> = new Set([
  'tail footer damaged',
  'head footer damaged',
  'footer copies differ',
  'saved state',
  'locator outside the file',
  'clear sector not zero',
]);

export const fatal = ({ kind }: Complaint): boolean => !HARMLESS.has(kind);

const LARGEST_BYTES = 0xff000000 * SECTOR_BYTES; // 2040 GiB

/** Everything wrong with the image; an empty list says that it is sound. */
export const checkPlainVhd = (image: string | ByteSource): readonly Complaint[] => {
  const source = typeof image === 'string' ? fileSource(image) : image;
  let vhd: PlainVhd;
  try {
    vhd = openPlainVhd(source);
  } catch (error) {
    return [{ kind: 'unreadable', detail: error instanceof Error ? error.message : String(error) }];
  }
  const structure = checkStructure(vhd);
  return structure.some(fatal) ? structure : [...structure, ...checkClearSectors(vhd)];
};

/** Everything but the content of the blocks. */
export const checkStructure = (vhd: PlainVhd): readonly Complaint[] => [
  ...checkFooters(vhd),
  ...(vhd.table === undefined ? [] : checkTable(vhd, vhd.table)),
];

const checkFooters = ({ source, footer, type, sizeBytes }: PlainVhd): readonly Complaint[] => {
  const complaints: Complaint[] = [];
  const head = type === 'fixed' ? undefined : source.read(0, FOOTER_BYTES);
  const headIsValid = head === undefined || footerIsValid(head);
  if (footer.from === 'head')
    complaints.push({ kind: 'tail footer damaged', detail: 'the last 512 bytes are no valid footer' });
  if (!headIsValid) complaints.push({ kind: 'head footer damaged', detail: 'the first 512 bytes are no valid footer' });
  else if (head !== undefined && !head.equals(footer.bytes))
    complaints.push({ kind: 'footer copies differ', detail: 'both are valid, and not the same' });
  const version = footer.bytes.readUInt32BE(12);
  if (version >>> 16 !== 1)
    complaints.push({ kind: 'footer version', detail: `file format version ${version.toString(16)}` });
  if (footer.bytes.readUInt8(84) !== 0)
    complaints.push({ kind: 'saved state', detail: 'the machine is in saved state' });
  if (sizeBytes === 0 || sizeBytes % SECTOR_BYTES !== 0 || sizeBytes > LARGEST_BYTES)
    complaints.push({ kind: 'current size', detail: `${sizeBytes} bytes` });
  if (type === 'fixed' && sizeBytes > footer.tailAt)
    complaints.push({ kind: 'current size', detail: `${sizeBytes} bytes in a file with room for ${footer.tailAt}` });
  return complaints;
};

/** A part of the file, from its first byte to the one behind its last. */
type Part = { readonly name: string; readonly from: number; readonly to: number };

const checkTable = (vhd: PlainVhd, table: PlainTable): readonly Complaint[] => {
  const { source, footer, sizeBytes, parent } = vhd;
  const complaints: Complaint[] = [];
  const needed = Math.ceil(sizeBytes / table.blockSizeBytes);
  if (table.maxTableEntries < needed)
    complaints.push({ kind: 'BAT too small', detail: `${table.maxTableEntries} entries, ${needed} needed` });
  if (table.batAt % SECTOR_BYTES !== 0) complaints.push({ kind: 'BAT misplaced', detail: `at byte ${table.batAt}` });
  const locators = parent?.locators ?? [];
  for (const { code, offsetBytes, lengthBytes } of locators)
    if (offsetBytes + lengthBytes > source.sizeBytes)
      complaints.push({ kind: 'locator outside the file', detail: `${code}: ${lengthBytes} bytes at ${offsetBytes}` });
  if (parent !== undefined && /^[0-]+$/.test(parent.uniqueId))
    complaints.push({ kind: 'no parent id', detail: 'the Parent Unique Id is zero' });

  const blocks = blockParts(table);
  for (const { name, to } of blocks)
    if (to > footer.tailAt)
      complaints.push({
        kind: 'BAT entry out of range',
        detail: `${name} ends at ${to}, the data at ${footer.tailAt}`,
      });
  const parts: readonly Part[] = [
    { name: 'head footer', from: 0, to: FOOTER_BYTES },
    { name: 'dynamic header', from: table.headerAt, to: table.headerAt + HEADER_BYTES },
    { name: 'BAT', from: table.batAt, to: batEnd(table) },
    ...batmapParts(vhd, table),
    ...locators.map(({ code, offsetBytes, lengthBytes }) => ({
      name: code,
      from: offsetBytes,
      to: offsetBytes + lengthBytes,
    })),
    ...blocks,
  ];
  return [...complaints, ...overlaps(parts)];
};

const batEnd = ({ batAt, maxTableEntries }: PlainTable): number => roundUp(batAt + maxTableEntries * 4, SECTOR_BYTES);

const blockParts = ({ bat, blockSizeBytes }: PlainTable): readonly Part[] =>
  bat.flatMap((entry, index) => {
    if (entry === UNUSED) return [];
    const from = entry * SECTOR_BYTES;
    return [{ name: `block ${index}`, from, to: from + bitmapBytes(blockSizeBytes) + blockSizeBytes }];
  });

/** XenServer's batmap: a sector behind the BAT, and the map that it points to. FORMATS.md D */
const batmapParts = ({ source, creator }: PlainVhd, table: PlainTable): readonly Part[] => {
  const from = batEnd(table);
  if (!creator.startsWith('tap\0') || from + SECTOR_BYTES > source.sizeBytes) return [];
  const header = source.read(from, SECTOR_BYTES);
  if (header.toString('latin1', 0, 8) !== BATMAP_COOKIE) return [];
  const mapAt = Number(header.readBigUInt64BE(8));
  return [
    { name: 'batmap header', from, to: from + SECTOR_BYTES },
    { name: 'batmap', from: mapAt, to: mapAt + header.readUInt32BE(16) * SECTOR_BYTES },
  ];
};

/** Each part must begin where all parts that begin before it have ended. */
const overlaps = (parts: readonly Part[]): readonly Complaint[] => {
  const complaints: Complaint[] = [];
  let last: Part = { name: 'nothing', from: 0, to: 0 };
  for (const part of [...parts].sort((a, b) => a.from - b.from)) {
    if (part.from < last.to)
      complaints.push({ kind: 'overlap', detail: `${part.name} begins at ${part.from}, inside ${last.name}` });
    if (part.to > last.to) last = part;
  }
  return complaints;
};

/** In a dynamic image a clear bit means "never written", and such a sector is zero on disk. FORMATS.md A4 */
const checkClearSectors = ({ source, type, table }: PlainVhd): readonly Complaint[] => {
  if (type !== 'dynamic' || table === undefined) return [];
  const bitmapSize = bitmapBytes(table.blockSizeBytes);
  return table.bat.flatMap((entry, index): readonly Complaint[] => {
    if (entry === UNUSED) return [];
    const bitmap = source.read(entry * SECTOR_BYTES, bitmapSize);
    const data = source.read(entry * SECTOR_BYTES + bitmapSize, table.blockSizeBytes);
    const dirty = Array.from({ length: table.blockSizeBytes / SECTOR_BYTES }, (_, sector) => sector).filter(
      (sector) =>
        !bitOf(bitmap, sector) &&
        data.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES).some((byte) => byte !== 0),
    );
    if (dirty.length === 0) return [];
    return [{ kind: 'clear sector not zero', detail: `block ${index}: sector ${dirty.join(', ')} of it` }];
  });
};

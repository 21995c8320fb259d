/**
 * A plain VHDX reader: opens one image, its log replayed in memory, and says where each of its sectors is. Written from FORMATS.md B1-B8.
 *
 * It throws when the image cannot be read at all; what else is wrong with it, `checkPlainVhdx` says.
 */
import { type ByteSource, fileSource } from './byte-source.js';
import {
  currentHeader,
  type FoundHeader,
  type FoundItem,
  type FoundParent,
  type FoundRegions,
  readHeader,
  readItems,
  readParent,
  readRegions,
} from './plain-vhdx-tables.js';
import {
  type Geometry,
  geometryOf,
  guidText,
  HEADERS_AT,
  ITEMS,
  MIB,
  NIL_GUID,
  SIGNATURE,
} from './plain-vhdx-layout.js';
import { findLog, type FoundLog, withLog } from './plain-vhdx-replay.js';
import type { PlainRange } from './plain-vhdx-spec.js';

/** A BAT entry; `reserved` holds its bits 3 to 19. */
export type FoundEntryOfBat = { readonly state: number; readonly offsetBytes: number; readonly reserved: number };

export type PlainVhdx = {
  /** The file as it is. */
  readonly source: ByteSource;
  /** The file with its log applied: all below comes from it. */
  readonly view: ByteSource;
  /** Both copies; undefined when signature or checksum are wrong. */
  readonly headers: readonly [FoundHeader | undefined, FoundHeader | undefined];
  readonly header: FoundHeader;
  readonly creator: string;
  /** Undefined: the file is clean. */
  readonly dirtyLog: FoundLog | undefined;
  readonly regions: FoundRegions;
  readonly items: readonly FoundItem[];
  readonly type: 'fixed' | 'dynamic' | 'differencing';
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number;
  readonly virtualDiskId: string;
  readonly dataWriteGuid: string;
  readonly fileWriteGuid: string;
  /** Differencing images only. */
  readonly parent: FoundParent | undefined;
  readonly geometry: Geometry;
  readonly batEntry: (index: number) => FoundEntryOfBat;
  readonly payload: (block: number) => FoundEntryOfBat;
  readonly bitmap: (chunk: number) => FoundEntryOfBat;
};

export const openPlainVhdx = (image: string | ByteSource): PlainVhdx => {
  const source = typeof image === 'string' ? fileSource(image) : image;
  if (source.sizeBytes < MIB) throw new Error(`${source.path}: ${source.sizeBytes} bytes are too few for a VHDX`);
  const identifier = source.read(0, 520);
  if (identifier.toString('latin1', 0, 8) !== SIGNATURE) throw new Error(`${source.path}: no vhdxfile`);
  const headers = [readHeader(source, HEADERS_AT[0]), readHeader(source, HEADERS_AT[1])] as const;
  const header = currentHeader(source, headers);
  const dirtyLog = readLog(source, header);
  const view = dirtyLog === undefined ? source : withLog(source, dirtyLog);
  const regions = readRegions(view);
  const items = readItems(view, regions.metadata);
  const disk = readDisk(view, items);
  const geometry = geometryOf({ ...disk, hasParent: disk.type === 'differencing' });
  if (geometry.entryCount * 8 > regions.bat.lengthBytes)
    throw new Error(`${source.path}: ${geometry.entryCount} BAT entries in ${regions.bat.lengthBytes} bytes`);
  const batEntry = pagedEntries(view, regions.bat);
  return {
    source,
    view,
    headers,
    header,
    creator: identifier.toString('utf16le', 8).replace(/\0.*$/s, ''),
    dirtyLog,
    regions,
    items,
    ...disk,
    dataWriteGuid: header.dataWriteGuid,
    fileWriteGuid: header.fileWriteGuid,
    parent: disk.type === 'differencing' ? readParent(view, itemNamed(view, items, ITEMS.parentLocator)) : undefined,
    geometry,
    batEntry,
    payload: (block) => batEntry(geometry.payloadIndex(block)),
    bitmap: (chunk) => batEntry(geometry.bitmapIndex(chunk)),
  };
};

const readLog = (source: ByteSource, { log, logGuid, logVersion }: FoundHeader): FoundLog | undefined => {
  if (logGuid === NIL_GUID) return undefined;
  if (logVersion !== 0) throw new Error(`${source.path}: log version ${logVersion}`);
  if (log.offsetBytes % MIB !== 0 || log.lengthBytes % MIB !== 0 || log.offsetBytes < MIB)
    throw new Error(`${source.path}: a log of ${log.lengthBytes} bytes at ${log.offsetBytes}`);
  if (log.lengthBytes === 0 || log.offsetBytes + log.lengthBytes > source.sizeBytes)
    throw new Error(`${source.path}: its log is empty, or ends beyond the file`);
  const found = findLog(source, log, logGuid);
  if (found === undefined) throw new Error(`${source.path}: no valid entry in its log, though LogGuid is ${logGuid}`);
  if (found.head.flushedFileBytes > source.sizeBytes)
    throw new Error(
      `${source.path}: the file was ${found.head.flushedFileBytes} bytes long and is ${source.sizeBytes}`,
    );
  return found;
};

const itemNamed = ({ path }: ByteSource, items: readonly FoundItem[], itemId: string): Buffer => {
  const found = items.find((item) => item.itemId === itemId && !item.isUser);
  if (found === undefined) throw new Error(`${path}: no metadata item ${itemId}`);
  return found.bytes;
};

const readDisk = (
  view: ByteSource,
  items: readonly FoundItem[],
): Pick<
  PlainVhdx,
  'type' | 'sizeBytes' | 'blockSizeBytes' | 'logicalSectorBytes' | 'physicalSectorBytes' | 'virtualDiskId'
> => {
  const item = (itemId: string, lengthBytes: number): Buffer => {
    const bytes = itemNamed(view, items, itemId);
    if (bytes.length !== lengthBytes) throw new Error(`${view.path}: item ${itemId} has ${bytes.length} bytes`);
    return bytes;
  };
  const parameters = item(ITEMS.fileParameters, 8);
  const flags = parameters.readUInt32LE(4);
  const disk = {
    type: flags & 2 ? 'differencing' : flags & 1 ? 'fixed' : 'dynamic',
    blockSizeBytes: parameters.readUInt32LE(0),
    sizeBytes: Number(item(ITEMS.virtualDiskSize, 8).readBigUInt64LE(0)),
    virtualDiskId: guidText(item(ITEMS.virtualDiskId, 16)),
    logicalSectorBytes: item(ITEMS.logicalSectorSize, 4).readUInt32LE(0),
    physicalSectorBytes: item(ITEMS.physicalSectorSize, 4).readUInt32LE(0),
  } as const;
  const { blockSizeBytes, sizeBytes, logicalSectorBytes, physicalSectorBytes } = disk;
  const isPowerOfTwo = (blockSizeBytes & (blockSizeBytes - 1)) === 0;
  if (!isPowerOfTwo || blockSizeBytes < MIB || blockSizeBytes > 256 * MIB)
    throw new Error(`${view.path}: blocks of ${blockSizeBytes} bytes`);
  for (const bytes of [logicalSectorBytes, physicalSectorBytes])
    if (bytes !== 512 && bytes !== 4096) throw new Error(`${view.path}: sectors of ${bytes} bytes`);
  if (sizeBytes === 0 || sizeBytes % logicalSectorBytes !== 0 || sizeBytes > 64 * 1024 ** 4)
    throw new Error(`${view.path}: a disk of ${sizeBytes} bytes`);
  return disk;
};

/** Entries by index; of a long BAT the piece that was read last is kept. */
const pagedEntries = (view: ByteSource, bat: PlainRange): ((index: number) => FoundEntryOfBat) => {
  const pieceBytes = 64 * 1024;
  let known: { readonly piece: number; readonly bytes: Buffer } | undefined;
  return (index) => {
    const piece = Math.floor((index * 8) / pieceBytes);
    if (known?.piece !== piece) known = { piece, bytes: view.read(bat.offsetBytes + piece * pieceBytes, pieceBytes) };
    const low = known.bytes.readUInt32LE((index * 8) % pieceBytes);
    const high = known.bytes.readUInt32LE(((index * 8) % pieceBytes) + 4);
    return { state: low & 7, reserved: low & 0xffff8, offsetBytes: high * 2 ** 32 + ((low & 0xfff00000) >>> 0) };
  };
};

/**
 * Reads headers, region tables, the metadata table with its items, and the parent locator. FORMATS.md B2, B3, B4, B7
 * It goes no further than it must to read; whether all is as it should be is the checker's question.
 */
import type { ByteSource } from './byte-source.js';
import {
  guidText,
  HEADER_BYTES,
  isSealed,
  LOCATOR_TYPE,
  NIL_GUID,
  REGION_TABLES_AT,
  REGIONS,
  TABLE_BYTES,
} from './plain-vhdx-layout.js';
import type { LocatorPair, PlainRange } from './plain-vhdx-spec.js';

export type FoundHeader = {
  readonly bytes: Buffer;
  readonly sequenceNumber: bigint;
  readonly fileWriteGuid: string;
  readonly dataWriteGuid: string;
  readonly logGuid: string;
  readonly logVersion: number;
  readonly version: number;
  readonly log: PlainRange;
};

export type FoundRegion = PlainRange & { readonly guid: string; readonly required: boolean };

export type FoundRegions = {
  /** As the first valid copy has them. */
  readonly entries: readonly FoundRegion[];
  readonly bat: PlainRange;
  readonly metadata: PlainRange;
  /** The copies; undefined when signature or checksum are wrong. */
  readonly copies: readonly (Buffer | undefined)[];
};

export type FoundItem = {
  readonly itemId: string;
  /** From the region's start. */
  readonly offsetBytes: number;
  readonly bytes: Buffer;
  readonly isUser: boolean;
  readonly isVirtualDisk: boolean;
  readonly isRequired: boolean;
};

export type FoundParent = {
  /** parent_linkage, then parent_linkage2 when it is there and not zero: what the parent's DataWriteGuid may be. Lower case, no braces. */
  readonly linkages: readonly string[];
  readonly pairs: readonly LocatorPair[];
};

const MOST_ENTRIES = 2047;

export const readHeader = (source: ByteSource, at: number): FoundHeader | undefined => {
  const bytes = source.read(at, HEADER_BYTES);
  if (bytes.toString('latin1', 0, 4) !== 'head' || !isSealed(bytes)) return undefined;
  return {
    bytes,
    sequenceNumber: bytes.readBigUInt64LE(8),
    fileWriteGuid: guidText(bytes.subarray(16, 32)),
    dataWriteGuid: guidText(bytes.subarray(32, 48)),
    logGuid: guidText(bytes.subarray(48, 64)),
    logVersion: bytes.readUInt16LE(64),
    version: bytes.readUInt16LE(66),
    log: { offsetBytes: Number(bytes.readBigUInt64LE(72)), lengthBytes: bytes.readUInt32LE(68) },
  };
};

/** FORMATS.md B2: of two valid copies that with the greater number; two different ones with one number are refused. */
export const currentHeader = (
  { path }: ByteSource,
  [first, second]: readonly (FoundHeader | undefined)[],
): FoundHeader => {
  const current =
    first === undefined || (second !== undefined && second.sequenceNumber > first.sequenceNumber) ? second : first;
  if (current === undefined) throw new Error(`${path}: no header with a good checksum`);
  const other = current === first ? second : first;
  if (other?.sequenceNumber === current.sequenceNumber && !other.bytes.equals(current.bytes))
    throw new Error(`${path}: two different headers with sequence number ${current.sequenceNumber}`);
  if (current.version !== 1) throw new Error(`${path}: VHDX version ${current.version}`);
  return current;
};

export const readRegions = (view: ByteSource): FoundRegions => {
  const copies = REGION_TABLES_AT.map((at) => {
    const bytes = view.read(at, TABLE_BYTES);
    return bytes.toString('latin1', 0, 4) === 'regi' && isSealed(bytes) ? bytes : undefined;
  });
  const table = copies.find((copy) => copy !== undefined);
  if (table === undefined) throw new Error(`${view.path}: no region table with a good checksum`);
  const count = table.readUInt32LE(8);
  if (count > MOST_ENTRIES) throw new Error(`${view.path}: ${count} regions`);
  const entries = Array.from({ length: count }, (_, slot) => {
    const entry = table.subarray(16 + slot * 32).subarray(0, 32);
    return {
      guid: guidText(entry.subarray(0, 16)),
      offsetBytes: Number(entry.readBigUInt64LE(16)),
      lengthBytes: entry.readUInt32LE(24),
      required: (entry.readUInt32LE(28) & 1) === 1,
    };
  });
  const region = (guid: string): PlainRange => {
    const found = entries.find((entry) => entry.guid === guid);
    if (found === undefined) throw new Error(`${view.path}: no region ${guid}`);
    if (found.offsetBytes + found.lengthBytes > view.sizeBytes)
      throw new Error(`${view.path}: region ${guid} ends beyond the file`);
    return { offsetBytes: found.offsetBytes, lengthBytes: found.lengthBytes };
  };
  return { entries, bat: region(REGIONS.bat), metadata: region(REGIONS.metadata), copies };
};

export const readItems = (view: ByteSource, region: PlainRange): readonly FoundItem[] => {
  if (region.lengthBytes < TABLE_BYTES) throw new Error(`${view.path}: no room for a metadata table`);
  const table = view.read(region.offsetBytes, TABLE_BYTES);
  if (table.toString('latin1', 0, 8) !== 'metadata') throw new Error(`${view.path}: no metadata table`);
  const count = table.readUInt16LE(10);
  if (count > MOST_ENTRIES) throw new Error(`${view.path}: ${count} metadata items`);
  return Array.from({ length: count }, (_, slot) => {
    const entry = table.subarray(32 + slot * 32).subarray(0, 32);
    const offsetBytes = entry.readUInt32LE(16);
    const lengthBytes = entry.readUInt32LE(20);
    const flags = entry.readUInt32LE(24);
    const itemId = guidText(entry.subarray(0, 16));
    if (offsetBytes + lengthBytes > region.lengthBytes)
      throw new Error(`${view.path}: item ${itemId} ends beyond its region`);
    return {
      itemId,
      offsetBytes,
      bytes: view.read(region.offsetBytes + offsetBytes, lengthBytes),
      isUser: (flags & 1) !== 0,
      isVirtualDisk: (flags & 2) !== 0,
      isRequired: (flags & 4) !== 0,
    };
  });
};

export const readParent = ({ path }: ByteSource, item: Buffer): FoundParent => {
  if (item.length < 20 || guidText(item.subarray(0, 16)) !== LOCATOR_TYPE)
    throw new Error(`${path}: an unknown parent locator`);
  const count = item.readUInt16LE(18);
  if (20 + count * 12 > item.length) throw new Error(`${path}: a parent locator with ${count} pairs`);
  const text = (at: number, length: number): string => {
    if (at + length > item.length) throw new Error(`${path}: a parent locator's text ends beyond it`);
    return item.toString('utf16le', at, at + length);
  };
  const pairs = Array.from({ length: count }, (_, nth) => {
    const entry = item.subarray(20 + nth * 12).subarray(0, 12);
    return {
      key: text(entry.readUInt32LE(0), entry.readUInt16LE(8)),
      value: text(entry.readUInt32LE(4), entry.readUInt16LE(10)),
    };
  });
  const guidOf = (key: string): readonly string[] => {
    const value = pairs.find((pair) => pair.key === key)?.value;
    const guid = /^\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$/i.exec(value ?? '')?.[1];
    return guid === undefined ? [] : [guid.toLowerCase()];
  };
  const linkages = [...guidOf('parent_linkage'), ...guidOf('parent_linkage2').filter((guid) => guid !== NIL_GUID)];
  return { linkages, pairs };
};

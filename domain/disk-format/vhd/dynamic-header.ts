/**
 * VHD dynamic header: 1024 bytes, big-endian, at the footer's Data Offset. There is no second copy.
 * Table Offset, Max Table Entries, Checksum and Parent Unique Id lie in its first sector, the locator entries in its second.
 * [VHD 1.0] Dynamic Disk Header Format
 *
 * Guarantees:
 * - A header is trusted in this order: length, cookie, checksum, version, then its values against the disk and the file.
 * - Encoding a decoded header gives its bytes again, reserved ones included.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { MIB, safeInteger, TIB } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import { onesComplementChecksum } from '../checksum.js';
import { flawOf, hex, isPowerOfTwo } from '../flaw.js';
import {
  ascii,
  at,
  bytes,
  type Decoded,
  guidBytes,
  repeated,
  reserved,
  struct,
  u32be,
  u64be,
  utf16be,
} from '../layout.js';
import { LIMIT } from '../limits.js';
import { SECTOR_BYTES } from './footer.js';
import { LOCATOR_COUNT, type ParentLocatorEntry, parentLocatorEntry, unusedLocatorEntry } from './parent-locator.js';

export const DYNAMIC_HEADER_BYTES = 1024;
export const HEADER_COOKIE = 'cxsparse';
/** Blocks of 2 MiB: the only size that every program reads. */
export const DEFAULT_BLOCK_BYTES = 2 * MIB;
export const MIN_BLOCK_BYTES = LIMIT.vhdLeastBlockBytes;
export const MAX_BLOCK_BYTES = LIMIT.vhdBlockBytes;
const HEADER_VERSION = 0x0001_0000;
const NAME_UNITS = 256;
/** No block starts at or beyond 2 TiB, so no table needs more entries; one more, because QEMU writes one too many. */
const mostEntries = (blockSizeBytes: number): number => (2 * TIB) / blockSizeBytes + 1;

export const dynamicHeaderLayout = struct('VHD dynamic header', DYNAMIC_HEADER_BYTES, {
  cookie: at(0, ascii(8)), // "cxsparse"
  unusedDataOffset: at(8, bytes(8)), // all ones, points nowhere
  tableOffset: at(16, u64be), // bytes; of the BAT; a multiple of 512
  headerVersion: at(24, u32be), // major << 16 | minor: 0x00010000
  maxTableEntries: at(28, u32be), // BAT entries, at least as many as the disk has blocks
  blockSize: at(32, u32be), // bytes of data in a block, its bitmap not counted
  checksum: at(36, u32be), // ones' complement sum of all 1024 bytes, this field taken as 0
  parentUniqueId: at(40, guidBytes), // the parent footer's Unique Id; zero in a dynamic disk
  parentTimeStamp: at(56, u32be), // Windows writes 0, XenServer the parent's file time
  reserved: at(60, reserved(4)),
  parentUnicodeName: at(64, utf16be(2 * NAME_UNITS)), // Windows writes the full path, XenServer the file name
  parentLocatorEntries: at(576, repeated(LOCATOR_COUNT, parentLocatorEntry)),
  reserved2: at(768, reserved(256)),
});

export interface DynamicHeader {
  readonly unusedDataOffset: Uint8Array;
  /** Where the BAT starts: bytes, a multiple of 512, at least 512. */
  readonly tableOffsetBytes: number;
  readonly headerVersion: number;
  readonly maxTableEntries: number;
  /** A power of two, 4 KiB to 256 MiB. */
  readonly blockSizeBytes: number;
  readonly parentUniqueId: string;
  /** Seconds since 2000-01-01T00:00:00Z, of an uncertain clock: never compared. */
  readonly parentTimeStampSeconds: number;
  readonly reserved: Uint8Array;
  /** All 256 code units; `parentNameOf` gives the name. */
  readonly parentUnicodeName: string;
  /** All eight slots. */
  readonly parentLocatorEntries: readonly ParentLocatorEntry[];
  readonly reserved2: Uint8Array;
}

/** What a header is measured against. */
export interface DiskAround {
  /** The footer's. */
  readonly currentSizeBytes: number;
  readonly fileSizeBytes: number;
}

const flaw = flawOf('VHD dynamic header');

/** The header in these 1024 bytes, or the first reason not to trust them. */
export const decodeDynamicHeader = (encoded: Uint8Array, disk: DiskAround): Result<DynamicHeader, StructureFlaw> => {
  if (encoded.length !== DYNAMIC_HEADER_BYTES) {
    return err(flaw('too-small', `${DYNAMIC_HEADER_BYTES} bytes`, `${encoded.length} bytes`));
  }
  const raw = dynamicHeaderLayout.decode(encoded);
  if (raw.cookie !== HEADER_COOKIE)
    return err(flaw('header-corrupt', `"${HEADER_COOKIE}"`, JSON.stringify(raw.cookie)));
  const checksum = onesComplementChecksum(encoded, dynamicHeaderLayout.offsets.checksum);
  if (raw.checksum !== checksum) return err(flaw('header-checksum', hex(checksum), hex(raw.checksum)));
  if (raw.headerVersion >>> 16 !== 1) return err(flaw('header-version', 'version 1.x', hex(raw.headerVersion)));
  const refusal = blockSizeFlaw(raw.blockSize) ?? tableFlaw(raw, disk);
  if (refusal !== null) return err(refusal);
  const { tableOffset, blockSize, parentTimeStamp, cookie: _cookie, checksum: _checksum, ...rest } = raw;
  return ok({
    ...rest,
    tableOffsetBytes: Number(tableOffset),
    blockSizeBytes: blockSize,
    parentTimeStampSeconds: parentTimeStamp,
  });
};

const blockSizeFlaw = (blockSizeBytes: number): StructureFlaw | null =>
  isPowerOfTwo(blockSizeBytes) && blockSizeBytes >= MIN_BLOCK_BYTES && blockSizeBytes <= MAX_BLOCK_BYTES
    ? null
    : flaw('block-size', 'a power of two from 4 KiB to 256 MiB', `${blockSizeBytes} bytes`);

const tableFlaw = (raw: Decoded<typeof dynamicHeaderLayout>, disk: DiskAround): StructureFlaw | null => {
  const needed = Math.ceil(disk.currentSizeBytes / raw.blockSize);
  const most = mostEntries(raw.blockSize);
  if (raw.maxTableEntries < needed || raw.maxTableEntries > most) {
    return flaw('bat-size', `${needed} to ${most} table entries`, String(raw.maxTableEntries));
  }
  const start = safeInteger(raw.tableOffset);
  if (start === undefined || start < SECTOR_BYTES || start % SECTOR_BYTES !== 0) {
    return flaw('bat-offset', 'a table offset of at least 512, a multiple of 512', hex(raw.tableOffset, 16));
  }
  if (start + raw.maxTableEntries * 4 > disk.fileSizeBytes) {
    const expected = `a table that ends within the ${disk.fileSizeBytes} bytes of the file`;
    return flaw('bat-size', expected, `${raw.maxTableEntries} entries at ${hex(start, 1)}`);
  }
  return null;
};

/** The 1024 bytes of a header, its checksum calculated. */
export const encodeDynamicHeader = (header: DynamicHeader): Uint8Array => {
  const { tableOffsetBytes, blockSizeBytes, parentTimeStampSeconds, ...rest } = header;
  const raw: Decoded<typeof dynamicHeaderLayout> = {
    ...rest,
    cookie: HEADER_COOKIE,
    tableOffset: BigInt(tableOffsetBytes),
    blockSize: blockSizeBytes,
    parentTimeStamp: parentTimeStampSeconds,
    checksum: 0,
  };
  const checksum = onesComplementChecksum(dynamicHeaderLayout.encode(raw), dynamicHeaderLayout.offsets.checksum);
  return dynamicHeaderLayout.encode({ ...raw, checksum });
};

/** A differencing disk that names no parent's id cannot be matched with any parent. */
export const parentIdentityFlaw = (header: DynamicHeader): StructureFlaw | null =>
  header.parentUniqueId === NIL_UUID ? flaw('parent-identity-zero', "the parent's unique id", 'zeros') : null;

/** The Parent Unicode Name up to its first NUL; it need not have one. */
export const parentNameOf = (header: DynamicHeader): string => header.parentUnicodeName.split('\0', 1)[0] ?? '';

/** A name in the field's 256 code units. A path that does not fit is cut to its file name: readers look in the child's folder. */
const nameField = (name: string): string => {
  const fitting = name.length <= NAME_UNITS ? name : (name.split(/[\\/]/).at(-1) ?? '');
  return fitting.slice(0, NAME_UNITS).padEnd(NAME_UNITS, '\0');
};

const locatorSlots = (entries: readonly ParentLocatorEntry[]): readonly ParentLocatorEntry[] => {
  if (entries.length > LOCATOR_COUNT)
    throw new RangeError(`Bug: ${entries.length} locators for ${LOCATOR_COUNT} slots`);
  return Array.from({ length: LOCATOR_COUNT }, (_, slot) => entries[slot] ?? unusedLocatorEntry());
};

export interface ParentReference {
  readonly parentUniqueId: string;
  /** A file name or a path of any system. */
  readonly parentName: string;
  /** At most eight; their payloads are written before the header that names them. */
  readonly locatorEntries: readonly ParentLocatorEntry[];
}

export interface NewDynamicHeader {
  readonly tableOffsetBytes: number;
  readonly maxTableEntries: number;
  readonly blockSizeBytes: number;
  /** Null for a dynamic disk. */
  readonly parent: ParentReference | null;
}

/** No identity: a disk without a parent, a raw parent (XenServer), or a parent whose writer knew no UUIDs. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const NO_PARENT: ParentReference = { parentUniqueId: NIL_UUID, parentName: '', locatorEntries: [] };

export const newDynamicHeader = ({ parent, ...table }: NewDynamicHeader): DynamicHeader =>
  withParent(
    {
      ...table,
      unusedDataOffset: new Uint8Array(8).fill(0xff),
      headerVersion: HEADER_VERSION,
      parentUniqueId: NIL_UUID,
      parentTimeStampSeconds: 0,
      reserved: new Uint8Array(4),
      parentUnicodeName: '',
      parentLocatorEntries: [],
      reserved2: new Uint8Array(256),
    },
    parent ?? NO_PARENT,
  );

/**
 * The header of a child that gets another parent; its table and reserved bytes stay. The time stamp becomes 0, as Windows
 * writes it: a merge changes the parent's file time, and no two programs mean the same clock by it.
 */
export const withParent = (header: DynamicHeader, parent: ParentReference): DynamicHeader => ({
  ...header,
  parentUniqueId: parent.parentUniqueId,
  parentTimeStampSeconds: 0,
  parentUnicodeName: nameField(parent.parentName),
  parentLocatorEntries: locatorSlots(parent.locatorEntries),
});

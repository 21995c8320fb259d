/**
 * VHD footer: 512 bytes, big-endian, the last sector of the file. Dynamic and differencing disks have a copy in sector 0.
 * [VHD 1.0] Hard Disk Footer Format
 *
 * Guarantees:
 * - A footer is trusted in this order: length, cookie, checksum, version, then its values against their limits.
 * - Encoding a decoded footer gives its bytes again, reserved ones and unknown flags included.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { safeInteger } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import { onesComplementChecksum } from '../checksum.js';
import { flawOf, hex } from '../flaw.js';
import { LIMIT } from '../limits.js';
import { ascii, at, type Decoded, guidBytes, reserved, struct, u16be, u32be, u64be, u8 } from '../layout.js';
import { type DiskGeometry, geometryOf } from './disk-geometry.js';

/** A VHD sector is 512 bytes, always. */
export const SECTOR_BYTES = 512;
export const FOOTER_BYTES = 512;
/** Written before Virtual PC 2004: the last reserved byte is missing. */
export const SHORT_FOOTER_BYTES = 511;
export const FOOTER_COOKIE = 'conectix';
/** 2040 GiB: the largest disk that the specification allows, and what 32-bit sector numbers can reach. */
export const MAX_DISK_BYTES = LIMIT.vhdDiskBytes;
/** The Data Offset of a fixed disk, as every writer fills the 8-byte field; the paper prints 0xFFFFFFFF, which is read too. */
const NO_DATA_OFFSET = 0xffff_ffff_ffff_ffffn;
const NO_DATA_OFFSET_32 = 0xffff_ffff;

export const footerLayout = struct('VHD footer', FOOTER_BYTES, {
  cookie: at(0, ascii(8)), // "conectix"
  features: at(8, u32be), // bit 0: temporary; bit 1: always set
  fileFormatVersion: at(12, u32be), // major << 16 | minor: 0x00010000
  dataOffset: at(16, u64be), // bytes; of the dynamic header; all ones in a fixed disk
  timeStamp: at(24, u32be), // seconds since 2000-01-01T00:00:00Z
  creatorApplication: at(28, ascii(4)), // "win ", "vpc ", "tap\0", …
  creatorVersion: at(32, u32be), // major << 16 | minor
  creatorHostOs: at(36, ascii(4)), // "Wi2k", "Mac "; XenServer writes zeros
  originalSize: at(40, u64be), // bytes, when the disk was created: informational
  currentSize: at(48, u64be), // bytes: the virtual size
  cylinders: at(56, u16be),
  heads: at(58, u8),
  sectorsPerTrack: at(59, u8),
  diskType: at(60, u32be), // 2 fixed, 3 dynamic, 4 differencing
  checksum: at(64, u32be), // ones' complement sum of all 512 bytes, this field taken as 0
  uniqueId: at(68, guidBytes), // each child's Parent Unique Id names it
  savedState: at(84, u8), // 1: a virtual machine was saved on this disk
  reserved: at(85, reserved(427)), // XenServer keeps its `hidden` flag in the first byte
});

interface FooterFields {
  readonly features: number;
  readonly fileFormatVersion: number;
  /** Creation time, in seconds since 2000-01-01T00:00:00Z. */
  readonly timeStampSeconds: number;
  /** Four characters; NULs and blanks are kept. */
  readonly creatorApplication: string;
  /** major << 16 | minor. */
  readonly creatorVersion: number;
  readonly creatorHostOs: string;
  readonly originalSizeBytes: number;
  /** The virtual size: > 0, a multiple of 512, at most 2040 GiB. */
  readonly currentSizeBytes: number;
  /** Informational: Windows' own does not multiply out to the size. */
  readonly geometry: DiskGeometry;
  /** Lower-case UUID text in byte order. */
  readonly uniqueId: string;
  /** The raw byte; `hasSavedState` says what it means. */
  readonly savedState: number;
  readonly reserved: Uint8Array;
}

export interface FixedFooter extends FooterFields {
  readonly diskType: 'fixed';
  /** Null when the field is all ones; some writers leave 0xFFFFFFFF. It points nowhere. */
  readonly dataOffsetBytes: number | null;
}

export interface SparseFooter extends FooterFields {
  readonly diskType: 'dynamic' | 'differencing';
  /** Where the dynamic header starts: bytes, a multiple of 512, at least 512, nearly always 512. */
  readonly dataOffsetBytes: number;
}

export type Footer = FixedFooter | SparseFooter;
export type DiskType = Footer['diskType'];

const DISK_TYPES: Readonly<Record<number, DiskType>> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' };
const DISK_TYPE_CODES = { fixed: 2, dynamic: 3, differencing: 4 } as const satisfies Record<DiskType, number>;

const flaw = flawOf('VHD footer');

const withLastByte = (encoded: Uint8Array): Uint8Array => {
  if (encoded.length !== SHORT_FOOTER_BYTES) return encoded;
  const whole = new Uint8Array(FOOTER_BYTES);
  whole.set(encoded);
  return whole;
};

/** Footer with its values, or the first reason not to trust these 512 (or, from before 2004, 511) bytes. */
export const decodeFooter = (encoded: Uint8Array): Result<Footer, StructureFlaw> => {
  const whole = withLastByte(encoded);
  if (whole.length !== FOOTER_BYTES) return err(flaw('too-small', '512 or 511 bytes', `${encoded.length} bytes`));
  const raw = footerLayout.decode(whole);
  if (raw.cookie !== FOOTER_COOKIE)
    return err(flaw('footer-missing', `"${FOOTER_COOKIE}"`, JSON.stringify(raw.cookie)));
  const checksum = onesComplementChecksum(whole, footerLayout.offsets.checksum);
  if (raw.checksum !== checksum) return err(flaw('footer-checksum', hex(checksum), hex(raw.checksum)));
  if (raw.fileFormatVersion >>> 16 !== 1)
    return err(flaw('unsupported-version', 'version 1.x', hex(raw.fileFormatVersion)));
  return checkValues(raw);
};

const checkValues = (raw: Decoded<typeof footerLayout>): Result<Footer, StructureFlaw> => {
  const diskType = DISK_TYPES[raw.diskType];
  if (diskType === undefined) return err(flaw('invalid-type', 'disk type 2, 3 or 4', String(raw.diskType)));
  if (raw.currentSize === 0n || raw.currentSize % 512n !== 0n || raw.currentSize > BigInt(MAX_DISK_BYTES)) {
    const expected = `a current size above 0, a multiple of 512 and at most ${MAX_DISK_BYTES} bytes`;
    return err(flaw('invalid-size', expected, `${raw.currentSize} bytes`));
  }
  const originalSizeBytes = safeInteger(raw.originalSize);
  if (originalSizeBytes === undefined) {
    return err(flaw('footer-corrupt', 'an original size below 2^53 bytes', `${raw.originalSize} bytes`));
  }
  const fields: FooterFields = {
    features: raw.features,
    fileFormatVersion: raw.fileFormatVersion,
    timeStampSeconds: raw.timeStamp,
    creatorApplication: raw.creatorApplication,
    creatorVersion: raw.creatorVersion,
    creatorHostOs: raw.creatorHostOs,
    originalSizeBytes,
    currentSizeBytes: Number(raw.currentSize),
    geometry: { cylinders: raw.cylinders, heads: raw.heads, sectorsPerTrack: raw.sectorsPerTrack },
    uniqueId: raw.uniqueId,
    savedState: raw.savedState,
    reserved: raw.reserved,
  };
  return diskType === 'fixed' ? fixedFooter(fields, raw.dataOffset) : sparseFooter(fields, diskType, raw.dataOffset);
};

const fixedFooter = (fields: FooterFields, dataOffset: bigint): Result<Footer, StructureFlaw> => {
  if (dataOffset === NO_DATA_OFFSET) return ok({ ...fields, diskType: 'fixed', dataOffsetBytes: null });
  if (dataOffset === BigInt(NO_DATA_OFFSET_32))
    return ok({ ...fields, diskType: 'fixed', dataOffsetBytes: NO_DATA_OFFSET_32 });
  return err(flaw('footer-corrupt', 'a data offset of all ones in a fixed disk', hex(dataOffset, 16)));
};

const sparseFooter = (
  fields: FooterFields,
  diskType: SparseFooter['diskType'],
  dataOffset: bigint,
): Result<Footer, StructureFlaw> => {
  const dataOffsetBytes = safeInteger(dataOffset);
  if (dataOffsetBytes === undefined || dataOffsetBytes < FOOTER_BYTES || dataOffsetBytes % SECTOR_BYTES !== 0) {
    return err(flaw('header-corrupt', 'a data offset of at least 512, a multiple of 512', hex(dataOffset, 16)));
  }
  return ok({ ...fields, diskType, dataOffsetBytes });
};

/** The 512 bytes of a footer, its checksum calculated. A footer of 511 bytes becomes a whole one. */
export const encodeFooter = (footer: Footer): Uint8Array => {
  const raw: Decoded<typeof footerLayout> = {
    cookie: FOOTER_COOKIE,
    features: footer.features,
    fileFormatVersion: footer.fileFormatVersion,
    dataOffset: footer.dataOffsetBytes === null ? NO_DATA_OFFSET : BigInt(footer.dataOffsetBytes),
    timeStamp: footer.timeStampSeconds,
    creatorApplication: footer.creatorApplication,
    creatorVersion: footer.creatorVersion,
    creatorHostOs: footer.creatorHostOs,
    originalSize: BigInt(footer.originalSizeBytes),
    currentSize: BigInt(footer.currentSizeBytes),
    cylinders: footer.geometry.cylinders,
    heads: footer.geometry.heads,
    sectorsPerTrack: footer.geometry.sectorsPerTrack,
    diskType: DISK_TYPE_CODES[footer.diskType],
    checksum: 0,
    uniqueId: footer.uniqueId,
    savedState: footer.savedState,
    reserved: footer.reserved,
  };
  const checksum = onesComplementChecksum(footerLayout.encode(raw), footerLayout.offsets.checksum);
  return footerLayout.encode({ ...raw, checksum });
};

/** Same bytes on disk. */
export const sameFooter = (one: Footer, other: Footer): boolean => {
  const bytesOfOther = encodeFooter(other);
  return encodeFooter(one).every((byte, n) => byte === bytesOfOther[n]);
};

/** A virtual machine was saved on this disk: its memory image expects the disk as it is. */
export const hasSavedState = (footer: Footer): boolean => footer.savedState !== 0;

export interface NewFooter {
  /** A disk that is not fixed also says where its dynamic header will be. */
  readonly type: { readonly diskType: 'fixed' } | Pick<SparseFooter, 'diskType' | 'dataOffsetBytes'>;
  readonly currentSizeBytes: number;
  readonly uniqueId: string;
  /** Seconds since 2000-01-01T00:00:00Z. */
  readonly timeStampSeconds: number;
  /** Default `win ` 10.0 on `Wi2k`: QEMU before 10 takes the size from the geometry for any creator that it does not know. */
  readonly creator?: Pick<FooterFields, 'creatorApplication' | 'creatorVersion' | 'creatorHostOs'>;
}

export const newFooter = ({ type, currentSizeBytes, uniqueId, timeStampSeconds, creator }: NewFooter): Footer => {
  const fields: FooterFields = {
    features: 2,
    fileFormatVersion: 0x0001_0000,
    timeStampSeconds,
    ...(creator ?? { creatorApplication: 'win ', creatorVersion: 0x000a_0000, creatorHostOs: 'Wi2k' }),
    originalSizeBytes: currentSizeBytes,
    currentSizeBytes,
    geometry: geometryOf(currentSizeBytes),
    uniqueId,
    savedState: 0,
    reserved: new Uint8Array(427),
  };
  return type.diskType === 'fixed'
    ? { ...fields, diskType: 'fixed', dataOffsetBytes: null }
    : { ...fields, diskType: type.diskType, dataOffsetBytes: type.dataOffsetBytes };
};

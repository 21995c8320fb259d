/**
 * The few numbers that the plain VHD writer and reader have in common. FORMATS.md A1-A4; all integers big-endian.
 */
import { SECTOR_BYTES } from './sector-content.js';

export { SECTOR_BYTES };
export const FOOTER_BYTES = 512;
export const HEADER_BYTES = 1024;
export const LOCATORS_AT = 576; // in the dynamic header: 8 entries of 24 bytes
export const LOCATOR_BYTES = 24;
export const UNUSED = 0xffffffff; // a BAT entry without a block
export const FOOTER_CHECKSUM_AT = 64;
export const HEADER_CHECKSUM_AT = 36;
export const BATMAP_COOKIE = 'tdbatmap';

export const DISK_TYPES = { fixed: 2, dynamic: 3, differencing: 4 } as const;
export type VhdType = keyof typeof DISK_TYPES;

/** Ones' complement of the sum of all bytes, the 4 bytes of the checksum itself taken as zero. FORMATS.md A1 */
export const vhdChecksum = (bytes: Uint8Array, checksumAt: number): number => {
  let sum = 0;
  bytes.forEach((byte, at) => {
    if (at < checksumAt || at >= checksumAt + 4) sum += byte;
  });
  return ~sum >>> 0;
};

export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** One bit per sector of the block, in whole sectors. FORMATS.md A4 */
export const bitmapBytes = (blockSizeBytes: number): number =>
  roundUp(Math.ceil(blockSizeBytes / SECTOR_BYTES / 8), SECTOR_BYTES);

/** Sector 0 of a block is the most significant bit of the bitmap's first byte. FORMATS.md A4 */
export const bitOf = (bitmap: Uint8Array, sectorInBlock: number): boolean =>
  ((bitmap[sectorInBlock >> 3] ?? 0) & (0x80 >> (sectorInBlock & 7))) !== 0;

/** The 16 bytes of a Unique Id in file order, as 5fa21a55-f394-aa4d-9958-1951a67d5540. */
export const idText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export const idBytes = (text: string): Buffer => Buffer.from(text.replaceAll('-', ''), 'hex');

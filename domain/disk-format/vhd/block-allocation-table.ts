/**
 * VHD block allocation table (BAT): one big-endian 32-bit number for each payload block, the sector at which the block's sector
 * bitmap starts; its data follow the bitmap. Padded with ones to a whole sector. [VHD 1.0] Block Allocation Table and Data Blocks
 */
import { roundUp } from '../../quantities.js';
import { decodeU32beTable, encodeU32beTable } from '../layout.js';
import { SECTOR_BYTES } from './footer.js';

export const BAT_ENTRY_BYTES = 4;
/** The block is not in this file: zeros in a dynamic disk, the parent's in a differencing one. */
export const UNUSED_ENTRY = 0xffff_ffff;

/** Bytes of the bitmap in front of a block: a bit for each sector, whole sectors; 512 for blocks of 2 MiB and less. */
export const bitmapBytes = (blockSizeBytes: number): number => roundUp(blockSizeBytes / SECTOR_BYTES / 8, SECTOR_BYTES);

/** What a block takes in the file: bitmap and data. The last one too is whole, even when the disk ends inside it. */
export const blockLengthBytes = (blockSizeBytes: number): number => bitmapBytes(blockSizeBytes) + blockSizeBytes;

export const tableBytes = (entryCount: number): number => entryCount * BAT_ENTRY_BYTES;
export const tablePaddedBytes = (entryCount: number): number => roundUp(tableBytes(entryCount), SECTOR_BYTES);

/** The entries that are whole in this part of a table. */
export const decodeEntries = (encoded: Uint8Array): Uint32Array => decodeU32beTable(encoded);
export const encodeEntries = (entries: Uint32Array): Uint8Array => encodeU32beTable(entries);

/** A table without a block: all ones, padding included. */
export const emptyTable = (entryCount: number): Uint8Array => new Uint8Array(tablePaddedBytes(entryCount)).fill(0xff);

/** Where the block's bitmap starts, in bytes; null for an unused entry. Below 2 TiB. */
export const bitmapOffsetBytes = (entry: number): number | null =>
  entry === UNUSED_ENTRY ? null : entry * SECTOR_BYTES;
/** Where the block's data start, in bytes; null for an unused entry. */
export const dataOffsetBytes = (entry: number, blockSizeBytes: number): number | null =>
  entry === UNUSED_ENTRY ? null : entry * SECTOR_BYTES + bitmapBytes(blockSizeBytes);

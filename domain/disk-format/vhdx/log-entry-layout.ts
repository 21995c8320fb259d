/** The structures of a VHDX's log, in sectors of 4 KiB. [MS-VHDX] 2.3.1 */
import { KIB, roundUp } from '../../quantities.js';
import { ascii, at, bytes, guid, struct, u32le, u64le } from '../layout.js';

export const LOG_SECTOR_BYTES = 4 * KIB;
export const DESCRIPTOR_BYTES = 32;
/** Of a page, what its descriptor holds, so that each sector of the log can have its own signature and number. */
export const LEADING_BYTES = 8;
export const TRAILING_BYTES = 4;
export const DATA_START = LEADING_BYTES;
export const DATA_END = LOG_SECTOR_BYTES - TRAILING_BYTES;

export const ENTRY = 'loge';
export const ZERO_DESCRIPTOR = 'zero';
export const DATA_DESCRIPTOR = 'desc';
export const DATA_SECTOR = 'data';

export const entryHeader = struct('VHDX log entry header', 64, {
  signature: at(0, ascii(4)), // "loge"
  checksum: at(4, u32le), // CRC-32C of the whole entry, this field taken as 0
  entryLength: at(8, u32le), // bytes, a multiple of 4096
  tail: at(12, u32le), // bytes from the start of the log: the oldest entry of the sequence that ends here
  sequenceNumber: at(16, u64le), // > 0; one more than the entry before
  descriptorCount: at(24, u32le), // 0: an entry that changes nothing
  reserved: at(28, u32le),
  logGuid: at(32, guid), // that of the header, or the entry means nothing
  flushedFileOffset: at(48, u64le), // bytes that the file is known to have on stable storage
  lastFileOffset: at(56, u64le), // bytes that the file has to have once the entry is applied
});

export const zeroDescriptor = struct('VHDX log zero descriptor', DESCRIPTOR_BYTES, {
  signature: at(0, ascii(4)), // "zero"
  reserved: at(4, u32le),
  zeroLength: at(8, u64le), // bytes, a multiple of 4096
  fileOffset: at(16, u64le), // bytes, a multiple of 4096
  sequenceNumber: at(24, u64le), // the entry's
});

export const dataDescriptor = struct('VHDX log data descriptor', DESCRIPTOR_BYTES, {
  signature: at(0, ascii(4)), // "desc"
  trailingBytes: at(4, bytes(TRAILING_BYTES)), // the page's last 4
  leadingBytes: at(8, bytes(LEADING_BYTES)), // the page's first 8
  fileOffset: at(16, u64le), // bytes, a multiple of 4096
  sequenceNumber: at(24, u64le), // the entry's
});

export const dataSector = struct('VHDX log data sector', LOG_SECTOR_BYTES, {
  signature: at(0, ascii(4)), // "data"
  sequenceHigh: at(4, u32le), // upper half of the entry's number
  data: at(DATA_START, bytes(DATA_END - DATA_START)), // bytes 8 to 4091 of the page
  sequenceLow: at(DATA_END, u32le), // lower half
});

/** What descriptors take with the header before them: whole sectors. 126 are in the first, 128 in each one more. */
export const descriptorSectorBytes = (descriptorCount: number): number =>
  roundUp(entryHeader.sizeBytes + descriptorCount * DESCRIPTOR_BYTES, LOG_SECTOR_BYTES);

/** What an entry takes in the log. 126 descriptors are in its first sector, 128 in each one more. */
export const entryLengthBytes = (descriptorCount: number, dataDescriptorCount: number): number =>
  descriptorSectorBytes(descriptorCount) + dataDescriptorCount * LOG_SECTOR_BYTES;

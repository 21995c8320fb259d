/**
 * One entry of a VHDX's log: pages of 4 KiB and ranges of zeros that belong together, with the places in the file where they go.
 * [MS-VHDX] 2.3.1
 */
import type { Decoded } from '../layout.js';
import { crc32c } from './crc32c.js';
import {
  DATA_DESCRIPTOR,
  DATA_END,
  DATA_SECTOR,
  DATA_START,
  dataDescriptor,
  dataSector,
  DESCRIPTOR_BYTES,
  ENTRY,
  entryHeader,
  entryLengthBytes,
  LEADING_BYTES,
  LOG_SECTOR_BYTES,
  ZERO_DESCRIPTOR,
  zeroDescriptor,
} from './log-entry-layout.js';

export { entryLengthBytes, LOG_SECTOR_BYTES } from './log-entry-layout.js';

export type LogDescriptor = DataDescriptor | ZeroDescriptor;

interface DataDescriptor {
  readonly kind: 'data';
  /** A multiple of 4096. One of 2^53 and more is inexact. */
  readonly fileOffsetBytes: number;
  /** 4096 bytes. */
  readonly page: Uint8Array;
}

interface ZeroDescriptor {
  readonly kind: 'zero';
  /** A multiple of 4096, as is the length. One of 2^53 and more is inexact. */
  readonly fileOffsetBytes: number;
  readonly lengthBytes: number;
}

export interface LogEntry {
  /** Above 0. */
  readonly sequenceNumber: bigint;
  readonly logGuid: string;
  /** Where in the log the oldest entry starts that has to be applied together with this one; may be this one. */
  readonly tailBytes: number;
  /** A file that is shorter has lost something. 2^53 and more is inexact here and in the next. */
  readonly flushedFileOffsetBytes: number;
  readonly lastFileOffsetBytes: number;
  /** In the order in which they are applied. */
  readonly descriptors: readonly LogDescriptor[];
}

/** The bytes of an entry, its checksum calculated. */
export const encodeLogEntry = (entry: LogEntry): Uint8Array => {
  const { descriptors, sequenceNumber } = entry;
  const pages = descriptors.flatMap((descriptor) => (descriptor.kind === 'data' ? [descriptor.page] : []));
  const encoded = new Uint8Array(entryLengthBytes(descriptors.length, pages.length));
  if (sequenceNumber === 0n) throw new RangeError('Bug: a log entry with the number 0');
  descriptors.forEach((descriptor, n) => {
    encoded.set(encodeDescriptor(descriptor, sequenceNumber), entryHeader.sizeBytes + n * DESCRIPTOR_BYTES);
  });
  pages.forEach((page, n) => {
    const sector = dataSector.encode({
      signature: DATA_SECTOR,
      sequenceHigh: Number(sequenceNumber >> 32n),
      data: page.subarray(DATA_START, DATA_END),
      sequenceLow: Number(sequenceNumber & 0xffff_ffffn),
    });
    encoded.set(sector, entryLengthBytes(descriptors.length, n));
  });
  const header: Decoded<typeof entryHeader> = {
    signature: ENTRY,
    checksum: 0,
    entryLength: encoded.length,
    tail: entry.tailBytes,
    sequenceNumber,
    descriptorCount: descriptors.length,
    reserved: 0,
    logGuid: entry.logGuid,
    flushedFileOffset: BigInt(entry.flushedFileOffsetBytes),
    lastFileOffset: BigInt(entry.lastFileOffsetBytes),
  };
  encoded.set(entryHeader.encode(header));
  encoded.set(entryHeader.encode({ ...header, checksum: crc32c(encoded) }));
  return encoded;
};

const encodeDescriptor = (descriptor: LogDescriptor, sequenceNumber: bigint): Uint8Array => {
  const { fileOffsetBytes } = descriptor;
  const lengthBytes = descriptor.kind === 'data' ? descriptor.page.length : descriptor.lengthBytes;
  if (fileOffsetBytes % LOG_SECTOR_BYTES !== 0 || lengthBytes % LOG_SECTOR_BYTES !== 0) {
    throw new RangeError(`Bug: the log takes whole pages, not ${lengthBytes} bytes at ${fileOffsetBytes}`);
  }
  const fileOffset = BigInt(fileOffsetBytes);
  if (descriptor.kind === 'zero') {
    const zeroLength = BigInt(lengthBytes);
    return zeroDescriptor.encode({ signature: ZERO_DESCRIPTOR, reserved: 0, zeroLength, fileOffset, sequenceNumber });
  }
  return dataDescriptor.encode({
    signature: DATA_DESCRIPTOR,
    trailingBytes: descriptor.page.subarray(DATA_END),
    leadingBytes: descriptor.page.subarray(0, LEADING_BYTES),
    fileOffset,
    sequenceNumber,
  });
};

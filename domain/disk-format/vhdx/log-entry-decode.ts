/**
 * Reads an entry of a VHDX's log out of the ring. [MS-VHDX] 2.3.1
 *
 * Guarantees:
 * - An entry is taken only when every sector of it is there: lengths, signatures and sequence numbers agree, and so does the checksum.
 * - A sector that is not this entry's ends the check: it looks past no other entry's header, and the checksum comes last. So the
 *   entries of a ring that pass it are disjoint, and to try all its sectors takes time in proportion to its length.
 *
 * Where an entry wants its pages is not judged here: see `replayFlaw`.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { err, ok, type Result } from '../../result.js';
import { flawOf, hex } from '../flaw.js';
import type { Decoded } from '../layout.js';
import { crc32c } from './crc32c.js';
import type { LogDescriptor, LogEntry } from './log-entry.js';
import {
  DATA_DESCRIPTOR,
  DATA_END,
  DATA_SECTOR,
  dataDescriptor,
  dataSector,
  DESCRIPTOR_BYTES,
  descriptorSectorBytes,
  ENTRY,
  entryHeader,
  entryLengthBytes,
  LEADING_BYTES,
  LOG_SECTOR_BYTES,
  TRAILING_BYTES,
  ZERO_DESCRIPTOR,
  zeroDescriptor,
} from './log-entry-layout.js';
import { readU64 } from './u64le.js';

const NUMBER_AT = entryHeader.offsets.sequenceNumber;

const flaw = flawOf('VHDX log entry');
const refuse = (expected: string, found: string): { readonly ok: false; readonly error: StructureFlaw } =>
  err(flaw('log-entry', expected, found));

/** Does a sector of the log start like an entry? Most do not, and need not be decoded. */
export const startsEntry = (ring: Uint8Array, startBytes: number): boolean => hasTag(ring, startBytes, ENTRY);

const hasTag = (ring: Uint8Array, at: number, tag: string): boolean => {
  for (let n = 0; n < tag.length; n += 1) if (ring[at + n] !== tag.charCodeAt(n)) return false;
  return true;
};

const sameBytes = (ring: Uint8Array, one: number, other: number, length: number): boolean => {
  for (let n = 0; n < length; n += 1) if (ring[one + n] !== ring[other + n]) return false;
  return true;
};

/** An entry, and how many bytes of the log it takes. */
export interface PlacedLogEntry {
  readonly entry: LogEntry;
  readonly lengthBytes: number;
}

/** Where the parts of an entry are in the ring. */
class EntryPlace {
  constructor(
    readonly ring: Uint8Array,
    readonly startBytes: number,
    private readonly descriptorCount: number,
  ) {}

  descriptor(n: number): number {
    return (this.startBytes + entryHeader.sizeBytes + n * DESCRIPTOR_BYTES) % this.ring.length;
  }

  dataSector(n: number): number {
    return (this.startBytes + entryLengthBytes(this.descriptorCount, n)) % this.ring.length;
  }

  /** The entry's bytes in one piece. */
  whole(lengthBytes: number): Uint8Array {
    const end = this.startBytes + lengthBytes;
    if (end <= this.ring.length) return this.ring.subarray(this.startBytes, end);
    const joined = new Uint8Array(lengthBytes);
    joined.set(this.ring.subarray(this.startBytes));
    joined.set(this.ring.subarray(0, end - this.ring.length), this.ring.length - this.startBytes);
    return joined;
  }
}

/**
 * The entry that starts at byte `startBytes` of a log, and may go on at the log's start. `ring`: the whole log, or one entry alone;
 * both numbers are multiples of 4096.
 */
export const decodeLogEntry = (ring: Uint8Array, startBytes = 0): Result<PlacedLogEntry, StructureFlaw> => {
  const header = entryHeader.decode(ring.subarray(startBytes, startBytes + entryHeader.sizeBytes));
  const misformed = headerFlaw(header, ring.length);
  if (misformed !== null) return err(misformed);
  const place = new EntryPlace(ring, startBytes, header.descriptorCount);
  const dataDescriptors = countDataDescriptors(place, header.descriptorCount);
  if (!dataDescriptors.ok) return dataDescriptors;
  const lengthBytes = entryLengthBytes(header.descriptorCount, dataDescriptors.value);
  if (lengthBytes !== header.entryLength) {
    const expected = `${lengthBytes} bytes for ${header.descriptorCount} descriptors, ${dataDescriptors.value} of them of data`;
    return refuse(expected, `${header.entryLength} bytes`);
  }
  const torn = dataSectorFlaw(place, dataDescriptors.value);
  if (torn !== null) return err(torn);
  const checksum = crc32c(place.whole(lengthBytes), entryHeader.offsets.checksum);
  if (checksum !== header.checksum) return refuse(`checksum ${hex(checksum)}`, hex(header.checksum));
  return ok({ entry: entryAt(place, header), lengthBytes });
};

const headerFlaw = (header: Decoded<typeof entryHeader>, ringBytes: number): StructureFlaw | null => {
  const { signature, entryLength, tail, sequenceNumber, descriptorCount } = header;
  if (signature !== ENTRY) return flaw('log-entry', `"${ENTRY}"`, JSON.stringify(signature));
  if (entryLength === 0 || entryLength % LOG_SECTOR_BYTES !== 0 || entryLength > ringBytes) {
    return flaw('log-entry', `a length of whole sectors, at most ${ringBytes} bytes`, `${entryLength} bytes`);
  }
  if (tail % LOG_SECTOR_BYTES !== 0) return flaw('log-entry', 'a tail at the start of a sector', hex(tail));
  if (sequenceNumber === 0n) return flaw('log-entry', 'a sequence number above 0', '0');
  if (descriptorSectorBytes(descriptorCount) > entryLength) {
    return flaw('log-entry', `descriptors that fit into ${entryLength} bytes`, `${descriptorCount} descriptors`);
  }
  return null;
};

const countDataDescriptors = (place: EntryPlace, descriptorCount: number): Result<number, StructureFlaw> => {
  const { ring, startBytes } = place;
  let dataDescriptors = 0;
  for (let n = 0; n < descriptorCount; n += 1) {
    const at = place.descriptor(n);
    const isData = hasTag(ring, at, DATA_DESCRIPTOR);
    if (!isData && !hasTag(ring, at, ZERO_DESCRIPTOR)) {
      return refuse(`"${DATA_DESCRIPTOR}" or "${ZERO_DESCRIPTOR}" at descriptor ${n}`, 'something else');
    }
    if (!sameBytes(ring, at + dataDescriptor.offsets.sequenceNumber, startBytes + NUMBER_AT, 8)) {
      return refuse(`descriptor ${n} to have the entry's sequence number`, 'another');
    }
    const fileOffset = readU64(ring, at + dataDescriptor.offsets.fileOffset);
    const zeroLength = isData ? 0 : readU64(ring, at + zeroDescriptor.offsets.zeroLength);
    if (fileOffset % LOG_SECTOR_BYTES !== 0 || zeroLength % LOG_SECTOR_BYTES !== 0) {
      return refuse(`descriptor ${n} to be about whole pages`, `${zeroLength} bytes at ${hex(fileOffset, 1)}`);
    }
    if (isData) dataDescriptors += 1;
  }
  return ok(dataDescriptors);
};

const dataSectorFlaw = (place: EntryPlace, count: number): StructureFlaw | null => {
  const { ring, startBytes } = place;
  for (let n = 0; n < count; n += 1) {
    const at = place.dataSector(n);
    if (!hasTag(ring, at, DATA_SECTOR))
      return flaw('log-entry', `"${DATA_SECTOR}" at data sector ${n}`, 'something else');
    const isOurs =
      sameBytes(ring, at + dataSector.offsets.sequenceLow, startBytes + NUMBER_AT, 4) &&
      sameBytes(ring, at + dataSector.offsets.sequenceHigh, startBytes + NUMBER_AT + 4, 4);
    if (!isOurs) return flaw('log-entry', `data sector ${n} to have the entry's sequence number`, 'another');
  }
  return null;
};

const entryAt = (place: EntryPlace, header: Decoded<typeof entryHeader>): LogEntry => {
  let dataSectors = 0;
  const descriptors = Array.from({ length: header.descriptorCount }, (_, n): LogDescriptor => {
    const at = place.descriptor(n);
    const fileOffsetBytes = readU64(place.ring, at + dataDescriptor.offsets.fileOffset);
    if (hasTag(place.ring, at, DATA_DESCRIPTOR)) {
      dataSectors += 1;
      return { kind: 'data', fileOffsetBytes, page: pageOf(place, at, place.dataSector(dataSectors - 1)) };
    }
    const lengthBytes = readU64(place.ring, at + zeroDescriptor.offsets.zeroLength);
    return { kind: 'zero', fileOffsetBytes, lengthBytes };
  });
  return {
    sequenceNumber: header.sequenceNumber,
    logGuid: header.logGuid,
    tailBytes: header.tail,
    flushedFileOffsetBytes: Number(header.flushedFileOffset),
    lastFileOffsetBytes: Number(header.lastFileOffset),
    descriptors,
  };
};

const pageOf = ({ ring }: EntryPlace, descriptorAt: number, sectorAt: number): Uint8Array => {
  const page = ring.slice(sectorAt, sectorAt + LOG_SECTOR_BYTES);
  const { leadingBytes, trailingBytes } = dataDescriptor.offsets;
  page.set(ring.subarray(descriptorAt + leadingBytes, descriptorAt + leadingBytes + LEADING_BYTES), 0);
  page.set(ring.subarray(descriptorAt + trailingBytes, descriptorAt + trailingBytes + TRAILING_BYTES), DATA_END);
  return page;
};

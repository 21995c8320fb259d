/**
 * VHDX header: 4 KiB, little-endian, at byte 64 KiB and again at 128 KiB. Two copies, because the header locates the log and so
 * cannot be repaired by it. [MS-VHDX] 2.2.2
 *
 * Guarantees:
 * - Of the copies whose signature and checksum are right, the one with the greater sequence number speaks for the file: when its
 *   values are unusable the file is refused, and the other copy is not asked.
 * - Two copies with one sequence number are accepted only when they are the same bytes (Disk2VHD writes such files).
 * - The log of a chosen header lies inside the file, off its first MiB, and is at most 1 GiB long.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { KIB, MIB } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import type { Extent } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { ascii, at, type Decoded, guid, reserved, struct, u16le, u32le, u64le } from '../layout.js';
import { LIMIT } from '../limits.js';
import { crc32c } from './crc32c.js';

export const HEADER_BYTES = 4 * KIB;
/** Header 1 and header 2, in bytes from the start of the file. */
export const HEADER_OFFSETS = [64 * KIB, 128 * KIB] as const;
export const NIL_GUID = '00000000-0000-0000-0000-000000000000';
/** A VHDX keeps its first MiB for identifier, headers and region tables; whatever else there is starts behind it. */
export const FIRST_MIB: Extent = { startBytes: 0, endBytes: MIB };
const SIGNATURE = 'head';
/** The limit of Microsoft's own reader; Windows writes 1 MiB. */
const MAX_LOG_BYTES = LIMIT.logBytes;
const RESERVED_BYTES = 4016;

const headerLayout = struct('VHDX header', HEADER_BYTES, {
  signature: at(0, ascii(4)), // "head"
  checksum: at(4, u32le), // CRC-32C of all 4096 bytes, this field taken as 0
  sequenceNumber: at(8, u64le), // of two valid copies, the greater is current
  fileWriteGuid: at(16, guid), // new before the first write of a session
  dataWriteGuid: at(32, guid), // new when guest-visible data changes; each child's parent_linkage names it
  logGuid: at(48, guid), // zero: nothing to replay
  logVersion: at(64, u16le), // 0
  version: at(66, u16le), // 1
  logLength: at(68, u32le), // bytes, a multiple of 1 MiB
  logOffset: at(72, u64le), // bytes from the start of the file, a multiple of 1 MiB
  reserved: at(80, reserved(RESERVED_BYTES)),
});

export interface VhdxHeader {
  readonly sequenceNumber: bigint;
  /** Names the bytes of the file: new before the first write of a session. */
  readonly fileWriteGuid: string;
  /** Names what a guest reads: each child's `parent_linkage` has it. */
  readonly dataWriteGuid: string;
  /** Of the log entries to replay; `NIL_GUID`: none. */
  readonly logGuid: string;
  readonly logVersion: number;
  readonly version: number;
  /** A multiple of 1 MiB in a chosen header; 0: the file has no log. */
  readonly logLengthBytes: number;
  /** A multiple of 1 MiB and at least that in a chosen header. 2^53 and more is inexact here, and never chosen. */
  readonly logOffsetBytes: number;
}

const flaw = flawOf('VHDX header');

/** The header in these 4096 bytes, its values as they are; null when its signature or its checksum is wrong. */
export const decodeHeader = (bytes: Uint8Array): VhdxHeader | null => {
  const raw = headerLayout.decode(bytes);
  if (raw.signature !== SIGNATURE || raw.checksum !== crc32c(bytes, headerLayout.offsets.checksum)) return null;
  return {
    sequenceNumber: raw.sequenceNumber,
    fileWriteGuid: raw.fileWriteGuid,
    dataWriteGuid: raw.dataWriteGuid,
    logGuid: raw.logGuid,
    logVersion: raw.logVersion,
    version: raw.version,
    logLengthBytes: raw.logLength,
    logOffsetBytes: Number(raw.logOffset),
  };
};

/** The 4096 bytes of a header, its checksum calculated, its reserved bytes zero. */
export const encodeHeader = (header: VhdxHeader): Uint8Array => {
  const raw: Decoded<typeof headerLayout> = {
    signature: SIGNATURE,
    checksum: 0,
    sequenceNumber: header.sequenceNumber,
    fileWriteGuid: header.fileWriteGuid,
    dataWriteGuid: header.dataWriteGuid,
    logGuid: header.logGuid,
    logVersion: header.logVersion,
    version: header.version,
    logLength: header.logLengthBytes,
    logOffset: BigInt(header.logOffsetBytes),
    reserved: new Uint8Array(RESERVED_BYTES),
  };
  return headerLayout.encode({ ...raw, checksum: crc32c(headerLayout.encode(raw)) });
};

export interface HeaderChoice {
  readonly header: VhdxHeader;
  /** Which of `HEADER_OFFSETS` it was read from. An update goes to the other one first. */
  readonly slot: 0 | 1;
  /** False: the other copy is damaged, and a torn write to this one would leave the file without a header. */
  readonly otherIsValid: boolean;
  /** For people. */
  readonly warnings: readonly string[];
}

/**
 * The current one of the headers at `HEADER_OFFSETS`, 4096 bytes each. A file below 1 MiB is refused before they are looked at,
 * so that they may be shorter then.
 */
export const chooseHeader = (
  first: Uint8Array,
  second: Uint8Array,
  fileSizeBytes: number,
): Result<HeaderChoice, StructureFlaw> => {
  if (fileSizeBytes < MIB) return err(flaw('too-small', `a file of at least ${MIB} bytes`, `${fileSizeBytes} bytes`));
  const choice = currentOf(first, second);
  if (!choice.ok) return choice;
  const refusal = unusable(choice.value.header, fileSizeBytes);
  return refusal === null ? choice : err(refusal);
};

const currentOf = (first: Uint8Array, second: Uint8Array): Result<HeaderChoice, StructureFlaw> => {
  const [one, two] = [decodeHeader(first), decodeHeader(second)];
  if (one === null && two === null) {
    return err(
      flaw('no-valid-header', `"${SIGNATURE}" and its checksum in one header at least`, 'two damaged headers'),
    );
  }
  if (two === null) return ok(alone(one!, 0));
  if (one === null) return ok(alone(two, 1));
  if (one.sequenceNumber === two.sequenceNumber && first.some((byte, n) => byte !== second[n])) {
    const found = `two different headers with the number ${one.sequenceNumber}`;
    return err(flaw('header-ambiguous', 'the current header to have the greater sequence number', found));
  }
  const slot = two.sequenceNumber > one.sequenceNumber ? 1 : 0;
  return ok({ header: slot === 0 ? one : two, slot, otherIsValid: true, warnings: [] });
};

const alone = (header: VhdxHeader, slot: 0 | 1): HeaderChoice => ({
  header,
  slot,
  otherIsValid: false,
  warnings: [`Header ${2 - slot} is damaged; header ${slot + 1} was used.`],
});

const unusable = (header: VhdxHeader, fileSizeBytes: number): StructureFlaw | null => {
  if (header.version !== 1) return flaw('unsupported-version', 'version 1', `version ${header.version}`);
  const { logLengthBytes: length, logOffsetBytes: offset } = header;
  if (header.logGuid !== NIL_GUID) {
    if (header.logVersion !== 0) return flaw('log-location', 'log version 0', `log version ${header.logVersion}`);
    if (length === 0) return flaw('log-location', 'a log, because the header names its entries', 'log length 0');
  }
  if (length === 0) return null;
  if (length % MIB !== 0 || length > MAX_LOG_BYTES) {
    return flaw('log-location', 'a log length in whole MiB, at most 1 GiB', `${length} bytes`);
  }
  if (offset % MIB !== 0 || offset < FIRST_MIB.endBytes) {
    return flaw('log-location', 'a log offset in whole MiB, at least 1 MiB', hex(offset, 1));
  }
  if (offset + length > fileSizeBytes) {
    const found = `a log from ${hex(offset, 1)} to ${hex(offset + length, 1)}`;
    return flaw('log-location', `a log inside the file of ${fileSizeBytes} bytes`, found);
  }
  return null;
};

/** Where the log of a chosen header lies; null: it has none. */
export const logExtent = (header: VhdxHeader): Extent | null =>
  header.logLengthBytes === 0
    ? null
    : { startBytes: header.logOffsetBytes, endBytes: header.logOffsetBytes + header.logLengthBytes };

const LAST_SEQUENCE_NUMBER = (1n << 64n) - 1n;
/** More header updates than one session makes. */
const SESSION_UPDATES = 4096n;

/** Has the sequence number room for a session's updates? A file without it cannot be written. [MS-VHDX] 2.2.2.1 */
export const canSucceed = (header: VhdxHeader): boolean =>
  header.sequenceNumber <= LAST_SEQUENCE_NUMBER - SESSION_UPDATES;

/**
 * The header that replaces `header`: with the next sequence number. Its log version is 0, that of the entries which we write;
 * an empty log may have come with another. Throws a RangeError when the sequence numbers are used up: ask `canSucceed` first.
 */
export const successor = (
  header: VhdxHeader,
  changes: Partial<Pick<VhdxHeader, 'fileWriteGuid' | 'dataWriteGuid' | 'logGuid'>>,
): VhdxHeader => {
  if (header.sequenceNumber >= LAST_SEQUENCE_NUMBER) {
    throw new RangeError(
      `The header has the last sequence number there is, ${header.sequenceNumber}: it cannot be written any more. Copy the disk into a new file.`,
    );
  }
  return { ...header, ...changes, logVersion: 0, sequenceNumber: header.sequenceNumber + 1n };
};

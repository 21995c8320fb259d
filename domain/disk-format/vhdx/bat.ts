/**
 * VHDX block allocation table (BAT): 64-bit little-endian entries, each a state in bits 0–2 and a file offset in whole MiB in bits
 * 20–63. After the entries of a chunk's payload blocks comes the one of the sector bitmap block that they share. [MS-VHDX] 2.5
 *
 * An entry is a number here, as it is on disk: the offset in bytes plus the state.
 */
import { MIB } from '../../quantities.js';
import { readU64, U64_BYTES, writeU64 } from './u64le.js';

/** The bits of one sector bitmap block of 1 MiB: that many logical sectors are a chunk. */
const CHUNK_SECTORS = 2 ** 23;
const STATES = 8;

/** Payload block states. 4 and 5 are reserved (5 was UNMAPPED in draft 0.95). [MS-VHDX] 2.5.1.1 */
export const PAYLOAD = {
  /** In a differencing disk the parent's, in another zeros; an offset means nothing. */
  notPresent: 0,
  /** Zeros, in a differencing disk too; an offset is the place of old content, which the block still owns. */
  undefined: 1,
  /** Zeros; an offset means nothing. */
  zero: 2,
  /** As `undefined`. */
  unmapped: 3,
  /** All in the file; its bits in the sector bitmap mean nothing. */
  fullyPresent: 6,
  /** Differencing disks only: the sectors whose bits are set are in the file, the others are the parent's. */
  partiallyPresent: 7,
} as const;

/** Sector bitmap block states; Microsoft's reader takes 7 for 6. [MS-VHDX] 2.5.1.2 */
export const BITMAP = { notPresent: 0, present: 6 } as const;

export interface BatGeometry {
  readonly blockSizeBytes: number;
  readonly logicalSectorSize: number;
  readonly virtualSizeBytes: number;
  readonly hasParent: boolean;
  /** Payload blocks that share a sector bitmap block. */
  readonly chunkRatio: number;
  /** Payload blocks of the disk; the last may reach past the disk's end. */
  readonly payloadBlocks: number;
  /** Sector bitmap blocks that it takes to have one for each payload block: chunks. */
  readonly bitmapBlocks: number;
  /**
   * Entries of the table. That of a differencing disk ends with a bitmap block's, so that in its last chunk entries of payload
   * blocks past the disk's last one are among them: padding. Entries behind the last are padding in every BAT region.
   */
  readonly entryCount: number;
}

/** Of a disk whose parameters were checked: power-of-two block of 1 to 256 MiB, sectors of 512 or 4096 bytes, size above 0. */
export const batGeometry = (
  disk: Pick<BatGeometry, 'blockSizeBytes' | 'logicalSectorSize' | 'virtualSizeBytes' | 'hasParent'>,
): BatGeometry => {
  const { blockSizeBytes, logicalSectorSize, virtualSizeBytes, hasParent } = disk;
  const chunkRatio = (CHUNK_SECTORS * logicalSectorSize) / blockSizeBytes;
  const payloadBlocks = Math.ceil(virtualSizeBytes / blockSizeBytes);
  const bitmapBlocks = Math.ceil(payloadBlocks / chunkRatio);
  const entryCount = hasParent
    ? bitmapBlocks * (chunkRatio + 1)
    : payloadBlocks + Math.floor((payloadBlocks - 1) / chunkRatio);
  return {
    blockSizeBytes,
    logicalSectorSize,
    virtualSizeBytes,
    hasParent,
    chunkRatio,
    payloadBlocks,
    bitmapBlocks,
    entryCount,
  };
};

/** The chunk that a payload block belongs to, counted from 0. */
export const chunkOf = (geometry: BatGeometry, block: number): number => Math.floor(block / geometry.chunkRatio);

/** Index in the table of a payload block's entry. */
export const payloadIndex = (geometry: BatGeometry, block: number): number => block + chunkOf(geometry, block);

/** Index in the table of the entry of a chunk's sector bitmap block. */
export const bitmapIndex = ({ chunkRatio }: BatGeometry, chunk: number): number =>
  chunk * (chunkRatio + 1) + chunkRatio;

export type BatEntryOwner =
  { readonly kind: 'payload'; readonly block: number } | { readonly kind: 'bitmap'; readonly chunk: number };

/** Whose entry is at this index of the table. A payload block of `payloadBlocks` or more is padding. */
export const what = ({ chunkRatio }: BatGeometry, index: number): BatEntryOwner => {
  const chunk = Math.floor(index / (chunkRatio + 1));
  const inChunk = index - chunk * (chunkRatio + 1);
  return inChunk === chunkRatio ? { kind: 'bitmap', chunk } : { kind: 'payload', block: chunk * chunkRatio + inChunk };
};

/** One of `PAYLOAD` or `BITMAP`, or a reserved one. */
export const stateOf = (entry: number): number => entry % STATES;

/** In bytes from the start of the file, a multiple of 1 MiB. What it means, if anything, says the state. */
export const offsetOf = (entry: number): number => Math.floor(entry / MIB) * MIB;

/** `offsetBytes`: a multiple of 1 MiB, 0 for a state without a place. */
export const entryOf = (state: number, offsetBytes: number): number => {
  if (!Number.isSafeInteger(offsetBytes) || offsetBytes < 0 || offsetBytes % MIB !== 0) {
    throw new RangeError(`Bug: a block at byte ${offsetBytes} does not start at a MiB`);
  }
  return offsetBytes + state;
};

/** The entries that are whole in this part of a table. One of 2^53 and more is inexact, and refused by the check of the BAT. */
export const decodeEntries = (encoded: Uint8Array): Float64Array => {
  const entries = new Float64Array(Math.floor(encoded.length / U64_BYTES));
  for (let n = 0; n < entries.length; n += 1) entries[n] = readU64(encoded, n * U64_BYTES);
  return entries;
};

export const encodeEntries = (entries: Float64Array): Uint8Array => {
  const encoded = new Uint8Array(entries.length * U64_BYTES);
  entries.forEach((entry, n) => {
    writeU64(encoded, n * U64_BYTES, entry);
  });
  return encoded;
};

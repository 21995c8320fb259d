/**
 * The check of a whole VHDX BAT before anything is written. Guarantees:
 * - Every entry has a state that this kind of disk may have, no reserved bit, and an offset below 256 TiB.
 * - Payload blocks, bitmap blocks and soft anchors (old content that an UNDEFINED or UNMAPPED block still owns) lie inside the
 *   file (the last one as far as the disk goes), off headers, log and regions, and off one another: else a merge would write one
 *   block's sectors over another's.
 * - Every partially present block has the bitmap block of its chunk.
 * - One pass over the table, and memory for one bit a MiB of file that is in use: 32 MiB at most, for 256 TiB.
 *
 * An offset in states NOT_PRESENT and ZERO is reserved: it is not looked at. Nor is padding: entries of blocks past the disk's last.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { MIB } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import { type Extent, overlap } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { LIMIT } from '../limits.js';
import { type BatGeometry, BITMAP, type BatEntryOwner, offsetOf, PAYLOAD, stateOf, what } from './bat.js';
import { ClaimedSpace } from './claimed-space.js';
import { BITMAP_BLOCK_BYTES } from './sector-bitmap.js';
import { U64_BYTES } from './u64le.js';

/** A policy: it bounds the memory of the check, and keeps every entry an exact number. */
const MAX_OFFSET_BYTES = LIMIT.blockOffsetBytes;
/** What the largest disk needs in its smallest blocks, rounded up; the limit of Microsoft's own reader. */
const MAX_REGION_BYTES = LIMIT.batRegionBytes;
/** Microsoft's reader takes it for `BITMAP.present`. */
const ALSO_PRESENT = 7;

const flaw = flawOf('VHDX BAT');

/** Can a BAT region of this length hold the table? */
export const batRegionFlaw = ({ entryCount }: BatGeometry, regionLengthBytes: number): StructureFlaw | null => {
  const neededBytes = entryCount * U64_BYTES;
  if (regionLengthBytes < neededBytes) {
    return flaw(
      'bat-size',
      `a region of ${neededBytes} bytes or more for ${entryCount} entries`,
      `${regionLengthBytes} bytes`,
    );
  }
  if (regionLengthBytes > MAX_REGION_BYTES) {
    return flaw('bat-size', `a region of at most ${MAX_REGION_BYTES} bytes`, `${regionLengthBytes} bytes`);
  }
  return null;
};

export interface BatToCheck {
  readonly geometry: BatGeometry;
  /** What no block may touch, in any order: the first MiB, the log, all regions of the table, known or not. */
  readonly occupied: readonly Extent[];
  /** With the log applied. Nothing reaches beyond it. */
  readonly fileSizeBytes: number;
}

export interface BatSummary {
  /** Payload blocks that are fully or partially present. */
  readonly allocatedBlocks: number;
  /** Sector bitmap blocks that are present. */
  readonly bitmapBlocks: number;
  /** Payload blocks that read zero and own space in the file all the same. */
  readonly anchors: number;
  /** Where the last payload block, bitmap block or soft anchor ends, in bytes; 0 for none. The file may end in the last block. */
  readonly endOfBlocksBytes: number;
}

export class VhdxBatCheck {
  readonly #table: BatToCheck;
  readonly #claimed = new ClaimedSpace();
  #nextIndex = 0;
  /** The first partially present block of the chunk whose bitmap block is still to come. */
  #partialBlock: number | null = null;
  #allocatedBlocks = 0;
  #bitmapBlocks = 0;
  #anchors = 0;
  #endOfBlocksBytes = 0;
  #flaw: StructureFlaw | null = null;

  constructor(table: BatToCheck) {
    this.#table = table;
    for (const { startBytes, endBytes } of table.occupied) {
      this.#claimed.claim(startBytes, Math.min(endBytes, MAX_OFFSET_BYTES));
    }
  }

  /** Looks at the entries from index `firstIndex` on; slices ascend without a gap. The first flaw is the answer from then on. */
  take(firstIndex: number, entries: Float64Array): StructureFlaw | null {
    const { geometry } = this.#table;
    if (firstIndex !== this.#nextIndex || firstIndex + entries.length > geometry.entryCount) {
      throw new RangeError(
        `Bug: entries ${firstIndex} to ${firstIndex + entries.length} of ${geometry.entryCount}, where ${this.#nextIndex} was next`,
      );
    }
    this.#nextIndex += entries.length;
    // Most entries of a large disk are 0, and say something only where a bitmap block is missing.
    for (let n = 0; n < entries.length && this.#flaw === null; n += 1) {
      if (entries[n] !== 0 || this.#partialBlock !== null) {
        this.#flaw = this.#takeEntry(what(geometry, firstIndex + n), entries[n]!);
      }
    }
    return this.#flaw;
  }

  /** After the last entry. */
  summary(): Result<BatSummary, StructureFlaw> {
    if (this.#flaw !== null) return err(this.#flaw);
    const { entryCount } = this.#table.geometry;
    if (this.#nextIndex !== entryCount) {
      throw new RangeError(`Bug: only ${this.#nextIndex} of ${entryCount} BAT entries were checked`);
    }
    return ok({
      allocatedBlocks: this.#allocatedBlocks,
      bitmapBlocks: this.#bitmapBlocks,
      anchors: this.#anchors,
      endOfBlocksBytes: this.#endOfBlocksBytes,
    });
  }

  #takeEntry(owner: BatEntryOwner, entry: number): StructureFlaw | null {
    if (owner.kind === 'payload' && owner.block >= this.#table.geometry.payloadBlocks) return null;
    // First of all, whatever the state: of a larger number the low bits are not exact.
    if (entry >= MAX_OFFSET_BYTES) {
      return flaw('bat-entry-out-of-range', 'an offset below 256 TiB', `${nameOf(owner)} with entry ${hex(entry, 1)}`);
    }
    if (entry - offsetOf(entry) !== stateOf(entry)) {
      return flaw('bat-state', 'reserved bits 3 to 19 of 0', `${nameOf(owner)} with entry ${hex(entry, 1)}`);
    }
    return owner.kind === 'payload' ? this.#takePayload(owner, entry) : this.#takeBitmap(owner, entry);
  }

  #takePayload(owner: BatEntryOwner & { readonly kind: 'payload' }, entry: number): StructureFlaw | null {
    const { hasParent, blockSizeBytes } = this.#table.geometry;
    switch (stateOf(entry)) {
      case PAYLOAD.notPresent:
      case PAYLOAD.zero:
        return null;
      case PAYLOAD.undefined:
      case PAYLOAD.unmapped:
        if (offsetOf(entry) === 0) return null;
        this.#anchors += 1;
        return this.#place(owner, entry, blockSizeBytes);
      case PAYLOAD.partiallyPresent:
        if (!hasParent) {
          return flaw('bat-state', 'no partially present block in a disk without parent', nameOf(owner));
        }
        this.#partialBlock ??= owner.block;
        this.#allocatedBlocks += 1;
        return this.#place(owner, entry, blockSizeBytes);
      case PAYLOAD.fullyPresent:
        this.#allocatedBlocks += 1;
        return this.#place(owner, entry, blockSizeBytes, this.#inDisk(owner.block));
      default:
        return flaw(
          'bat-state',
          'a payload block in state 0, 1, 2, 3, 6 or 7',
          `${nameOf(owner)} in state ${stateOf(entry)}`,
        );
    }
  }

  #takeBitmap(owner: BatEntryOwner & { readonly kind: 'bitmap' }, entry: number): StructureFlaw | null {
    const partialBlock = this.#partialBlock;
    this.#partialBlock = null;
    switch (stateOf(entry)) {
      case BITMAP.notPresent:
        if (partialBlock === null) return null;
        return flaw(
          'bitmap-missing',
          `the sector bitmap of chunk ${owner.chunk}, because payload block ${partialBlock} is partially present`,
          'no bitmap block',
        );
      case BITMAP.present:
      case ALSO_PRESENT:
        if (!this.#table.geometry.hasParent) {
          return flaw('bitmap-mismatch', 'no sector bitmap in a disk without parent', `${nameOf(owner)} is present`);
        }
        this.#bitmapBlocks += 1;
        return this.#place(owner, entry, BITMAP_BLOCK_BYTES);
      default:
        return flaw(
          'bat-state',
          'a sector bitmap block in state 0 or 6',
          `${nameOf(owner)} in state ${stateOf(entry)}`,
        );
    }
  }

  /** Bytes of a block that are part of the disk: fewer than a block's in the last one. */
  #inDisk(block: number): number {
    const { blockSizeBytes, virtualSizeBytes } = this.#table.geometry;
    return Math.min(blockSizeBytes, virtualSizeBytes - block * blockSizeBytes);
  }

  /** `inFileBytes` of it must be in the file: QEMU ends a fixed file with the disk's last sector, not with its last block. */
  #place(owner: BatEntryOwner, entry: number, lengthBytes: number, inFileBytes = lengthBytes): StructureFlaw | null {
    const { fileSizeBytes, occupied } = this.#table;
    const startBytes = offsetOf(entry);
    const place: Extent = { startBytes, endBytes: startBytes + lengthBytes };
    if (startBytes < MIB || startBytes + inFileBytes > fileSizeBytes) {
      const expected = `blocks between ${hex(MIB, 1)} and ${hex(fileSizeBytes, 1)}`;
      return flaw('bat-entry-out-of-range', expected, nameOf(owner, place));
    }
    if (!this.#claimed.claim(startBytes, place.endBytes)) {
      const hit = occupied.find((extent) => overlap(extent, place));
      const expected =
        hit === undefined
          ? 'no two blocks over one another'
          : `no block over the structure at ${hex(hit.startBytes, 1)} to ${hex(hit.endBytes, 1)}`;
      return flaw('bat-overlap', expected, nameOf(owner, place));
    }
    this.#endOfBlocksBytes = Math.max(this.#endOfBlocksBytes, place.endBytes);
    return null;
  }
}

const nameOf = (owner: BatEntryOwner, place?: Extent): string => {
  const name = owner.kind === 'payload' ? `payload block ${owner.block}` : `the bitmap block of chunk ${owner.chunk}`;
  return place === undefined ? name : `${name} at ${hex(place.startBytes, 1)} to ${hex(place.endBytes, 1)}`;
};

/**
 * The check of a whole VHD BAT before anything is written: every block lies inside the file and off the metadata, and no two
 * blocks overlap. Two such entries would let a merge write one block's sectors over another's, or over the BAT.
 *
 * The table is streamed, because it may have 2^29 entries. All blocks are of one length L, so of the blocks that start within
 * [k·L, (k+1)·L) a sound file has at most one, and it can overlap only those of the buckets k−1 and k+1. That needs eight bytes
 * a bucket of file, no sorting. A file with more buckets than are allowed is checked a range of buckets at a time, and the table
 * streamed once for each range.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { err, ok, type Result } from '../../result.js';
import { type Extent, overlap } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { LIMIT } from '../limits.js';
import { blockLengthBytes, UNUSED_ENTRY } from './block-allocation-table.js';
import { SECTOR_BYTES } from './footer.js';

/** 4 Mi buckets are 32 MiB of memory: enough for a table of 2 MiB blocks of any size in one pass. */
export const MAX_BUCKETS = LIMIT.vhdBuckets;

export interface BatToCheck {
  readonly blockSizeBytes: number;
  /** How many blocks the disk's size needs. Entries beyond are padding and must be unused. */
  readonly blockCount: number;
  /** What no block may touch: headers, the BAT itself, locators, batmap, in any order. Sector 0 is always among it. */
  readonly occupied: readonly Extent[];
  /** No block reaches beyond this byte: the start of the tail footer, or the end of the file when it has none. */
  readonly endOfDataBytes: number;
  readonly maxBuckets?: number;
}

export interface BatSummary {
  readonly allocatedBlocks: number;
  /** Where the last block of the file ends, in bytes; 0 when there is none. */
  readonly endOfBlocksBytes: number;
}

/** An entry is a sector number of 32 bits. */
const ENTRY_VALUES = 2 ** 32;

const FOOTER_COPY: Extent = { startBytes: 0, endBytes: SECTOR_BYTES };

const flaw = flawOf('BAT');

export class BatCheck {
  /** How often the whole table has to be streamed, at least once. */
  readonly passes: number;
  readonly #table: BatToCheck;
  readonly #blockSectors: number;
  readonly #occupied: readonly Extent[];
  readonly #endOfOccupiedBytes: number;
  readonly #maxBuckets: number;
  /**
   * Start sector of the block in each bucket of a pass; 0, where the footer copy is, means none. One bucket more than the
   * range, so that the last of the range is compared with the first of the next.
   */
  readonly #starts: Uint32Array;
  readonly #owners: Uint32Array;
  #pass = 0;
  #allocatedBlocks = 0;
  #endOfBlocksBytes = 0;
  #flaw: StructureFlaw | null = null;

  constructor(table: BatToCheck) {
    this.#table = table;
    this.#blockSectors = blockLengthBytes(table.blockSizeBytes) / SECTOR_BYTES;
    this.#occupied = [FOOTER_COPY, ...table.occupied];
    this.#endOfOccupiedBytes = Math.max(...this.#occupied.map((extent) => extent.endBytes));
    this.#maxBuckets = table.maxBuckets ?? MAX_BUCKETS;
    // No entry names a sector from 2^32 on, so that a longer file, which may be one hole, needs no more passes.
    const sectors = Math.min(table.endOfDataBytes / SECTOR_BYTES, ENTRY_VALUES);
    const buckets = Math.max(1, Math.ceil(sectors / this.#blockSectors));
    this.passes = Math.ceil(buckets / this.#maxBuckets);
    this.#starts = new Uint32Array(Math.min(buckets, this.#maxBuckets) + 1);
    this.#owners = new Uint32Array(this.#starts.length);
  }

  /**
   * Looks at the entries from index `firstIndex` on, in pass 0 … `passes` − 1; every pass gets all slices, one pass after the
   * other. The first flaw is the answer from then on.
   */
  take(pass: number, firstIndex: number, entries: Uint32Array): StructureFlaw | null {
    this.#begin(pass);
    for (let n = 0; n < entries.length && this.#flaw === null; n += 1) {
      const start = entries[n]!;
      if (start !== UNUSED_ENTRY) this.#flaw = this.#takeBlock(firstIndex + n, start);
    }
    return this.#flaw;
  }

  /** After the last pass. */
  summary(): Result<BatSummary, StructureFlaw> {
    if (this.#flaw !== null) return err(this.#flaw);
    return ok({ allocatedBlocks: this.#allocatedBlocks, endOfBlocksBytes: this.#endOfBlocksBytes });
  }

  #begin(pass: number): void {
    if (pass === this.#pass) return;
    if (pass !== this.#pass + 1) throw new RangeError(`Bug: pass ${pass} of the BAT check follows pass ${this.#pass}`);
    this.#pass = pass;
    this.#starts.fill(0);
  }

  #takeBlock(index: number, start: number): StructureFlaw | null {
    if (this.#pass === 0) {
      const misplaced = this.#placeFlaw(index, start * SECTOR_BYTES);
      if (misplaced !== null) return misplaced;
      this.#allocatedBlocks += 1;
      this.#endOfBlocksBytes = Math.max(this.#endOfBlocksBytes, (start + this.#blockSectors) * SECTOR_BYTES);
    }
    return this.#overlapFlaw(index, start);
  }

  #placeFlaw(index: number, startBytes: number): StructureFlaw | null {
    const { blockCount, endOfDataBytes } = this.#table;
    const block: Extent = { startBytes, endBytes: startBytes + this.#blockSectors * SECTOR_BYTES };
    const found = (): string => `block ${index} at ${hex(block.startBytes, 1)} to ${hex(block.endBytes, 1)}`;
    if (index >= blockCount) {
      return flaw('bat-entry-out-of-range', `no block beyond the ${blockCount} of the disk`, found());
    }
    if (block.endBytes > endOfDataBytes) {
      return flaw('bat-entry-out-of-range', `blocks that end at ${hex(endOfDataBytes, 1)} or before`, found());
    }
    if (startBytes >= this.#endOfOccupiedBytes) return null;
    const hit = this.#occupied.find((extent) => overlap(extent, block));
    if (hit === undefined) return null;
    const expected = `no block over the metadata at ${hex(hit.startBytes, 1)} to ${hex(hit.endBytes, 1)}`;
    return flaw('bat-entry-out-of-range', expected, found());
  }

  #overlapFlaw(index: number, start: number): StructureFlaw | null {
    const bucket = Math.floor(start / this.#blockSectors) - this.#pass * this.#maxBuckets;
    if (bucket < 0 || bucket >= this.#starts.length) return null;
    const last = Math.min(bucket + 1, this.#starts.length - 1);
    for (let near = Math.max(bucket - 1, 0); near <= last; near += 1) {
      const other = this.#starts[near]!;
      if (other !== 0 && Math.abs(other - start) < this.#blockSectors) {
        const owner = this.#owners[near]!;
        const found = `block ${owner} at ${hex(other * SECTOR_BYTES, 1)}, block ${index} at ${hex(start * SECTOR_BYTES, 1)}`;
        return flaw('bat-overlap', `blocks ${this.#blockSectors * SECTOR_BYTES} bytes or more apart`, found);
      }
    }
    this.#starts[bucket] = start;
    this.#owners[bucket] = index;
    return null;
  }
}

/**
 * A block that the destination did not have, written into space that nothing references. Guarantees:
 * - The whole data area is written, zeros where nothing is covered: slack holds old footers, or what a crashed run left.
 * - The bitmap has bits for covered sectors only, and is written with or after the data.
 */
import type { OpenFile } from '#application/ports/file-system';
import { SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { setBits } from '#domain/disk-format/vhd/sector-bitmap';
import { endOf, type SectorRun } from '#domain/sector-run';
import { layOut } from '../lay-out.js';
import type { StagingBuffers } from '../staging-buffers.js';

export interface NewBlockPlace {
  readonly entry: number;
  readonly bitmapBytes: number;
  readonly blockSectors: number;
  /** The end of the block's last covered run, from its first sector: with it the block is whole. */
  readonly plannedEnd: number;
}

export class NewBlock {
  readonly #bitmap: Uint8Array;
  /** All sectors before this one are in the file. */
  #filledTo = 0;
  #isWhole = false;

  constructor(
    private readonly file: OpenFile,
    private readonly buffers: StagingBuffers,
    private readonly place: NewBlockPlace,
  ) {
    this.#bitmap = new Uint8Array(place.bitmapBytes);
  }

  get entry(): number {
    return this.place.entry;
  }

  /** `runs` count from the block's first sector, are ascending and lie behind those written before. */
  async write(runs: readonly SectorRun[], packed: Uint8Array): Promise<void> {
    const end = endOf(runs.at(-1)!);
    for (const { start, count } of runs) setBits(this.#bitmap, start, count);
    const to = end === this.place.plannedEnd ? this.place.blockSectors : end;
    await this.#fill(to, runs, packed);
  }

  /** Zeros to the end of the block and the bitmap, where they are not written yet. */
  async complete(): Promise<void> {
    if (!this.#isWhole) await this.#fill(this.place.blockSectors, [], new Uint8Array(0));
  }

  /** Writes the sectors up to `to`, and the bitmap when these are the last: in one write when the block fits into a buffer. */
  async #fill(to: number, runs: readonly SectorRun[], packed: Uint8Array): Promise<void> {
    const { bitmapBytes, blockSectors, entry } = this.place;
    const pieceSectors = (this.buffers.sizeBytes - SECTOR_BYTES) / SECTOR_BYTES;
    const oneWrite = this.#filledTo === 0 && to === blockSectors && bitmapBytes === SECTOR_BYTES && to <= pieceSectors;
    const bitmapOffset = entry * SECTOR_BYTES;
    if (oneWrite) {
      await this.buffers.lend(async (buffer) => {
        const whole = buffer.subarray(0, bitmapBytes + to * SECTOR_BYTES);
        whole.set(this.#bitmap);
        layOut(whole.subarray(bitmapBytes), 0, SECTOR_BYTES, runs, packed);
        await this.file.write(whole, bitmapOffset);
      });
    } else {
      await this.#fillInPieces(to, pieceSectors, runs, packed);
      if (to === blockSectors) await this.file.write(this.#bitmap, bitmapOffset);
    }
    this.#filledTo = to;
    this.#isWhole = to === blockSectors;
  }

  async #fillInPieces(to: number, pieceSectors: number, runs: readonly SectorRun[], packed: Uint8Array): Promise<void> {
    const dataOffset = this.place.entry * SECTOR_BYTES + this.place.bitmapBytes;
    for (let from = this.#filledTo; from < to; from += pieceSectors) {
      const count = Math.min(pieceSectors, to - from);
      await this.buffers.lend(async (buffer) => {
        const piece = buffer.subarray(0, count * SECTOR_BYTES);
        layOut(piece, from, SECTOR_BYTES, runs, packed);
        await this.file.write(piece, dataOffset + from * SECTOR_BYTES);
      });
    }
  }
}

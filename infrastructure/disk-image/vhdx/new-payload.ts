/**
 * A payload block written into space that nothing shows yet and that may hold anything. Guarantees:
 * - The whole data area is written, zeros where nothing is covered: what a crashed run left there is never shown.
 * - Every byte is written once, ascending.
 */
import type { OpenFile } from '#application/ports/file-system';
import { endOf, type SectorRun } from '#domain/sector-run';
import { layOut } from '../lay-out.js';
import type { StagingBuffers } from '../staging-buffers.js';
import type { DataArea } from '../write-in-place.js';

export interface PayloadPlace {
  readonly area: DataArea;
  readonly blockSectors: number;
  /** The end of the block's last run of data, from its first sector: with it the block is whole. */
  readonly plannedEnd: number;
}

export class NewPayload {
  /** All sectors before this one are in the file. */
  #filledTo = 0;

  constructor(
    private readonly file: OpenFile,
    private readonly buffers: StagingBuffers,
    private readonly place: PayloadPlace,
  ) {}

  /** `runs` count from the block's first sector, are ascending and lie behind those written before. */
  async write(runs: readonly SectorRun[], packed: Uint8Array): Promise<void> {
    const end = endOf(runs.at(-1)!);
    await this.#fill(end === this.place.plannedEnd ? this.place.blockSectors : end, runs, packed);
  }

  /** Zeros to the end of the block, where nothing is written yet. */
  async complete(): Promise<void> {
    await this.#fill(this.place.blockSectors, [], new Uint8Array(0));
  }

  async #fill(to: number, runs: readonly SectorRun[], packed: Uint8Array): Promise<void> {
    const { offsetBytes, sectorBytes } = this.place.area;
    const pieceSectors = Math.floor(this.buffers.sizeBytes / sectorBytes);
    for (let from = this.#filledTo; from < to; from += pieceSectors) {
      const count = Math.min(pieceSectors, to - from);
      await this.buffers.lend(async (buffer) => {
        const piece = buffer.subarray(0, count * sectorBytes);
        layOut(piece, from, sectorBytes, runs, packed);
        await this.file.write(piece, offsetBytes + from * sectorBytes);
      });
    }
    this.#filledTo = to;
  }
}

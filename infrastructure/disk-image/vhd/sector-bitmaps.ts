/**
 * The sector bitmaps of a VHD's blocks, a mebibyte of them kept.
 *
 * A bitmap that is handed out is never changed: a changed one is a new array.
 */
import type { OpenFile } from '#application/ports/file-system';
import { bitmapBytes } from '#domain/disk-format/vhd/block-allocation-table';
import { SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { readExactly } from '../file-faults.js';

const KEPT_BYTES = 1024 * 1024;

export class SectorBitmaps {
  /** Least recently used first. */
  readonly #kept = new Map<number, Uint8Array>();
  readonly #bitmapBytes: number;
  /** Counts `learn` and `forget`: a bitmap whose reading began before is not kept. */
  #generation = 0;

  constructor(
    private readonly file: OpenFile,
    blockSizeBytes: number,
  ) {
    this.#bitmapBytes = bitmapBytes(blockSizeBytes);
  }

  /** The bitmap of a block that starts at sector `entry` of the file. */
  async of(block: number, entry: number): Promise<Uint8Array> {
    const kept = this.#kept.get(block);
    if (kept !== undefined) {
      this.#keep(block, kept);
      return kept;
    }
    const generation = this.#generation;
    const bitmap = new Uint8Array(this.#bitmapBytes);
    await readExactly(this.file, bitmap, entry * SECTOR_BYTES);
    if (generation === this.#generation) this.#keep(block, bitmap);
    return bitmap;
  }

  /** These bitmaps are on stable storage now. */
  learn(bitmaps: ReadonlyMap<number, Uint8Array>): void {
    this.#generation += 1;
    for (const [block, bitmap] of bitmaps) this.#keep(block, bitmap);
  }

  /** From now on everything is read anew. */
  forget(): void {
    this.#generation += 1;
    this.#kept.clear();
  }

  #keep(block: number, bitmap: Uint8Array): void {
    this.#kept.delete(block);
    this.#kept.set(block, bitmap);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size * this.#bitmapBytes <= KEPT_BYTES) break;
      this.#kept.delete(oldest);
    }
  }
}

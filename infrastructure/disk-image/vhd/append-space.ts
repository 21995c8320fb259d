/**
 * Where new blocks go: one after the other behind everything that is in use, data on a 4-KiB boundary, the bitmap right before it.
 *
 * Guarantees:
 * - No place overlaps a structure, a block or another place that was handed out.
 * - A place that came back unused goes out again first.
 * - Nothing is rescanned: the end is known when the file is opened and moves with each place.
 */
import { BlockSpaceExhausted } from '#application/ports/disk-image';
import { roundUp } from '#domain/quantities';
import { bitmapBytes, UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import { FOOTER_BYTES, SECTOR_BYTES } from '#domain/disk-format/vhd/footer';

const DATA_ALIGNMENT_BYTES = 4096;

export interface SpaceInFile {
  readonly path: string;
  readonly blockSizeBytes: number;
  /** Behind every structure and every block. */
  readonly endOfStructuresBytes: number;
  readonly fileLengthBytes: number;
}

export class AppendSpace {
  #endBytes: number;
  #fileLengthBytes: number;
  readonly #returned: number[] = [];
  readonly #bitmapBytes: number;

  constructor(private readonly file: SpaceInFile) {
    this.#endBytes = file.endOfStructuresBytes;
    this.#fileLengthBytes = file.fileLengthBytes;
    this.#bitmapBytes = bitmapBytes(file.blockSizeBytes);
  }

  /** The BAT entry of a new block's place. Throws `BlockSpaceExhausted` when the table cannot name it. */
  take(block: number): number {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    const dataBytes = roundUp(this.#endBytes + this.#bitmapBytes, DATA_ALIGNMENT_BYTES);
    const startBytes = dataBytes - this.#bitmapBytes;
    const entry = startBytes / SECTOR_BYTES;
    if (entry >= UNUSED_ENTRY) throw this.#exhausted(block, startBytes);
    this.#endBytes = dataBytes + this.file.blockSizeBytes;
    return entry;
  }

  /** These places were not used. */
  giveBack(entries: readonly number[]): void {
    this.#returned.push(...entries.toReversed());
  }

  /**
   * Where the footer has to be before anything is written to the places that are out, or null when they lie in slack that the
   * file has already. Never over the footer that is there: while the new one is in flight the old one is whole.
   */
  get footerNeededAt(): number | null {
    if (this.#endBytes + FOOTER_BYTES <= this.#fileLengthBytes) return null;
    return Math.max(this.#endBytes, roundUp(this.#fileLengthBytes, SECTOR_BYTES));
  }

  /** The footer is there, flushed. */
  grewTo(footerBytes: number): void {
    this.#fileLengthBytes = footerBytes + FOOTER_BYTES;
  }

  #exhausted(block: number, startBytes: number): BlockSpaceExhausted {
    const expected = `a place for block ${block} below 2 TiB, the last that 32 bits of sectors can name`;
    return new BlockSpaceExhausted(this.file.path, expected, `the end of the file at ${startBytes} bytes`);
  }

  /** Where the file ends, its footer included, after so many further places; exact when a block is made of whole pages, else at most. */
  fileEndAfter(count: number): number {
    if (count === 0) return this.#fileLengthBytes;
    const firstData = roundUp(this.#endBytes + this.#bitmapBytes, DATA_ALIGNMENT_BYTES);
    const stride = roundUp(this.#bitmapBytes + this.file.blockSizeBytes, DATA_ALIGNMENT_BYTES);
    const endBytes = firstData + this.file.blockSizeBytes + (count - 1) * stride;
    if (endBytes + FOOTER_BYTES <= this.#fileLengthBytes) return this.#fileLengthBytes;
    return Math.max(endBytes, roundUp(this.#fileLengthBytes, SECTOR_BYTES)) + FOOTER_BYTES;
  }
}

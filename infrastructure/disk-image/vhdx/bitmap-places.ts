/**
 * Where the sector bitmap blocks go that chunks do not have yet. Guarantees:
 * - While windows are open a chunk has one place, however many of them need it.
 * - A place that no window has named in the BAT comes back when the last of them is over.
 */
import { BITMAP_BLOCK_BYTES } from '#domain/disk-format/vhdx/sector-bitmap';
import type { BlockSpace, Place } from './block-space.js';

interface ReservedPlace {
  readonly place: Place;
  windows: number;
  isNamed: boolean;
}

export class BitmapPlaces {
  readonly #reserved = new Map<number, ReservedPlace>();

  constructor(private readonly space: BlockSpace) {}

  /** For one window, which gives it back with `release`. */
  reserve(chunk: number): void {
    const reserved = this.#reserved.get(chunk);
    if (reserved !== undefined) reserved.windows += 1;
    else {
      const place = this.space.take(BITMAP_BLOCK_BYTES, `the sector bitmap of chunk ${chunk}`);
      this.#reserved.set(chunk, { place, windows: 1, isNamed: false });
    }
  }

  placeOf(chunk: number): Place {
    return this.#of(chunk).place;
  }

  /** The BAT names these places now, on stable storage. */
  named(chunks: Iterable<number>): void {
    for (const chunk of chunks) this.#of(chunk).isNamed = true;
  }

  /** A window that has reserved these is over. */
  release(chunks: Iterable<number>): void {
    for (const chunk of chunks) {
      const reserved = this.#of(chunk);
      reserved.windows -= 1;
      if (reserved.windows > 0) continue;
      this.#reserved.delete(chunk);
      if (!reserved.isNamed) this.space.giveBack([reserved.place]);
    }
  }

  #of(chunk: number): ReservedPlace {
    const reserved = this.#reserved.get(chunk);
    if (reserved === undefined) throw new RangeError(`Bug: no place is reserved for the bitmap of chunk ${chunk}`);
    return reserved;
  }
}

/**
 * Where new blocks go: one after the other behind everything that is in use, each on a 1-MiB boundary. [MS-VHDX] 2.1
 *
 * Guarantees:
 * - No place overlaps a structure, a block or another place that was handed out.
 * - A place that came back goes out again first, to something of its size.
 * - Nothing is rescanned: the end is known when the file is opened and moves with each place.
 */
import { BlockSpaceExhausted } from '#application/ports/disk-image';
import { MIB, roundUp, TIB } from '#domain/quantities';

/** Readers keep a bit for every MiB of a file, ours up to this offset. */
const END_OF_OFFSETS_BYTES = 256 * TIB;

export interface Place {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** So much from its start may hold what a crashed run or an earlier block left; the rest reads zero once the file is long enough. */
  readonly staleBytes: number;
}

export interface SpaceInFile {
  readonly path: string;
  /** Behind every structure and every block. */
  readonly endOfStructuresBytes: number;
  readonly fileLengthBytes: number;
}

export class BlockSpace {
  #endBytes: number;
  #fileLengthBytes: number;
  /** By their length. */
  readonly #returned = new Map<number, Place[]>();

  constructor(private readonly file: SpaceInFile) {
    this.#endBytes = roundUp(file.endOfStructuresBytes, MIB);
    this.#fileLengthBytes = file.fileLengthBytes;
  }

  /** A place of whole MiB for `what`, in words for people. Throws `BlockSpaceExhausted` when no entry may name it. */
  take(lengthBytes: number, what: string): Place {
    const returned = this.#returned.get(lengthBytes)?.pop();
    if (returned !== undefined) return returned;
    const offsetBytes = this.#endBytes;
    if (offsetBytes + lengthBytes > END_OF_OFFSETS_BYTES) throw this.#exhausted(lengthBytes, what);
    this.#endBytes = offsetBytes + lengthBytes;
    // Slack of the file as it was opened. What `grewTo` adds is a hole.
    const staleBytes = Math.min(lengthBytes, Math.max(0, this.file.fileLengthBytes - offsetBytes));
    return { offsetBytes, lengthBytes, staleBytes };
  }

  /** Nothing that is durable names these places. */
  giveBack(places: readonly Place[]): void {
    for (const place of places.toReversed()) {
      const same = this.#returned.get(place.lengthBytes);
      if (same === undefined) this.#returned.set(place.lengthBytes, [place]);
      else same.push(place);
    }
  }

  /** How long the file has to be before anything is written to the places that are out; null when it is. */
  get lengthNeededBytes(): number | null {
    return this.#endBytes <= this.#fileLengthBytes ? null : this.#endBytes;
  }

  /** The file has this length, flushed. */
  grewTo(lengthBytes: number): void {
    this.#fileLengthBytes = lengthBytes;
  }

  #exhausted(lengthBytes: number, what: string): BlockSpaceExhausted {
    const expected = `${lengthBytes / MIB} MiB for ${what} below 256 TiB of the file`;
    return new BlockSpaceExhausted(this.file.path, expected, `the end of what is in use at ${this.#endBytes} bytes`);
  }
}

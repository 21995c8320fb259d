import type { Extent } from '#domain/disk-format/extent';
import { roundDown, roundUp } from '#domain/quantities';
import type { FileSpace } from '../ports/file-system.js';

/** What file systems allocate by; one with larger blocks may take more, by less than a block for each place that is written. */
export const PAGE_BYTES = 4096;

/**
 * How much space writes need where a file reaches already: that of the holes they meet, page by page. A file that has as much
 * space as its size has no holes that matter. Where the operating system does not tell, every write counts: an upper bound.
 */
export class Holes {
  /** The stretch that was asked for last; writes mostly follow one another. */
  #known: (Extent & { readonly isHole: boolean }) | null = null;
  readonly #counted = new Set<number>();

  private constructor(
    private readonly space: FileSpace,
    private readonly sizeBytes: number,
    private readonly isFull: boolean,
  ) {}

  static async of(space: FileSpace, sizeBytes: number): Promise<Holes> {
    const allocated = await space.allocatedBytes();
    return new Holes(space, sizeBytes, allocated !== null && allocated >= sizeBytes);
  }

  /** For writes that lie in these places, ascending, and in no place that is asked for again. */
  async bytesUnder(extents: readonly Extent[]): Promise<number> {
    let bytes = 0;
    let from = 0;
    for (const { startBytes, endBytes } of this.isFull ? [] : extents) {
      const start = Math.max(from, roundDown(startBytes, PAGE_BYTES));
      from = Math.max(from, roundUp(endBytes, PAGE_BYTES));
      bytes += await this.#holesIn(start, from);
    }
    return bytes;
  }

  /** For structures, which many blocks share: each page of theirs counts once. */
  async bytesUnderShared(extents: readonly Extent[]): Promise<number> {
    let bytes = 0;
    for (const { startBytes, endBytes } of this.isFull ? [] : extents) {
      for (let page = roundDown(startBytes, PAGE_BYTES); page < endBytes; page += PAGE_BYTES) {
        if (this.#counted.has(page)) continue;
        const missing = await this.#holesIn(page, page + PAGE_BYTES);
        if (missing > 0) this.#counted.add(page);
        bytes += missing;
      }
    }
    return bytes;
  }

  async #holesIn(start: number, pageEnd: number): Promise<number> {
    // The last page of a file is there when its first byte is.
    const end = Math.min(pageEnd, this.sizeBytes);
    let bytes = 0;
    for (let at = start; at < end;) {
      const stretch = await this.#stretchAt(at, end);
      const stop = Math.min(end, stretch.endBytes);
      if (stretch.isHole) bytes += stop - at;
      at = stop;
    }
    return bytes;
  }

  async #stretchAt(at: number, end: number): Promise<Extent & { readonly isHole: boolean }> {
    const known = this.#known;
    if (known !== null && known.startBytes <= at && at < known.endBytes) return known;
    const found = await this.space.stretchAt(at);
    if (found === null) return { startBytes: at, endBytes: end, isHole: true };
    this.#known = { startBytes: at, endBytes: found.endBytes, isHole: found.kind === 'hole' };
    return this.#known;
  }
}

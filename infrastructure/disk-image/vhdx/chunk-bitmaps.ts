/**
 * The sector bitmaps of a VHDX's payload blocks, a mebibyte of them kept. A chunk's bitmap block holds the bits of all its payload
 * blocks one after the other, each from a byte border on: a block has at least 256 sectors. [MS-VHDX] 2.4
 *
 * Bits that are handed out are the caller's own: changing them changes nothing here.
 */
import { type BatGeometry, BITMAP, chunkOf, offsetOf, stateOf } from '#domain/disk-format/vhdx/bat';
import { type ByteReader, readExactly } from '../file-faults.js';
import type { PagedBat } from './paged-bat.js';

const KEPT_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;

/** Where a block's bits are: in which page of its bitmap block, and where in it. */
interface BitsPlace {
  readonly chunk: number;
  readonly pageInBitmap: number;
  readonly offsetInPage: number;
}

export class ChunkBitmaps {
  /** Least recently used first. */
  readonly #pages = new Map<string, Uint8Array>();
  /** At least the bits of a block, so that they are never in two pages. */
  readonly #pageBytes: number;
  readonly #bitsBytes: number;
  /** Counts `learn` and `forget`: a page whose reading began before is not kept. */
  #generation = 0;

  constructor(
    private readonly source: ByteReader,
    private readonly bat: PagedBat,
    private readonly geometry: BatGeometry,
  ) {
    this.#bitsBytes = geometry.blockSizeBytes / geometry.logicalSectorSize / 8;
    this.#pageBytes = Math.max(PAGE_BYTES, this.#bitsBytes);
  }

  /** The bits of a payload block, its first sector's first: one a sector, LSB first. Its chunk must have a bitmap block. */
  async bitsOf(block: number): Promise<Uint8Array> {
    const place = this.#placeOf(block);
    const page = await this.#page(place);
    return page.slice(place.offsetInPage, place.offsetInPage + this.#bitsBytes);
  }

  /** Where the block's bits start in the bitmap block of its chunk, in bytes. */
  offsetInBitmap(block: number): number {
    const { pageInBitmap, offsetInPage } = this.#placeOf(block);
    return pageInBitmap * this.#pageBytes + offsetInPage;
  }

  /** All bits of these payload blocks as they are on stable storage now. */
  learn(bits: ReadonlyMap<number, Uint8Array>): void {
    this.#generation += 1;
    for (const [block, ofBlock] of bits) {
      if (ofBlock.length !== this.#bitsBytes) {
        throw new RangeError(`Bug: ${ofBlock.length} bytes of bits for block ${block}, not ${this.#bitsBytes}`);
      }
      const place = this.#placeOf(block);
      this.#pages.get(keyOf(place))?.set(ofBlock, place.offsetInPage);
    }
  }

  /** From now on everything is read anew. */
  forget(): void {
    this.#generation += 1;
    this.#pages.clear();
  }

  #placeOf(block: number): BitsPlace {
    const chunk = chunkOf(this.geometry, block);
    const offset = (block - chunk * this.geometry.chunkRatio) * this.#bitsBytes;
    const pageInBitmap = Math.floor(offset / this.#pageBytes);
    return { chunk, pageInBitmap, offsetInPage: offset - pageInBitmap * this.#pageBytes };
  }

  async #page(place: BitsPlace): Promise<Uint8Array> {
    const key = keyOf(place);
    const generation = this.#generation;
    const page = this.#pages.get(key) ?? (await this.#read(place));
    if (generation !== this.#generation) return this.#page(place);
    this.#pages.delete(key);
    this.#pages.set(key, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size * this.#pageBytes <= KEPT_BYTES) break;
      this.#pages.delete(oldest);
    }
    return page;
  }

  async #read({ chunk, pageInBitmap }: BitsPlace): Promise<Uint8Array> {
    const entry = await this.bat.bitmap(chunk);
    if (stateOf(entry) === BITMAP.notPresent) throw new RangeError(`Bug: chunk ${chunk} has no bitmap block`);
    const page = new Uint8Array(this.#pageBytes);
    await readExactly(this.source, page, offsetOf(entry) + pageInBitmap * this.#pageBytes);
    return page;
  }
}

const keyOf = ({ chunk, pageInBitmap }: BitsPlace): string => `${chunk}/${pageInBitmap}`;

/**
 * A VHD's BAT, read in pages of 64 KiB of which a few are kept: a disk of 2040 GiB takes the memory of a small one.
 *
 * Guarantees:
 * - Asked with ascending indexes it reads each page once, and a long gap that was crossed once is not crossed again.
 * - What it holds is what was in the file when the page was read, or was flushed since (`learn`).
 * - `sectorsWith` gives whole 512-byte sectors: the bytes that are in the file, padding included, and the changes.
 */
import type { OpenFile } from '#application/ports/file-system';
import { roundDown } from '#domain/quantities';
import {
  decodeEntries,
  encodeEntries,
  tablePaddedBytes,
  UNUSED_ENTRY,
} from '#domain/disk-format/vhd/block-allocation-table';
import { SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { readAt } from '../file-faults.js';
import type { SectorsToWrite } from './sectors-to-write.js';

const PAGE_ENTRIES = 16_384;
const PAGE_BYTES = PAGE_ENTRIES * 4;
const SECTOR_ENTRIES = SECTOR_BYTES / 4;
const MAX_PAGES = 16;

export interface TablePlace {
  readonly tableOffsetBytes: number;
  readonly entryCount: number;
}

export class PagedTable {
  /** Least recently used first. */
  readonly #pages = new Map<number, Uint32Array>();
  /** No block of [from, next) is used; null when nothing is known. */
  #gap: { readonly from: number; readonly next: number } | null = null;
  /** Counts `learn` and `forget`: a page whose reading began before is not kept. */
  #generation = 0;

  constructor(
    private readonly file: OpenFile,
    private readonly place: TablePlace,
  ) {}

  /** Sector at which the block's bitmap starts, or `UNUSED_ENTRY`. */
  async entry(index: number): Promise<number> {
    if (index < 0 || index >= this.place.entryCount) {
      throw new RangeError(`Bug: block ${index} in a table of ${this.place.entryCount} entries`);
    }
    const page = await this.#page(Math.floor(index / PAGE_ENTRIES));
    return page[index % PAGE_ENTRIES]!;
  }

  /** The first used block in [from, end), or null. */
  async nextUsed(from: number, end: number): Promise<number | null> {
    const generation = this.#generation;
    const known = this.#gap;
    let index = known !== null && known.from <= from && from < known.next ? known.next : from;
    while (index < end) {
      const number = Math.floor(index / PAGE_ENTRIES);
      const page = await this.#page(number);
      const first = number * PAGE_ENTRIES;
      const stop = Math.min(page.length, end - first);
      let n = index - first;
      while (n < stop && page[n] === UNUSED_ENTRY) n += 1;
      index = first + n;
      if (n < stop) break;
    }
    if (index > from && generation === this.#generation)
      this.#gap = { from: known?.next === index ? Math.min(known.from, from) : from, next: index };
    return index < end ? index : null;
  }

  /** The whole table in ascending slices, read past the kept pages: the check when a file is opened. */
  async *slices(): AsyncGenerator<{ readonly firstIndex: number; readonly entries: Uint32Array }> {
    for (let firstIndex = 0; firstIndex < this.place.entryCount; firstIndex += PAGE_ENTRIES) {
      const page = await this.#readPage(firstIndex / PAGE_ENTRIES);
      yield { firstIndex, entries: page.subarray(0, this.place.entryCount - firstIndex) };
    }
  }

  /** Whole sectors of the table with these entries changed and all others as they are durable. */
  async sectorsWith(changes: ReadonlyMap<number, number>): Promise<SectorsToWrite[]> {
    const sectors = new Map<number, Uint32Array>();
    for (const [index, entry] of changes) {
      const first = roundDown(index, SECTOR_ENTRIES);
      const sector = sectors.get(first) ?? (await this.#sector(first));
      sector[index - first] = entry;
      sectors.set(first, sector);
    }
    return [...sectors].map(([first, entries]) => ({
      position: this.place.tableOffsetBytes + first * 4,
      bytes: encodeEntries(entries),
    }));
  }

  /** These entries are on stable storage now. */
  learn(changes: ReadonlyMap<number, number>): void {
    this.#generation += 1;
    this.#gap = null;
    for (const [index, entry] of changes) {
      const page = this.#pages.get(Math.floor(index / PAGE_ENTRIES));
      if (page !== undefined) page[index % PAGE_ENTRIES] = entry;
    }
  }

  /** From now on everything is read anew. */
  forget(): void {
    this.#generation += 1;
    this.#gap = null;
    this.#pages.clear();
  }

  async #sector(firstIndex: number): Promise<Uint32Array> {
    const page = await this.#page(Math.floor(firstIndex / PAGE_ENTRIES));
    const start = firstIndex % PAGE_ENTRIES;
    return page.slice(start, start + SECTOR_ENTRIES);
  }

  async #page(number: number): Promise<Uint32Array> {
    const generation = this.#generation;
    const kept = this.#pages.get(number);
    const page = kept ?? (await this.#readPage(number));
    if (generation !== this.#generation) return this.#page(number);
    this.#pages.delete(number);
    this.#pages.set(number, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(oldest);
    }
    return page;
  }

  /** Whole sectors; what lies beyond the end of the file counts as padding. */
  async #readPage(number: number): Promise<Uint32Array> {
    const start = number * PAGE_BYTES;
    const length = Math.min(PAGE_BYTES, tablePaddedBytes(this.place.entryCount) - start);
    const encoded = new Uint8Array(length).fill(0xff);
    encoded.set(await readAt(this.file, this.place.tableOffsetBytes + start, length));
    return decodeEntries(encoded);
  }
}

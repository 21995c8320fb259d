/**
 * A VHDX's BAT, read in pages of 256 KiB of which a few are kept: a disk of 64 TiB takes the memory of a small one.
 *
 * Guarantees:
 * - Asked with ascending indexes it reads each page once, and a long gap that was crossed once is not crossed again.
 * - What it holds is what was in the file when the page was read, or was flushed since (`learn`).
 */
import {
  type BatGeometry,
  bitmapIndex,
  decodeEntries,
  encodeEntries,
  payloadIndex,
  stateOf,
  what,
} from '#domain/disk-format/vhdx/bat';
import { type ByteReader, readExactly } from '../file-faults.js';
import { StagingBuffers } from '../staging-buffers.js';

/** Of the table. */
export const ENTRY_BYTES = 8;
const PAGE_ENTRIES = 32_768;
const MAX_PAGES = 4;
const ZEROS = Buffer.alloc(PAGE_ENTRIES * ENTRY_BYTES);
const NO_ENTRIES = new Float64Array(PAGE_ENTRIES);

export interface BatPlace {
  /** Where the BAT region starts in the file. */
  readonly tableOffsetBytes: number;
  readonly geometry: BatGeometry;
}

/** Is a payload block in this state looked for? Gaps are remembered by function, so it should be the same one each time. */
export type WantedState = (state: number) => boolean;

/** No wanted block is in [from, next). */
interface Gap {
  readonly from: number;
  readonly next: number;
}

interface Page {
  readonly entries: Float64Array;
  /** All of them are 0, so that nothing in it has to be looked at; then the array is everybody's and is not written to. */
  readonly isZero: boolean;
}

/** Bytes of metadata that a transaction changes, and where they are in the file. */
export interface BatPatch {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

export class PagedBat {
  /** Least recently used first. */
  readonly #pages = new Map<number, Page>();
  #gaps = new WeakMap<WantedState, Gap>();
  readonly #buffers = new StagingBuffers(PAGE_ENTRIES * ENTRY_BYTES);
  /** Counts `learn` and `forget`: a page whose reading began before is not kept. */
  #generation = 0;

  constructor(
    private readonly source: ByteReader,
    private readonly place: BatPlace,
  ) {}

  /** The entry at an index of the table, as it is on disk: file offset in bytes plus state. */
  async entry(index: number): Promise<number> {
    const { entryCount } = this.place.geometry;
    if (!(index >= 0 && index < entryCount)) {
      throw new RangeError(`Bug: BAT entry ${index} of a table of ${entryCount} entries`);
    }
    const { entries } = await this.#page(Math.floor(index / PAGE_ENTRIES));
    return entries[index % PAGE_ENTRIES]!;
  }

  payload(block: number): Promise<number> {
    return this.entry(payloadIndex(this.place.geometry, block));
  }

  bitmap(chunk: number): Promise<number> {
    return this.entry(bitmapIndex(this.place.geometry, chunk));
  }

  /** The first payload block in [from, end) whose state is wanted, or null. */
  async nextPayload(from: number, end: number, wanted: WantedState): Promise<number | null> {
    const generation = this.#generation;
    const known = this.#gaps.get(wanted);
    let block = known !== undefined && known.from <= from && from < known.next ? known.next : from;
    while (block < end) {
      const next = await this.#nextInPage(block, end, wanted);
      block = next.block;
      if (next.isWanted) break;
    }
    if (block > from && generation === this.#generation)
      this.#gaps.set(wanted, { from: known?.next === block ? Math.min(known.from, from) : from, next: block });
    return block < end ? block : null;
  }

  /**
   * The whole table in ascending slices, read past the kept pages: the check when a file is opened. A slice is good until the next
   * one is asked for, and not to be written to: half a gibibyte of table goes through one buffer.
   */
  async *slices(): AsyncGenerator<{ readonly firstIndex: number; readonly entries: Float64Array }> {
    const { entryCount } = this.place.geometry;
    const buffer = new Uint8Array(Math.min(PAGE_ENTRIES, entryCount) * ENTRY_BYTES);
    for (let firstIndex = 0; firstIndex < entryCount; firstIndex += PAGE_ENTRIES) {
      const encoded = await this.#encoded(firstIndex / PAGE_ENTRIES, buffer);
      const count = encoded.length / ENTRY_BYTES;
      yield { firstIndex, entries: isAllZero(encoded) ? NO_ENTRIES.subarray(0, count) : decodeEntries(encoded) };
    }
  }

  /** These entries as changes of the file's bytes, neighbours in one. Nothing is changed here: see `learn`. */
  patches(changes: ReadonlyMap<number, number>): readonly BatPatch[] {
    const ascending = [...changes].sort(([one], [other]) => one - other);
    const patches: BatPatch[] = [];
    for (let n = 0; n < ascending.length;) {
      const first = ascending[n]![0];
      let length = 1;
      while (ascending[n + length]?.[0] === first + length) length += 1;
      const entries = Float64Array.from(ascending.slice(n, n + length), ([, entry]) => entry);
      patches.push({
        offsetBytes: this.place.tableOffsetBytes + first * ENTRY_BYTES,
        bytes: encodeEntries(entries),
      });
      n += length;
    }
    return patches;
  }

  /** These entries (by index) are on stable storage now. */
  learn(changes: ReadonlyMap<number, number>): void {
    this.#generation += 1;
    this.#gaps = new WeakMap();
    for (const [index, entry] of changes) {
      const number = Math.floor(index / PAGE_ENTRIES);
      const page = this.#pages.get(number);
      if (page === undefined) continue;
      const entries = page.isZero ? page.entries.slice() : page.entries;
      entries[index % PAGE_ENTRIES] = entry;
      this.#pages.set(number, { entries, isZero: page.isZero && entry === 0 });
    }
  }

  /** From now on everything is read anew. */
  forget(): void {
    this.#generation += 1;
    this.#gaps = new WeakMap();
    this.#pages.clear();
  }

  /** The next wanted block whose entry is in the page that holds `from`'s, or else a block before which there is none, or `end`. */
  async #nextInPage(
    from: number,
    end: number,
    wanted: WantedState,
  ): Promise<{ readonly block: number; readonly isWanted: boolean }> {
    const { geometry } = this.place;
    const index = payloadIndex(geometry, from);
    const number = Math.floor(index / PAGE_ENTRIES);
    const { entries, isZero } = await this.#page(number);
    const firstIndex = number * PAGE_ENTRIES;
    const wantsZero = wanted(stateOf(0));
    const endInPage = isZero && !wantsZero ? 0 : entries.length;
    for (let at = index - firstIndex; at < endInPage; at += 1) {
      const entry = entries[at]!;
      if (entry === 0 && !wantsZero) continue;
      const owner = what(geometry, firstIndex + at);
      if (owner.kind === 'bitmap') continue;
      if (owner.block >= end) return { block: end, isWanted: false };
      if (wanted(stateOf(entry))) return { block: owner.block, isWanted: true };
    }
    const next = what(geometry, firstIndex + entries.length);
    return {
      block: next.kind === 'payload' ? next.block : (next.chunk + 1) * geometry.chunkRatio,
      isWanted: false,
    };
  }

  async #page(number: number): Promise<Page> {
    const generation = this.#generation;
    const page = this.#pages.get(number) ?? (await this.#read(number));
    if (generation !== this.#generation) return this.#page(number);
    this.#pages.delete(number);
    this.#pages.set(number, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(oldest);
    }
    return page;
  }

  async #read(number: number): Promise<Page> {
    return this.#buffers.lend(async (buffer) => {
      const encoded = await this.#encoded(number, buffer);
      const isZero = isAllZero(encoded);
      return {
        entries: isZero ? NO_ENTRIES.subarray(0, encoded.length / ENTRY_BYTES) : decodeEntries(encoded),
        isZero,
      };
    });
  }

  /** A page as it is in the file, in the front of `buffer`; the last one is shorter. */
  async #encoded(number: number, buffer: Uint8Array): Promise<Uint8Array> {
    const { tableOffsetBytes, geometry } = this.place;
    const firstIndex = number * PAGE_ENTRIES;
    const count = Math.min(PAGE_ENTRIES, geometry.entryCount - firstIndex);
    const encoded = buffer.subarray(0, count * ENTRY_BYTES);
    await readExactly(this.source, encoded, tableOffsetBytes + firstIndex * ENTRY_BYTES);
    return encoded;
  }
}

/** The table of a large disk is zeros nearly everywhere, and telling so is many times faster than decoding it. */
const isAllZero = (encoded: Uint8Array): boolean => ZEROS.subarray(0, encoded.length).equals(encoded);

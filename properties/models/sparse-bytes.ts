/**
 * Bytes of which most are zero: pages of 4 KiB in a map. What a file of many MiB with little in it is made of, and read from.
 */
import type { ByteSource } from './byte-source.js';
import type { PlainImage } from './plain-vhd-spec.js';

const PAGE_BYTES = 4096;
/** Pages are cut from pieces of this many: an allocation for each page is slow. */
const PIECE_PAGES = 32;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

export class SparseBytes {
  readonly #pages = new Map<number, Uint8Array>();
  #piece = new Uint8Array();

  static of(extents: PlainImage['extents']): SparseBytes {
    const bytes = new SparseBytes();
    for (const extent of extents) bytes.write(extent.offsetBytes, extent.bytes);
    return bytes;
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const { page, within } = placeOf(offsetBytes + done);
      const count = Math.min(bytes.length - done, PAGE_BYTES - within);
      this.#page(page).set(bytes.subarray(done, done + count), within);
      done += count;
    }
  }

  read(offsetBytes: number, lengthBytes: number): Buffer {
    const into = Buffer.alloc(lengthBytes);
    for (let done = 0; done < lengthBytes;) {
      const { page, within } = placeOf(offsetBytes + done);
      const count = Math.min(lengthBytes - done, PAGE_BYTES - within);
      const there = this.#pages.get(page);
      if (there !== undefined) into.set(there.subarray(within, within + count), done);
      done += count;
    }
    return into;
  }

  /** Sets a bit of the byte at `offsetBytes`. */
  setBit(offsetBytes: number, bit: number): void {
    const { page, within } = placeOf(offsetBytes);
    const bytes = this.#page(page);
    bytes[within] = (bytes[within] ?? 0) | (1 << bit);
  }

  /** The pages in [from, to) that are not all zero, in ascending order, as they are: not copied. */
  extents(from = 0, to = Number.MAX_SAFE_INTEGER): PlainImage['extents'] {
    return [...this.#pages]
      .map(([page, bytes]) => ({ offsetBytes: page * PAGE_BYTES, bytes }))
      .filter(({ offsetBytes, bytes }) => offsetBytes >= from && offsetBytes < to && !ZERO_PAGE.equals(bytes))
      .sort((a, b) => a.offsetBytes - b.offsetBytes);
  }

  #page(page: number): Uint8Array {
    const there = this.#pages.get(page);
    if (there !== undefined) return there;
    if (this.#piece.length === 0) this.#piece = new Uint8Array(PIECE_PAGES * PAGE_BYTES);
    const made = this.#piece.subarray(0, PAGE_BYTES);
    this.#piece = this.#piece.subarray(PAGE_BYTES);
    this.#pages.set(page, made);
    return made;
  }
}

const placeOf = (offsetBytes: number): { readonly page: number; readonly within: number } => {
  const within = offsetBytes % PAGE_BYTES;
  return { page: (offsetBytes - within) / PAGE_BYTES, within };
};

/** An image in memory under the path it would have, without a buffer of its size. Its parts must not overlap. */
export const imageSource = (path: string, image: PlainImage): ByteSource => {
  const parts = [...image.extents].sort((a, b) => a.offsetBytes - b.offsetBytes);
  return {
    path,
    sizeBytes: image.sizeBytes,
    read: (offsetBytes, lengthBytes) => {
      const endBytes = offsetBytes + lengthBytes;
      if (endBytes > image.sizeBytes) throw new Error(`${path} ends before byte ${endBytes}`);
      const into = Buffer.alloc(lengthBytes);
      for (let nth = firstBehind(parts, offsetBytes); nth < parts.length; nth += 1) {
        const part = parts[nth];
        if (part === undefined || part.offsetBytes >= endBytes) break;
        const from = Math.max(offsetBytes, part.offsetBytes);
        into.set(part.bytes.subarray(from - part.offsetBytes, endBytes - part.offsetBytes), from - offsetBytes);
      }
      return into;
    },
  };
};

/** The first of the parts that ends behind `offsetBytes`. */
const firstBehind = (parts: PlainImage['extents'], offsetBytes: number): number => {
  let [low, high] = [0, parts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const part = parts[middle];
    if (part !== undefined && part.offsetBytes + part.bytes.length <= offsetBytes) low = middle + 1;
    else high = middle;
  }
  return low;
};

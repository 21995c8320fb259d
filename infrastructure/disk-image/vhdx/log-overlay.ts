/**
 * What the entries of a dirty log leave of the pages that they touch, computed once: which page has bytes of its own, and which
 * ranges are zeros. A hostile log has millions of zero descriptors, so nothing here grows with descriptors times pages.
 */
import type { Extent } from '#domain/disk-format/extent';
import { LOG_SECTOR_BYTES, type LogEntry } from '#domain/disk-format/vhdx/log-entry';

/** A zero descriptor, and when it comes. */
interface ZeroRange extends Extent {
  readonly order: number;
}

export class LogOverlay {
  /** Page number in the file → its bytes. */
  readonly #pages = new Map<number, Uint8Array>();
  /** Ascending and apart; under the pages. */
  readonly #zeros: readonly Extent[];

  /** `entries` in the order in which they are applied. */
  constructor(entries: readonly LogEntry[]) {
    const orderOf = new Map<number, number>();
    const zeros: ZeroRange[] = [];
    let order = 0;
    for (const { descriptors } of entries) {
      for (const descriptor of descriptors) {
        order += 1;
        const { fileOffsetBytes } = descriptor;
        if (descriptor.kind === 'data') {
          const page = fileOffsetBytes / LOG_SECTOR_BYTES;
          this.#pages.set(page, descriptor.page);
          orderOf.set(page, order);
        } else {
          zeros.push({ startBytes: fileOffsetBytes, endBytes: fileOffsetBytes + descriptor.lengthBytes, order });
        }
      }
    }
    for (const page of zeroedAgain(orderOf, zeros)) this.#pages.delete(page);
    this.#zeros = joined(zeros);
  }

  /** Changes `bytes`, read from `position` of the file, to what they are under the log. */
  layOver(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    for (let n = firstEndingAfter(this.#zeros, position); n < this.#zeros.length; n += 1) {
      const { startBytes, endBytes } = this.#zeros[n]!;
      if (startBytes >= end) break;
      bytes.fill(0, Math.max(0, startBytes - position), Math.min(end, endBytes) - position);
    }
    if (this.#pages.size === 0) return;
    for (let number = Math.floor(position / LOG_SECTOR_BYTES); number * LOG_SECTOR_BYTES < end; number += 1) {
      const page = this.#pages.get(number);
      if (page === undefined) continue;
      const start = number * LOG_SECTOR_BYTES;
      const from = Math.max(0, position - start);
      bytes.set(page.subarray(from, Math.min(LOG_SECTOR_BYTES, end - start)), start + from - position);
    }
  }
}

/**
 * The pages that a zero descriptor covers after their last data. The zero ranges are gone through from the last one back, and a
 * page that one has covered is not looked at again: `next` leads past it.
 */
function* zeroedAgain(orderOf: ReadonlyMap<number, number>, zeros: readonly ZeroRange[]): Generator<number> {
  const pages = Float64Array.from(orderOf.keys()).sort();
  const next = Uint32Array.from({ length: pages.length + 1 }, (_, n) => n);
  const uncovered = (from: number): number => {
    let at = from;
    while (next[at] !== at) {
      next[at] = next[next[at]!]!;
      at = next[at]!;
    }
    return at;
  };
  for (let n = zeros.length - 1; n >= 0; n -= 1) {
    const { startBytes, endBytes, order } = zeros[n]!;
    let at = uncovered(firstAtOrAfter(pages, startBytes / LOG_SECTOR_BYTES));
    while (at < pages.length && pages[at]! * LOG_SECTOR_BYTES < endBytes) {
      if (order > orderOf.get(pages[at]!)!) yield pages[at]!;
      next[at] = at + 1;
      at = uncovered(at + 1);
    }
  }
}

const firstAtOrAfter = (ascending: Float64Array, value: number): number => {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! >= value) high = middle;
    else low = middle + 1;
  }
  return low;
};

const firstEndingAfter = (ascending: readonly Extent[], position: number): number => {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]!.endBytes > position) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** The same bytes in ascending extents that neither overlap nor touch. */
const joined = (extents: readonly Extent[]): readonly Extent[] => {
  const result: Extent[] = [];
  for (const { startBytes, endBytes } of [...extents].sort((one, other) => one.startBytes - other.startBytes)) {
    const last = result.at(-1);
    if (last !== undefined && startBytes <= last.endBytes)
      result[result.length - 1] = { startBytes: last.startBytes, endBytes: Math.max(last.endBytes, endBytes) };
    else result.push({ startBytes, endBytes });
  }
  return result;
};

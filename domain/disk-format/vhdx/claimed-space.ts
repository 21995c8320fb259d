/** Which MiB of a file belong to someone: a bit for each, in pages that exist only where something is claimed. */
import { MIB } from '../../quantities.js';

/** MiB in one page: 4 KiB of bits for 32 GiB of file. */
const PAGE_MIBS = 32 * 1024;

export class ClaimedSpace {
  readonly #pages = new Map<number, Uint8Array>();

  /** Claims every MiB that has a byte in [startBytes, endBytes). False: one of them was claimed before. */
  claim(startBytes: number, endBytes: number): boolean {
    let free = true;
    const end = Math.ceil(endBytes / MIB);
    let mib = Math.floor(startBytes / MIB);
    while (mib < end) {
      const pageNumber = Math.floor(mib / PAGE_MIBS);
      const page = this.#page(pageNumber);
      const pageEnd = Math.min(end, (pageNumber + 1) * PAGE_MIBS);
      for (; mib < pageEnd; mib += 1) {
        const bit = mib % PAGE_MIBS;
        const mask = 1 << (bit & 7);
        if ((page[bit >>> 3]! & mask) !== 0) free = false;
        page[bit >>> 3]! |= mask;
      }
    }
    return free;
  }

  #page(pageNumber: number): Uint8Array {
    const kept = this.#pages.get(pageNumber);
    if (kept !== undefined) return kept;
    const page = new Uint8Array(PAGE_MIBS / 8);
    this.#pages.set(pageNumber, page);
    return page;
  }
}

/**
 * One log entry while it is put together: transactions laid over the pages as they are on stable storage.
 *
 * Guarantees:
 * - A page holds what the file holds plus the changes of these transactions, in their order, and nothing else.
 * - Zero ranges come before the pages of the entry, so that a page which a transaction first zeroes and then patches is right.
 */
import { entryLengthBytes, LOG_SECTOR_BYTES, type LogDescriptor } from '#domain/disk-format/vhdx/log-entry';
import { type ByteReader, readExactly } from '../file-faults.js';

/** Changes of metadata that become durable together or not at all. */
export interface Transaction {
  /** Ranges that become zeros before the patches are made. Multiples of 4 KiB. */
  readonly zeros: readonly ZeroRange[];
  /** Bytes that change, anywhere in the metadata of the file; later ones win. What `PagedBat.patches` gives is of this kind. */
  readonly patches: readonly Patch[];
}

export interface ZeroRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface Patch {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * Zero ranges and pages that one transaction may have in sum: half of the smallest log, 512 KiB, holds one sector of so many
 * descriptors and their pages.
 */
export const MAX_TRANSACTION_DESCRIPTORS = 126;

export const pageOf = (offsetBytes: number): number => Math.floor(offsetBytes / LOG_SECTOR_BYTES);

/** The pages that patches touch, by number. */
export const pagesTouched = (patches: readonly Patch[]): ReadonlySet<number> => {
  const pages = new Set<number>();
  for (const { offsetBytes, bytes } of patches) {
    for (let page = pageOf(offsetBytes); page * LOG_SECTOR_BYTES < offsetBytes + bytes.length; page += 1) {
      pages.add(page);
    }
  }
  return pages;
};

export const descriptorsOf = ({ zeros, patches }: Transaction): number => zeros.length + pagesTouched(patches).size;

export class LogPages {
  readonly #zeros: ZeroRange[] = [];
  readonly #pages = new Map<number, Uint8Array>();

  /** `file`: read where a page is changed in part; every transaction of an earlier entry must be in its place there. */
  constructor(private readonly file: ByteReader) {}

  get isEmpty(): boolean {
    return this.#zeros.length + this.#pages.size === 0;
  }

  /** Length of the entry, at most, if this transaction went into it too. */
  lengthWith({ zeros, patches }: Transaction): number {
    const added = [...pagesTouched(patches)].filter((page) => !this.#pages.has(page)).length;
    const pages = this.#pages.size + added;
    return entryLengthBytes(this.#zeros.length + zeros.length + pages, pages);
  }

  async add({ zeros, patches }: Transaction): Promise<void> {
    for (const range of zeros) this.#zero(range);
    for (const patch of patches) await this.#patch(patch);
  }

  /** Zeros, then pages. */
  descriptors(): readonly LogDescriptor[] {
    const pages = [...this.#pages].sort(([one], [other]) => one - other);
    return [
      ...this.#zeros.map(
        ({ offsetBytes, lengthBytes }) => ({ kind: 'zero', fileOffsetBytes: offsetBytes, lengthBytes }) as const,
      ),
      ...pages.map(([number, page]) => ({ kind: 'data', fileOffsetBytes: number * LOG_SECTOR_BYTES, page }) as const),
    ];
  }

  #zero(range: ZeroRange): void {
    const { offsetBytes, lengthBytes } = range;
    if (offsetBytes % LOG_SECTOR_BYTES !== 0 || lengthBytes % LOG_SECTOR_BYTES !== 0 || lengthBytes === 0) {
      throw new RangeError(`Bug: ${lengthBytes} zero bytes at ${offsetBytes} are no whole pages of 4 KiB`);
    }
    for (const number of this.#pages.keys()) if (covers(range, number)) this.#pages.delete(number);
    this.#zeros.push(range);
  }

  async #patch({ offsetBytes, bytes }: Patch): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const number = pageOf(offsetBytes + done);
      const within = offsetBytes + done - number * LOG_SECTOR_BYTES;
      const part = bytes.subarray(done, done + LOG_SECTOR_BYTES - within);
      const page = this.#pages.get(number) ?? (await this.#pageAsItIs(number, part.length));
      page.set(part, within);
      this.#pages.set(number, page);
      done += part.length;
    }
  }

  async #pageAsItIs(number: number, patchedBytes: number): Promise<Uint8Array> {
    const page = new Uint8Array(LOG_SECTOR_BYTES);
    const isReplaced = patchedBytes === LOG_SECTOR_BYTES || this.#zeros.some((range) => covers(range, number));
    if (!isReplaced) await readExactly(this.file, page, number * LOG_SECTOR_BYTES);
    return page;
  }
}

const covers = ({ offsetBytes, lengthBytes }: ZeroRange, page: number): boolean =>
  page >= pageOf(offsetBytes) && page < pageOf(offsetBytes + lengthBytes);

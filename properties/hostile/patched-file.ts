/** A file of which most is zero, and most of the rest is shared with others: pages of 4 KiB, its own ones over those it began with. */
import type { PlainImage } from '../models/plain-vhd-spec.js';

const PAGE_BYTES = 4096;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/** Pages that are not all zero, by number; nobody changes them. */
export type FileContent = { readonly sizeBytes: number; readonly pages: ReadonlyMap<number, Uint8Array> };

export class PatchedFile {
  #sizeBytes: number;
  #changes = 0;
  /** Pages from here on are not those of `content` any more: the file was shorter once. */
  #sharedPages: number;
  readonly #own = new Map<number, Uint8Array>();

  constructor(
    readonly inode: number,
    readonly content: FileContent,
  ) {
    this.#sizeBytes = content.sizeBytes;
    this.#sharedPages = Math.ceil(content.sizeBytes / PAGE_BYTES);
  }

  static contentOf({ sizeBytes, extents }: PlainImage): FileContent {
    const file = new PatchedFile(0, { sizeBytes: 0, pages: new Map() });
    for (const { offsetBytes, bytes } of extents) file.write(bytes, offsetBytes);
    file.resize(sizeBytes);
    return file.frozen();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Writes and changes of its size. */
  get changes(): number {
    return this.#changes;
  }

  /** The content as it is now, for files that begin with it. */
  frozen(): FileContent {
    const pages = new Map<number, Uint8Array>();
    const numbers = new Set([...this.content.pages.keys(), ...this.#own.keys()]);
    for (const number of [...numbers].sort((a, b) => a - b)) {
      const page = this.#page(number);
      if (page !== undefined && !ZERO_PAGE.equals(page)) pages.set(number, page.slice());
    }
    return { sizeBytes: this.#sizeBytes, pages };
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#sizeBytes - position));
    for (let done = 0; done < length;) {
      const { page, within, count } = pieceOf(position + done, length - done);
      const bytes = this.#page(page);
      if (bytes === undefined) into.fill(0, done, done + count);
      else into.set(bytes.subarray(within, within + count), done);
      done += count;
    }
    return length;
  }

  bytes(position: number, lengthBytes: number): Buffer {
    const bytes = Buffer.alloc(lengthBytes);
    this.read(bytes, position);
    return bytes;
  }

  write(from: Uint8Array, position: number): void {
    this.#changes += 1;
    this.#sizeBytes = Math.max(this.#sizeBytes, position + from.length);
    for (let done = 0; done < from.length;) {
      const { page, within, count } = pieceOf(position + done, from.length - done);
      const part = from.subarray(done, done + count);
      // A hole that is written with zeros stays one.
      if (this.#page(page) !== undefined || !ZERO_PAGE.subarray(0, count).equals(part))
        this.#owned(page).set(part, within);
      done += count;
    }
  }

  resize(sizeBytes: number): void {
    this.#changes += 1;
    if (sizeBytes < this.#sizeBytes) this.#cut(sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  #cut(sizeBytes: number): void {
    const whole = Math.floor(sizeBytes / PAGE_BYTES);
    const rest = sizeBytes % PAGE_BYTES;
    if (rest > 0 && this.#page(whole) !== undefined) this.#owned(whole).fill(0, rest);
    const kept = rest > 0 ? whole + 1 : whole;
    for (const page of this.#own.keys()) if (page >= kept) this.#own.delete(page);
    this.#sharedPages = Math.min(this.#sharedPages, kept);
  }

  #page(number: number): Uint8Array | undefined {
    return this.#own.get(number) ?? (number < this.#sharedPages ? this.content.pages.get(number) : undefined);
  }

  #owned(number: number): Uint8Array {
    const there = this.#own.get(number);
    if (there !== undefined) return there;
    const made = Uint8Array.from(this.#page(number) ?? ZERO_PAGE);
    this.#own.set(number, made);
    return made;
  }
}

const pieceOf = (position: number, length: number): { page: number; within: number; count: number } => {
  const within = position % PAGE_BYTES;
  return { page: (position - within) / PAGE_BYTES, within, count: Math.min(length, PAGE_BYTES - within) };
};

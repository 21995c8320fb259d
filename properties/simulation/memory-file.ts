/**
 * One file of the simulated disk: what reads see, what is on stable storage, and the writes in between. CRASH-TESTS.md 2.1.
 *
 * - Every write is taken apart into 512-byte sectors, each of which a power loss keeps or drops by itself (torn writes, any order).
 * - A change of size is a write of its own (the file may be longer than its data, or shorter).
 * - Sectors of zeros cost nothing, so that a file of 100 MiB with little in it is as cheap as a small one.
 * - A failed flush leaves what it should have made durable readable and lost: later flushes succeed, and a dropped cache shows it.
 */
import { MemorySectors, partOf, SECTOR_BYTES, sectorOf } from './memory-sectors.js';

export { SECTOR_BYTES };

/** A number in [0, below), drawn by whoever plays the power loss. */
export type Draw = (below: number) => number;

/** A file's content as the parts that are not zero. */
export type SparseContent = {
  readonly sizeBytes: number;
  readonly extents: readonly { readonly offsetBytes: number; readonly bytes: Uint8Array }[];
};

type Pending = { readonly sector: number; readonly bytes: Uint8Array } | { readonly size: number };

export class MemoryFile {
  size = 0;
  /** Space that was set aside behind the end; what the file grows by is taken from it. */
  reservedBehindEnd = 0;
  #current = new MemorySectors();
  #durableSize = 0;
  #durable = new MemorySectors();
  #pending: Pending[] = [];
  /** Whether reads show something that is neither on stable storage nor still to be written. */
  #hasLost = false;

  constructor(readonly inode: number) {}

  static holding(inode: number, content: Uint8Array | SparseContent): MemoryFile {
    const file = new MemoryFile(inode);
    const { sizeBytes, extents } =
      content instanceof Uint8Array
        ? { sizeBytes: content.length, extents: [{ offsetBytes: 0, bytes: content }] }
        : content;
    file.truncate(sizeBytes);
    for (const { offsetBytes, bytes } of extents) file.write(bytes, offsetBytes);
    file.flush();
    return file;
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - position));
    this.#current.read(into.subarray(0, length), position);
    return length;
  }

  /** The content as it reads now, whatever happens to the file later. */
  snapshot(): { readonly sizeBytes: number; readonly read: (into: Uint8Array, position: number) => void } {
    const sectors = this.#current.copy();
    return {
      sizeBytes: this.size,
      read: (into, position) => {
        sectors.read(into, position);
      },
    };
  }

  write(from: Uint8Array, position: number): void {
    if (position + from.length > this.size) this.truncate(position + from.length);
    const content = new Uint8Array(from); // A copy: `slice` of a Buffer is none.
    for (let done = 0; done < content.length;) {
      const { sector, within, count } = partOf(position + done, content.length - done);
      const part = content.subarray(done, done + count);
      const bytes = sectorOf(count === SECTOR_BYTES ? part : spliced(this.#current.get(sector), part, within));
      this.#current.put(sector, bytes);
      this.#pending.push({ sector, bytes });
      done += count;
    }
  }

  truncate(size: number): void {
    this.reservedBehindEnd = Math.max(0, this.reservedBehindEnd - Math.max(0, size - this.size));
    this.size = size;
    this.#pending.push({ size });
    this.#current.cut(size);
  }

  flush(): void {
    for (const change of this.#pending) this.#settle(change);
    this.#pending = [];
  }

  /** The flush that reports a lost write: once. */
  loseUnflushed(): void {
    this.#hasLost ||= this.#pending.length > 0;
    this.#pending = [];
  }

  /** What is clean goes; the next read comes from stable storage, except for what is still to be written. */
  dropCache(): void {
    if (!this.#hasLost) return;
    this.#current = this.#durable.copy();
    this.size = this.#durableSize;
    for (const change of this.#pending) {
      if ('size' in change) {
        this.size = change.size;
        this.#current.cut(change.size);
      } else this.#current.put(change.sector, change.bytes);
    }
    this.#hasLost = false;
  }

  get unflushed(): number {
    return this.#pending.length;
  }

  /** The file as a power loss leaves it: of the unflushed changes any, in order; sectors that came with the size are zeros or noise. */
  afterPowerLoss(draw: Draw): MemoryFile {
    const left = new MemoryFile(this.inode);
    left.reservedBehindEnd = this.reservedBehindEnd;
    const kept = this.#pending.filter(() => draw(2) === 1);
    left.#durable = this.#durable.copy();
    left.#durableSize = this.#durableSize;
    for (const change of kept) if ('size' in change) left.#settle(change);
    if (draw(2) === 1) left.#fillWithNoise(this.#durableSize, left.#durableSize);
    for (const change of kept) if ('sector' in change) left.#settle(change);
    left.#durable.cut(left.#durableSize);
    left.#current = left.#durable.copy();
    left.size = left.#durableSize;
    return left;
  }

  #fillWithNoise(from: number, to: number): void {
    for (let sector = Math.ceil(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector += 1)
      this.#durable.put(sector, NOISE[sector % NOISE.length] ?? NOISE[0]);
  }

  #settle(change: Pending): void {
    if ('size' in change) {
      this.#durableSize = change.size;
      this.#durable.cut(change.size);
    } else this.#durable.put(change.sector, change.bytes);
  }
}

const spliced = (sector: Uint8Array, part: Uint8Array, within: number): Uint8Array => {
  const bytes = new Uint8Array(sector);
  bytes.set(part, within);
  return bytes;
};

/** Sector n is filled with NOISE[n mod 256]. */
const NOISE = Array.from({ length: 256 }, (_, sector) =>
  Uint8Array.from({ length: SECTOR_BYTES }, (_byte, n) => (sector * 31 + n * 7 + 0xa5) & 0xff),
) as [Uint8Array, ...Uint8Array[]];

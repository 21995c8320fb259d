/**
 * One file of the simulated disk: what reads see, what is on stable storage, and the writes in between. CRASH-TESTS.md 2.1.
 *
 * - Every write is taken apart into 512-byte sectors, each of which a power loss keeps or drops by itself (torn writes, any order).
 * - A change of size is a write of its own (the file may be longer than its data, or shorter).
 * - A failed flush leaves what it should have made durable readable and lost: later flushes succeed, and a dropped cache shows it.
 */
export const SECTOR_BYTES = 512;

/** A number in [0, below), drawn by whoever plays the power loss. */
export type Draw = (below: number) => number;

type Pending = { readonly sector: number; readonly bytes: Uint8Array } | { readonly size: number };

export class MemoryFile {
  size = 0;
  readonly #current = new Map<number, Uint8Array>();
  #durableSize = 0;
  #durable = new Map<number, Uint8Array>();
  #pending: Pending[] = [];

  constructor(readonly inode: number) {}

  static holding(inode: number, content: Uint8Array): MemoryFile {
    const file = new MemoryFile(inode);
    file.write(content, 0);
    file.flush();
    return file;
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - position));
    for (let done = 0; done < length;) {
      const { sector, within, count } = part(position + done, length - done);
      const bytes = this.#current.get(sector);
      if (bytes === undefined) into.fill(0, done, done + count);
      else into.set(bytes.subarray(within, within + count), done);
      done += count;
    }
    return length;
  }

  write(from: Uint8Array, position: number): void {
    if (position + from.length > this.size) this.truncate(position + from.length);
    for (let done = 0; done < from.length;) {
      const { sector, within, count } = part(position + done, from.length - done);
      const bytes = this.#current.get(sector)?.slice() ?? new Uint8Array(SECTOR_BYTES);
      bytes.set(from.subarray(done, done + count), within);
      this.#current.set(sector, bytes);
      this.#pending.push({ sector, bytes });
      done += count;
    }
  }

  truncate(size: number): void {
    this.size = size;
    this.#pending.push({ size });
    cut(this.#current, size);
  }

  flush(): void {
    for (const change of this.#pending) this.#settle(change);
    this.#pending = [];
  }

  /** The flush that reports a lost write: once. */
  loseUnflushed(): void {
    this.#pending = [];
  }

  /** What is clean goes; the next read comes from stable storage, except for what is still to be written. */
  dropCache(): void {
    const unwritten = this.#pending;
    this.#current.clear();
    for (const [sector, bytes] of this.#durable) this.#current.set(sector, bytes);
    this.size = this.#durableSize;
    for (const change of unwritten) {
      if ('size' in change) {
        this.size = change.size;
        cut(this.#current, change.size);
      } else this.#current.set(change.sector, change.bytes);
    }
  }

  get unflushed(): number {
    return this.#pending.length;
  }

  /** The file as a power loss leaves it: of the unflushed changes any, in order; sectors that came with the size are zeros or noise. */
  afterPowerLoss(draw: Draw): MemoryFile {
    const left = new MemoryFile(this.inode);
    const kept = this.#pending.filter(() => draw(2) === 1);
    left.#durable = new Map(this.#durable);
    left.#durableSize = this.#durableSize;
    for (const change of kept) if ('size' in change) left.#settle(change);
    if (draw(2) === 1) left.#fillWithNoise(this.#durableSize, left.#durableSize);
    for (const change of kept) if ('sector' in change) left.#settle(change);
    cut(left.#durable, left.#durableSize);
    left.dropCache();
    return left;
  }

  #fillWithNoise(from: number, to: number): void {
    for (let sector = Math.ceil(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector += 1)
      this.#durable.set(sector, noiseOf(sector));
  }

  #settle(change: Pending): void {
    if ('size' in change) {
      this.#durableSize = change.size;
      cut(this.#durable, change.size);
    } else this.#durable.set(change.sector, change.bytes);
  }
}

const part = (position: number, length: number): { sector: number; within: number; count: number } => {
  const within = position % SECTOR_BYTES;
  return { sector: (position - within) / SECTOR_BYTES, within, count: Math.min(length, SECTOR_BYTES - within) };
};

/** Drops what lies beyond `size`, so that growing again shows zeros there. */
const cut = (sectors: Map<number, Uint8Array>, size: number): void => {
  const last = Math.floor(size / SECTOR_BYTES);
  for (const [sector, bytes] of sectors) {
    if (sector > last || (sector === last && size % SECTOR_BYTES === 0)) sectors.delete(sector);
    else if (sector === last) {
      const shorter = new Uint8Array(SECTOR_BYTES);
      shorter.set(bytes.subarray(0, size % SECTOR_BYTES));
      sectors.set(sector, shorter);
    }
  }
};

const noiseOf = (sector: number): Uint8Array =>
  Uint8Array.from({ length: SECTOR_BYTES }, (_, n) => (sector * 31 + n * 7 + 0xa5) & 0xff);

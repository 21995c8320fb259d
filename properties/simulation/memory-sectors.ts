/**
 * The sectors of a simulated file, or of what is on its stable storage: those that are not zero, in a map. A sector's bytes are never
 * changed in place, so that copies share them.
 */
export const SECTOR_BYTES = 512;

/** Stands for any sector of zeros: it takes no place in the map. */
export const ZEROS: Uint8Array = new Uint8Array(SECTOR_BYTES);
const ZERO_BUFFER = Buffer.from(ZEROS);

/** The bytes of a whole sector, or `ZEROS` itself when they are all zero. */
export const sectorOf = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0 && ZERO_BUFFER.equals(bytes) ? ZEROS : bytes;

export class MemorySectors {
  /** Above all sectors that were ever put: growing a file walks over nothing. */
  #end = 0;
  #sectors = new Map<number, Uint8Array>();

  copy(): MemorySectors {
    const copy = new MemorySectors();
    copy.#sectors = new Map(this.#sectors);
    copy.#end = this.#end;
    return copy;
  }

  get(sector: number): Uint8Array {
    return this.#sectors.get(sector) ?? ZEROS;
  }

  put(sector: number, bytes: Uint8Array): void {
    if (bytes === ZEROS) this.#sectors.delete(sector);
    else this.#sectors.set(sector, bytes);
    this.#end = Math.max(this.#end, sector + 1);
  }

  /** Drops what lies beyond `sizeBytes`, so that growing again shows zeros there. */
  cut(sizeBytes: number): void {
    const last = Math.floor(sizeBytes / SECTOR_BYTES);
    const within = sizeBytes % SECTOR_BYTES;
    const whole = within === 0 ? last : last + 1;
    if (within > 0 && last < this.#end) {
      const shorter = new Uint8Array(SECTOR_BYTES);
      shorter.set(this.get(last).subarray(0, within));
      this.put(last, sectorOf(shorter));
    }
    if (whole >= this.#end) return;
    for (const sector of this.#sectors.keys()) if (sector >= whole) this.#sectors.delete(sector);
    this.#end = whole;
  }

  read(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length;) {
      const { sector, within, count } = partOf(position + done, into.length - done);
      const bytes = this.get(sector);
      if (bytes === ZEROS) into.fill(0, done, done + count);
      else into.set(bytes.subarray(within, within + count), done);
      done += count;
    }
  }
}

/** What of `length` bytes at `position` lies in the first sector there. */
export const partOf = (position: number, length: number): { sector: number; within: number; count: number } => {
  const within = position % SECTOR_BYTES;
  return { sector: (position - within) / SECTOR_BYTES, within, count: Math.min(length, SECTOR_BYTES - within) };
};

import { MIB } from '#domain/quantities';
import type { SectorRun } from '#domain/sector-run';

export const CHUNK_BYTES = MIB;

/** A disk that can be read as a whole: what a chain shows, or a raw file. */
export interface ReadableDisk {
  readonly sectorSize: number;
  readonly diskSectors: number;
  /** The guest's bytes of the range, all of them. */
  read(range: SectorRun, into: Uint8Array): Promise<void>;
}

/** Finds where a disk may hold something; never goes back. */
export interface DataWalk {
  /** The first such sector at or after `from`; null when there is none. */
  next(from: number): Promise<number | null>;
}

/** One MiB of a disk, less at its end. Its first sector is `index` MiB from the start. */
export interface Chunk {
  readonly index: number;
  readonly range: SectorRun;
  /** A buffer of its own: whoever has it may keep it. */
  readonly bytes: Uint8Array;
}

/** The chunks in which the walk finds something, ascending. Some of them may read zero all the same. */
export async function* chunksWithData(disk: ReadableDisk, walk: DataWalk): AsyncGenerator<Chunk> {
  const chunkSectors = CHUNK_BYTES / disk.sectorSize;
  for (let next = 0; ;) {
    const sector = await walk.next(next * chunkSectors);
    // Images below may be larger than the view.
    if (sector === null || sector >= disk.diskSectors) return;
    const index = Math.floor(sector / chunkSectors);
    yield await chunkAt(disk, index);
    next = index + 1;
  }
}

export const chunkAt = async (disk: ReadableDisk, index: number): Promise<Chunk> => {
  const chunkSectors = CHUNK_BYTES / disk.sectorSize;
  const start = index * chunkSectors;
  const range = { start, count: Math.min(chunkSectors, disk.diskSectors - start) };
  const bytes = new Uint8Array(range.count * disk.sectorSize);
  await disk.read(range, bytes);
  return { index, range, bytes };
};

/** Four bytes at a time. The bytes begin at a multiple of four in their buffer, and are whole sectors. */
export const readsZero = (bytes: Uint8Array): boolean => {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (const word of words) if (word !== 0) return false;
  return true;
};

/**
 * The simplest disk there is: an array of bytes. A chain of them is what every merge is judged by.
 *
 * - A layer supplies some sectors and leaves the others to the layer under it.
 * - Below the base everything is zero.
 * - A layer smaller than the one under it hides what lies beyond its own end (FORMATS.md C1, last row).
 */
import { nameOfSector, SECTOR_BYTES } from './sector-content.js';

/** Consecutive sectors that a layer supplies itself; `data` is a whole number of sectors. */
export type SectorRun = { readonly firstSector: number; readonly data: Uint8Array };

export type Layer = { readonly sizeBytes: number; readonly runs: readonly SectorRun[] };

/** What a reader of `top` sees; the layers go from leaf to base, so `flatDisk(...chain.slice(i))` is the view from layer i. */
export const flatDisk = (top: Layer, ...below: readonly Layer[]): Uint8Array => {
  const disk = new Uint8Array(top.sizeBytes);
  const [next, ...rest] = below;
  if (next !== undefined) disk.set(flatDisk(next, ...rest).subarray(0, top.sizeBytes));
  for (const { firstSector, data } of top.runs) disk.set(data, firstSector * SECTOR_BYTES);
  return disk;
};

/** A sentence about the first sector in which two disks differ, or undefined; a failed property then reads as a story. */
export const firstDifference = (expected: Uint8Array, found: Uint8Array): string | undefined => {
  if (expected.length !== found.length) return `expected ${expected.length} bytes, found ${found.length}`;
  if (Buffer.compare(expected, found) === 0) return undefined;
  for (let offset = 0; offset < expected.length; offset += SECTOR_BYTES) {
    const want = expected.subarray(offset, offset + SECTOR_BYTES);
    const have = found.subarray(offset, offset + SECTOR_BYTES);
    if (Buffer.compare(want, have) !== 0)
      return `sector ${offset / SECTOR_BYTES}: expected ${nameOfSector(want)}, found ${nameOfSector(have)}`;
  }
  return undefined;
};

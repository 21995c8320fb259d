/**
 * Sector bitmap of a VHDX: bit 1, this file has the sector; bit 0, ask the parent. Counted from the least significant bit of each
 * byte (VHD counts from the most). A block of 1 MiB holds the bits of a whole chunk, one for each logical sector. They mean
 * something only for payload blocks that are PARTIALLY_PRESENT; others may have left theirs behind. [MS-VHDX] 2.4
 */
import { MIB } from '../../quantities.js';
import type { SectorRun } from '../../sector-run.js';

export const BITMAP_BLOCK_BYTES = MIB;

export const isSet = (bitmap: Uint8Array, sector: number): boolean =>
  (bitmap[sector >>> 3]! & (1 << (sector & 7))) !== 0;

/** The first sector in [from, to) whose bit is `bit`, else `to`. Bytes without such a bit are passed over whole. */
const nextSector = (bitmap: Uint8Array, bit: 0 | 1, from: number, to: number): number => {
  const flip = bit === 1 ? 0x00 : 0xff;
  for (let sector = from; sector < to; sector = (sector | 7) + 1) {
    const rest = (bitmap[sector >>> 3]! ^ flip) & (0xff << (sector & 7)) & 0xff;
    // `rest & -rest` leaves the lowest of its bits, the first in VHDX's order.
    if (rest !== 0) return Math.min(to, (sector & ~7) + 31 - Math.clz32(rest & -rest));
  }
  return to;
};

/** The runs of set bits in [fromSector, toSector), ascending, none touching the next. */
export const setRuns = (bitmap: Uint8Array, fromSector: number, toSector: number): SectorRun[] => {
  const runs: SectorRun[] = [];
  let start = nextSector(bitmap, 1, fromSector, toSector);
  while (start < toSector) {
    const end = nextSector(bitmap, 0, start, toSector);
    runs.push({ start, count: end - start });
    start = nextSector(bitmap, 1, end, toSector);
  }
  return runs;
};

/** Sets the bits of `count` sectors from `start` on, in place. */
export const setBits = (bitmap: Uint8Array, start: number, count: number): void => {
  write(bitmap, 0xff, start, count);
};

/** Clears the bits of `count` sectors from `start` on, in place. */
export const clearBits = (bitmap: Uint8Array, start: number, count: number): void => {
  write(bitmap, 0x00, start, count);
};

const write = (bitmap: Uint8Array, value: 0x00 | 0xff, start: number, count: number): void => {
  if (count === 0) return;
  const end = start + count;
  const firstByte = start >>> 3;
  const lastByte = (end - 1) >>> 3;
  const firstMask = 0xff << (start & 7);
  const lastMask = 0xff >>> (7 - ((end - 1) & 7));
  const masked = (byte: number, mask: number): void => {
    bitmap[byte] = (bitmap[byte]! & ~mask) | (value & mask);
  };
  if (firstByte === lastByte) {
    masked(firstByte, firstMask & lastMask);
    return;
  }
  masked(firstByte, firstMask);
  bitmap.fill(value, firstByte + 1, lastByte);
  masked(lastByte, lastMask);
};

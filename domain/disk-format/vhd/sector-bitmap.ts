/**
 * Sector bitmap of a VHD block: bit 1, this file has the sector; bit 0, ask the parent. Counted from the most significant bit of
 * each byte (VHDX counts from the least). [VHD 1.0] Data Blocks
 */
import { bitmapBytes } from './block-allocation-table.js';
import { SECTOR_BYTES } from './footer.js';

/** Sectors `start` … `start + count − 1` of a block. */
export interface SectorRun {
  readonly start: number;
  readonly count: number;
}

export const isSet = (bitmap: Uint8Array, sector: number): boolean =>
  (bitmap[sector >>> 3]! & (0x80 >>> (sector & 7))) !== 0;

/** The first sector in [from, to) whose bit is `bit`, else `to`. Bytes without such a bit are passed over whole. */
const nextSector = (bitmap: Uint8Array, bit: 0 | 1, from: number, to: number): number => {
  const flip = bit === 1 ? 0x00 : 0xff;
  for (let sector = from; sector < to; sector = (sector | 7) + 1) {
    const rest = (bitmap[sector >>> 3]! ^ flip) & (0xff >>> (sector & 7));
    // clz32 counts 24 zeros before the byte, then the bits in VHD's own order.
    if (rest !== 0) return Math.min(to, (sector & ~7) + Math.clz32(rest) - 24);
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
  if (count === 0) return;
  const end = start + count;
  const firstByte = start >>> 3;
  const lastByte = (end - 1) >>> 3;
  const firstMask = 0xff >>> (start & 7);
  const lastMask = (0xff << (7 - ((end - 1) & 7))) & 0xff;
  if (firstByte === lastByte) {
    bitmap[firstByte]! |= firstMask & lastMask;
    return;
  }
  bitmap[firstByte]! |= firstMask;
  bitmap.fill(0xff, firstByte + 1, lastByte);
  bitmap[lastByte]! |= lastMask;
};

/** The bitmap of a block that has all its sectors; bits behind the last sector stay 0. */
export const fullBitmap = (blockSizeBytes: number): Uint8Array => {
  const bitmap = new Uint8Array(bitmapBytes(blockSizeBytes));
  setBits(bitmap, 0, blockSizeBytes / SECTOR_BYTES);
  return bitmap;
};

/**
 * What a window's blocks change in the metadata: BAT entries and sector bitmaps. Guarantees:
 * - What belongs to one block is one transaction: its bits, its entry, and the bitmap block of its chunk when that is new.
 * - All bits of a block that becomes partially present are as they should be, whatever an earlier life of the block has left there.
 * - What is on stable storage as it should be is not written again.
 */
import {
  BITMAP,
  bitmapIndex,
  chunkOf,
  entryOf,
  offsetOf,
  PAYLOAD,
  payloadIndex,
  stateOf,
} from '#domain/disk-format/vhdx/bat';
import { LOG_SECTOR_BYTES } from '#domain/disk-format/vhdx/log-entry';
import { BITMAP_BLOCK_BYTES, setBits } from '#domain/disk-format/vhdx/sector-bitmap';
import type { BitmapPlaces } from './bitmap-places.js';
import type { Patch, Transaction, ZeroRange } from './log-pages.js';
import type { OpenVhdx } from './open-vhdx.js';
import type { WindowBlock } from './window-block.js';

export interface WindowMetadata {
  /** To be committed in this order. */
  readonly transactions: readonly Transaction[];
  /** BAT entries by their index, as they are after the commit. */
  readonly entries: ReadonlyMap<number, number>;
  /** All bits of these blocks. */
  readonly bits: ReadonlyMap<number, Uint8Array>;
  /** Chunks whose reserved bitmap blocks are named. */
  readonly chunks: ReadonlySet<number>;
}

type Tables = Pick<OpenVhdx, 'bat' | 'bitmaps' | 'geometry'>;

/** `blocks` are complete. Must run, with its commit, while no other window commits. */
export const metadataOf = async (
  tables: Tables,
  places: BitmapPlaces,
  blocks: readonly WindowBlock[],
): Promise<WindowMetadata> => {
  const { bat, geometry } = tables;
  const transactions: Transaction[] = [];
  const entries = new Map<number, number>();
  const bits = new Map<number, Uint8Array>();
  const chunks = new Set<number>();
  for (const block of blocks) {
    const own = new Map<number, number>();
    const zeros: ZeroRange[] = [];
    const patches: Patch[] = [];
    if (block.after !== block.before) own.set(payloadIndex(geometry, block.plan.block), block.after);
    if (stateOf(block.after) === PAYLOAD.partiallyPresent) {
      const chunk = chunkOf(geometry, block.plan.block);
      const known = await bat.bitmap(chunk);
      const isNew = stateOf(known) === BITMAP.notPresent;
      const offsetBytes = isNew ? places.placeOf(chunk).offsetBytes : offsetOf(known);
      if (isNew && !chunks.has(chunk)) {
        zeros.push({ offsetBytes, lengthBytes: BITMAP_BLOCK_BYTES });
        own.set(bitmapIndex(geometry, chunk), entryOf(BITMAP.present, offsetBytes));
        chunks.add(chunk);
      }
      const changed = await bitsOf(tables, block, isNew);
      patches.push(...changed.patches(offsetBytes));
      bits.set(block.plan.block, changed.wanted);
    }
    patches.push(...bat.patches(own));
    for (const [index, entry] of own) entries.set(index, entry);
    if (zeros.length + patches.length > 0) transactions.push({ zeros, patches });
  }
  return { transactions, entries, bits, chunks };
};

/** The bits of a block as they are to be, and the pages of its chunk's bitmap block, at an offset in the file, that differ. */
const bitsOf = async (
  { bitmaps, geometry }: Tables,
  { plan, before }: WindowBlock,
  isNew: boolean,
): Promise<{ readonly wanted: Uint8Array; readonly patches: (bitmapOffsetBytes: number) => readonly Patch[] }> => {
  const none = new Uint8Array(geometry.blockSizeBytes / geometry.logicalSectorSize / 8);
  const durable = isNew ? none : await bitmaps.bitsOf(plan.block);
  const wanted = stateOf(before) === PAYLOAD.partiallyPresent ? durable.slice() : none.slice();
  for (const { start, count } of [...plan.data, ...plan.zeros]) setBits(wanted, start, count);
  const inBitmap = bitmaps.offsetInBitmap(plan.block);
  return { wanted, patches: (offsetBytes) => changedPages(durable, wanted, offsetBytes + inBitmap) };
};

/** Of bytes at an offset in the file the parts in pages of the log in which something differs. */
const changedPages = (durable: Uint8Array, wanted: Uint8Array, offsetBytes: number): readonly Patch[] => {
  const patches: Patch[] = [];
  for (let at = 0; at < wanted.length;) {
    const end = Math.min(wanted.length, at + LOG_SECTOR_BYTES - ((offsetBytes + at) % LOG_SECTOR_BYTES));
    const bytes = wanted.subarray(at, end);
    const start = at;
    if (bytes.some((byte, n) => byte !== durable[start + n])) patches.push({ offsetBytes: offsetBytes + start, bytes });
    at = end;
  }
  return patches;
};

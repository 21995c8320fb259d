/** Many entries of a BAT at once, in pieces: a BAT has up to 64 Mi entries, a log entry room for a few thousand. */
import type { OpenFile } from '#application/ports/file-system';
import { type BatGeometry, bitmapIndex, chunkOf, decodeEntries, encodeEntries } from '#domain/disk-format/vhdx/bat';
import { type ByteReader, readExactly } from '../file-faults.js';
import type { OpenVhdx } from './open-vhdx.js';
import { ENTRY_BYTES } from './paged-bat.js';
import type { VhdxSession } from './vhdx-session.js';

/** 256 KiB: 65 pages at most, which fit into one entry of the smallest log. */
const PIECE_ENTRIES = 32_768;

/** What the entry at an index is to be; null: what it is. */
export type WantedEntry = (index: number) => number | null;

/** Entries [from, to) by their index. `to` may lie behind the table, in the padding of its region. */
export interface EntryRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Changes entries in the BAT region that the file has, through the log, a piece at a time, durable when it returns. For entries that
 * the file does not use yet or any more: pieces are not one transaction. Those that are right already are not written.
 */
export const rewriteEntries = async (
  { view, regions }: Pick<OpenVhdx, 'view' | 'regions'>,
  session: Pick<VhdxSession, 'commit'>,
  range: EntryRange,
  wanted: WantedEntry,
): Promise<void> => {
  const tableOffsetBytes = regions.bat.fileOffsetBytes;
  for (const { from, to } of piecesOf(range)) {
    const entries = await readEntries(view, tableOffsetBytes, from, to - from);
    const changed = entries.map((entry, n) => wanted(from + n) ?? entry);
    const first = changed.findIndex((entry, n) => entry !== entries[n]);
    if (first < 0) continue;
    const end = changed.findLastIndex((entry, n) => entry !== entries[n]) + 1;
    const bytes = encodeEntries(changed.subarray(first, end));
    const patch = { offsetBytes: tableOffsetBytes + (from + first) * ENTRY_BYTES, bytes };
    await session.commit([{ zeros: [], patches: [patch] }]);
  }
};

/**
 * Writes a table of `entryCount` entries to a place that nothing names yet, not flushed: the entries that the BAT has, except where
 * another one is wanted.
 */
export const writeTable = async (
  { view, regions, geometry }: Pick<OpenVhdx, 'view' | 'regions' | 'geometry'>,
  file: OpenFile,
  place: { readonly offsetBytes: number; readonly entryCount: number },
  wanted: WantedEntry,
): Promise<void> => {
  for (const { from, to } of piecesOf({ from: 0, to: place.entryCount })) {
    const entries = new Float64Array(to - from);
    const known = Math.min(to, geometry.entryCount) - from;
    if (known > 0) entries.set(await readEntries(view, regions.bat.fileOffsetBytes, from, known));
    const changed = entries.map((entry, n) => wanted(from + n) ?? entry);
    await file.write(encodeEntries(changed), place.offsetBytes + from * ENTRY_BYTES);
  }
};

/** The index behind the last payload block's entry: from here on nothing is in use, but for the bitmap block of its chunk. */
export const endOfPayloadEntries = (geometry: BatGeometry): number => {
  const last = geometry.payloadBlocks - 1;
  return last + chunkOf(geometry, last) + 1;
};

/** Is this the entry of the bitmap block that the last payload block has? */
export const isLastBitmap = (geometry: BatGeometry, index: number): boolean =>
  geometry.hasParent && index === bitmapIndex(geometry, geometry.bitmapBlocks - 1);

const readEntries = async (
  view: ByteReader,
  tableOffsetBytes: number,
  from: number,
  count: number,
): Promise<Float64Array> => {
  const encoded = new Uint8Array(count * ENTRY_BYTES);
  await readExactly(view, encoded, tableOffsetBytes + from * ENTRY_BYTES);
  return decodeEntries(encoded);
};

function* piecesOf({ from, to }: EntryRange): Generator<EntryRange> {
  for (let at = from; at < to; at += PIECE_ENTRIES) yield { from: at, to: Math.min(to, at + PIECE_ENTRIES) };
}

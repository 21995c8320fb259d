/**
 * Changes of metadata items, as transactions for the log. Guarantees:
 * - An item is whole at every instant, the old one or the new one: it changes in place together with the table, or the new one is
 *   durable in unused space of the region before the table names it.
 * - Only the last transaction changes what the file says; before it nothing but unused space is written.
 * - What the table would then say is what every reader accepts, or nothing is written at all.
 */
import type { Extent } from '#domain/disk-format/extent';
import {
  encodeMetadataTable,
  METADATA_TABLE_BYTES,
  type MetadataEntry,
  metadataTableFlaw,
} from '#domain/disk-format/vhdx/metadata-table';
import type { RegionEntry } from '#domain/disk-format/vhdx/region-table';
import { LOG_SECTOR_BYTES } from '#domain/disk-format/vhdx/log-entry';
import { type MergeError, mergeError } from '#domain/merge-error';
import { KIB } from '#domain/quantities';
import { err, ok, type Result } from '#domain/result';
import { descriptorsOf, MAX_TRANSACTION_DESCRIPTORS, type Patch, type Transaction } from './log-pages.js';
import type { OpenVhdx } from './open-vhdx.js';

export interface ItemToPut extends Pick<MetadataEntry, 'itemId' | 'isUser' | 'isVirtualDisk' | 'isRequired'> {
  readonly content: Uint8Array;
}

export interface ItemChanges {
  /** Entries of the table that go. */
  readonly remove: readonly MetadataEntry[];
  /** Items that are new, or take the place of the one with their id and `isUser`. */
  readonly put: readonly ItemToPut[];
}

export interface ReplacedItems {
  /** To be committed in this order, one or more. */
  readonly transactions: readonly Transaction[];
  /** The entries of the table afterwards. */
  readonly metadata: readonly MetadataEntry[];
}

/** What a transaction writes of a large item at a time. */
const PIECE_BYTES = 256 * KIB;

/**
 * Plans the change; nothing is written. The space of items that go or move is not used again in the same change. Refused when the
 * region or its table has no room.
 */
export const replaceItems = (
  { path, regions, metadata }: Pick<OpenVhdx, 'path' | 'regions' | 'metadata'>,
  changes: ItemChanges,
): Result<ReplacedItems, MergeError> =>
  planned(path, regions.metadata, metadata, changes, 'in place') ??
  planned(path, regions.metadata, metadata, changes, 'elsewhere') ??
  err(noRoom(path, 'too little unused space in its metadata region'));

/** Null: not in this way. `in place` is for items that are no longer than before, as long as one transaction can hold all. */
const planned = (
  path: string,
  region: RegionEntry,
  before: readonly MetadataEntry[],
  { remove, put }: ItemChanges,
  way: 'in place' | 'elsewhere',
): Result<ReplacedItems, MergeError> | null => {
  const space = new UnusedSpace(before, region.lengthBytes);
  const metadata = before.filter((entry) => !remove.some((gone) => sameItem(gone, entry)));
  const atOnce: Patch[] = [];
  const ahead: Patch[] = [];
  for (const { content, ...item } of put) {
    const n = metadata.findIndex((entry) => sameItem(entry, item));
    const old = metadata[n];
    const staysInPlace = way === 'in place' && old !== undefined && content.length <= old.lengthBytes;
    const offsetBytes = content.length === 0 ? 0 : staysInPlace ? old.offsetBytes : space.take(content.length);
    if (offsetBytes === null) return null;
    const entry = { ...item, offsetBytes, lengthBytes: content.length };
    metadata.splice(n < 0 ? metadata.length : n, n < 0 ? 0 : 1, entry);
    (staysInPlace ? atOnce : ahead).push({ offsetBytes: region.fileOffsetBytes + offsetBytes, bytes: content });
  }
  const flaw = metadataTableFlaw(metadata, region.lengthBytes);
  if (flaw !== null) return err(noRoom(path, `${flaw.expected}; it would have ${flaw.found}`));

  atOnce.push(...tablePatches(region, before, metadata));
  const all = { zeros: [], patches: [...ahead, ...atOnce] };
  if (fits(all)) return ok({ transactions: [all], metadata });
  const last = { zeros: [], patches: atOnce };
  return fits(last) ? ok({ transactions: [...ahead.flatMap(inPieces), last], metadata }) : null;
};

const fits = (transaction: Transaction): boolean => descriptorsOf(transaction) <= MAX_TRANSACTION_DESCRIPTORS;

type ItemKey = Pick<MetadataEntry, 'itemId' | 'isUser'>;

/** A user's item may bear the id of another's. */
const sameItem = (one: ItemKey, other: ItemKey): boolean => one.itemId === other.itemId && one.isUser === other.isUser;

const inPieces = ({ offsetBytes, bytes }: Patch): readonly Transaction[] =>
  Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, n) => ({
    zeros: [],
    patches: [
      { offsetBytes: offsetBytes + n * PIECE_BYTES, bytes: bytes.subarray(n * PIECE_BYTES).slice(0, PIECE_BYTES) },
    ],
  }));

/** The pages of the table that differ. */
const tablePatches = (
  region: RegionEntry,
  before: readonly MetadataEntry[],
  after: readonly MetadataEntry[],
): readonly Patch[] => {
  const [old, changed] = [encodeMetadataTable(before), encodeMetadataTable(after)];
  const patches: Patch[] = [];
  for (let at = 0; at < METADATA_TABLE_BYTES; at += LOG_SECTOR_BYTES) {
    const bytes = changed.subarray(at, at + LOG_SECTOR_BYTES);
    const differs = bytes.some((byte, n) => byte !== old[at + n]);
    if (differs) patches.push({ offsetBytes: region.fileOffsetBytes + at, bytes });
  }
  return patches;
};

/** Of a metadata region, what neither the table nor an item takes. */
class UnusedSpace {
  readonly #gaps: Extent[];

  constructor(entries: readonly MetadataEntry[], regionLengthBytes: number) {
    const items = entries
      .filter(({ lengthBytes }) => lengthBytes > 0)
      .map(({ offsetBytes, lengthBytes }) => ({ startBytes: offsetBytes, endBytes: offsetBytes + lengthBytes }))
      .sort((one, other) => one.startBytes - other.startBytes);
    const starts = [METADATA_TABLE_BYTES, ...items.map(({ endBytes }) => endBytes)];
    const ends = [...items.map(({ startBytes }) => startBytes), regionLengthBytes];
    this.#gaps = starts.map((startBytes, n) => ({ startBytes, endBytes: ends[n]! }));
  }

  /** The first place that is large enough; null: there is none. */
  take(lengthBytes: number): number | null {
    const n = this.#gaps.findIndex(({ startBytes, endBytes }) => endBytes - startBytes >= lengthBytes);
    const gap = this.#gaps[n];
    if (gap === undefined) return null;
    this.#gaps[n] = { ...gap, startBytes: gap.startBytes + lengthBytes };
    return gap.startBytes;
  }
}

const noRoom = (path: string, found: string): MergeError =>
  mergeError('block-space-exhausted', 'the metadata of this VHDX has no room for the change', {
    path,
    expected: 'a metadata region that holds its items and the new ones',
    found,
    todo: 'Nothing of it was written. Copy the disk into a new file, whose metadata has room.',
  });

/**
 * What the entries of a VHDX metadata table may be, for tables that were read and for those that are to be written.
 * [MS-VHDX] 2.6.1, with the limits of Microsoft's own reader where the specification has none.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { flawOf, hex } from '../flaw.js';
import { LIMIT } from '../limits.js';
import { NIL_GUID } from './header.js';
import {
  CHS_PARAMETERS_ITEM,
  INCOMPLETE_FILE_ITEM,
  isKnownItem,
  ITEM,
  ITEM_FORMATS,
  type ItemFormat,
  MAX_METADATA_ENTRIES,
  METADATA_TABLE_BYTES,
  type MetadataEntry,
} from './metadata-items.js';

const MAX_USER_ENTRIES = LIMIT.userMetadataEntries;
const MAX_ITEM_BYTES = LIMIT.metadataItemBytes;
/** This and the next two are the limits of Microsoft's own reader. */
const MAX_SYSTEM_ENTRIES = MAX_METADATA_ENTRIES - MAX_USER_ENTRIES;
const MAX_REGION_BYTES = LIMIT.metadataRegionBytes;
/** Of all items that are a user's together, and of all that are not. */
const MAX_ITEMS_BYTES = LIMIT.metadataItemsBytes;

const flaw = flawOf('VHDX metadata table');

/**
 * Why a table with these entries is refused, by us or by Microsoft's reader; null: it is not. Asked of entries that were read,
 * and of those that are to be written.
 */
export const metadataTableFlaw = (
  entries: readonly MetadataEntry[],
  regionLengthBytes: number,
): StructureFlaw | null => {
  if (regionLengthBytes > MAX_REGION_BYTES) {
    return flaw('metadata-table', 'a metadata region of at most 128 MiB', `${regionLengthBytes} bytes`);
  }
  return (
    tooMany(entries) ??
    first(entries, (entry) => misplaced(entry, regionLengthBytes)) ??
    twice(entries) ??
    overlapping(entries) ??
    first(entries, notOurs) ??
    first([...ITEM_FORMATS], ([itemId, format]) => malformed(entries, itemId, format))
  );
};

const first = <T>(values: readonly T[], flawIn: (value: T) => StructureFlaw | null): StructureFlaw | null => {
  for (const value of values) {
    const found = flawIn(value);
    if (found !== null) return found;
  }
  return null;
};

const tooMany = (entries: readonly MetadataEntry[]): StructureFlaw | null => {
  for (const [isUser, most] of [
    [true, MAX_USER_ENTRIES],
    [false, MAX_SYSTEM_ENTRIES],
  ] as const) {
    const items = entries.filter((entry) => entry.isUser === isUser);
    const whose = isUser ? 'of users' : 'of programs';
    if (items.length > most) return flaw('metadata-table', `at most ${most} items ${whose}`, String(items.length));
    const total = items.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    if (total > MAX_ITEMS_BYTES) {
      return flaw('metadata-table', `items ${whose} of at most 40 MiB together`, `${total} bytes`);
    }
  }
  return null;
};

const misplaced = (entry: MetadataEntry, regionLengthBytes: number): StructureFlaw | null => {
  const { itemId, offsetBytes: offset, lengthBytes: length } = entry;
  if (itemId === NIL_GUID) return flaw('metadata-table', 'items with an id', 'an entry whose id is zero');
  if (length > MAX_ITEM_BYTES) {
    return flaw('metadata-table', `at most 1 MiB for item ${itemId}`, `${length} bytes`);
  }
  if (length === 0) {
    return offset === 0
      ? null
      : flaw('metadata-table', `offset 0 for the empty item ${itemId}`, `offset ${hex(offset, 1)}`);
  }
  if (offset < METADATA_TABLE_BYTES || offset + length > regionLengthBytes) {
    const expected = `item ${itemId} behind the table and inside the region of ${regionLengthBytes} bytes`;
    return flaw('metadata-table', expected, `${hex(offset, 1)} to ${hex(offset + length, 1)}`);
  }
  return null;
};

const twice = (entries: readonly MetadataEntry[]): StructureFlaw | null => {
  const seen = new Set<string>();
  return first(entries, ({ itemId, isUser }) => {
    const key = `${isUser ? 'user' : 'system'} ${itemId}`;
    if (seen.has(key)) return flaw('metadata-table', 'each item once', `item ${itemId} twice`);
    seen.add(key);
    return null;
  });
};

const overlapping = (entries: readonly MetadataEntry[]): StructureFlaw | null => {
  const sorted = entries
    .filter(({ lengthBytes }) => lengthBytes > 0)
    .sort((one, other) => one.offsetBytes - other.offsetBytes);
  const n = sorted.findIndex((entry, at) => at > 0 && entry.offsetBytes < endOf(sorted[at - 1]!));
  if (n < 0) return null;
  const [before, hit] = [sorted[n - 1]!, sorted[n]!];
  const found = `${hit.itemId} at ${hex(hit.offsetBytes, 1)}, before ${before.itemId} ends at ${hex(endOf(before), 1)}`;
  return flaw('metadata-table', 'items off one another', found);
};

const endOf = ({ offsetBytes, lengthBytes }: MetadataEntry): number => offsetBytes + lengthBytes;

/** Items whose meaning we cannot keep. No item of a user is known, so none may be required; Microsoft's reader refuses that too. */
const notOurs = (entry: MetadataEntry): StructureFlaw | null => {
  if (entry.itemId === INCOMPLETE_FILE_ITEM && !entry.isUser) {
    return flaw('incomplete-file', 'a file whose creation was finished', 'the mark of an unfinished one');
  }
  if (!entry.isRequired || isKnownItem(entry)) return null;
  if (entry.itemId === CHS_PARAMETERS_ITEM && !entry.isUser) return null;
  const what = entry.isUser ? 'user item' : 'item';
  return flaw(
    'unknown-required-metadata',
    'only items that this program knows, or may leave alone',
    `${what} ${entry.itemId}, which is required`,
  );
};

const malformed = (entries: readonly MetadataEntry[], itemId: string, format: ItemFormat): StructureFlaw | null => {
  const entry = entries.find((candidate) => candidate.itemId === itemId && !candidate.isUser);
  const { name, lengthBytes: length, isVirtualDisk } = format;
  if (entry === undefined)
    return length === null ? null : flaw('metadata-missing', `an item ${name}, ${itemId}`, 'none');
  if (length !== null && entry.lengthBytes !== length) {
    return flaw('metadata-missing', `${length} bytes of ${name}`, `${entry.lengthBytes} bytes`);
  }
  // A merge moves all items of the virtual disk: with a wrong bit it would give the parent the child's block size, or keep its size.
  if (entry.isVirtualDisk !== isVirtualDisk) {
    const [expected, found] = isVirtualDisk ? ['set', 'clear'] : ['clear', 'set'];
    return flaw('metadata-table', `the IsVirtualDisk bit of ${name} ${expected}`, `it is ${found}`);
  }
  return null;
};

/** Does the file have a parent locator if, and only if, its parameters say that it has a parent? [MS-VHDX] 2.6.2.6 */
export const parentLocatorFlaw = (entries: readonly MetadataEntry[], hasParent: boolean): StructureFlaw | null => {
  const hasLocator = entries.some((entry) => entry.itemId === ITEM.parentLocator && !entry.isUser);
  if (hasLocator === hasParent) return null;
  return hasParent
    ? flaw('metadata-missing', `a parent locator, ${ITEM.parentLocator}, in a differencing disk`, 'none')
    : flaw('parent-locator', 'no parent locator in a disk without a parent', 'a parent locator');
};

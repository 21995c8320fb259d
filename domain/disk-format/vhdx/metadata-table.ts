/**
 * VHDX metadata table: the first 64 KiB of the metadata region, little-endian, unsorted. It says which items the region has and
 * where they lie. It has no checksum and no second copy: it changes through the log only. [MS-VHDX] 2.6.1
 *
 * Guarantees:
 * - Items of a decoded table lie inside the region, behind the table, off one another, and are at most 1 MiB long.
 * - The items that every VHDX must have are there, with the lengths that their formats have.
 * - Encoding the entries of a table keeps those of unknown items, in their order. What lies behind the last one means nothing and
 *   is dropped: Windows leaves a second copy of the last entry there.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { err, ok, type Result } from '../../result.js';
import { flawOf, hex } from '../flaw.js';
import { ascii, at, type Decoded, guid, repeated, struct, u16le, u32le } from '../layout.js';
import { metadataTableFlaw } from './metadata-check.js';
import { MAX_METADATA_ENTRIES, METADATA_TABLE_BYTES, type MetadataEntry } from './metadata-items.js';

export { metadataTableFlaw, parentLocatorFlaw } from './metadata-check.js';
export { isKnownItem, ITEM, METADATA_TABLE_BYTES, type MetadataEntry } from './metadata-items.js';

const SIGNATURE = 'metadata';

const IS_USER = 1;
const IS_VIRTUAL_DISK = 2;
const IS_REQUIRED = 4;

const tableHeaderLayout = struct('VHDX metadata table header', 32, {
  signature: at(0, ascii(8)), // "metadata"
  reserved: at(8, u16le),
  entryCount: at(10, u16le), // at most 2047
  reserved2: at(12, repeated(5, u32le)),
});

const entryLayout = struct('VHDX metadata table entry', 32, {
  itemId: at(0, guid), // which item; unique among the user's, and among the others
  offset: at(16, u32le), // bytes from the start of the region, at least 64 KiB; 0 when the length is 0
  length: at(20, u32le), // bytes, at most 1 MiB
  flags: at(24, u32le), // bit 0 IsUser, bit 1 IsVirtualDisk, bit 2 IsRequired
  reserved2: at(28, u32le),
});

const flaw = flawOf('VHDX metadata table');

/** The entries of the table in these 64 KiB, or the first reason not to trust them. */
export const decodeMetadataTable = (
  bytes: Uint8Array,
  regionLengthBytes: number,
): Result<readonly MetadataEntry[], StructureFlaw> => {
  if (bytes.length !== METADATA_TABLE_BYTES) {
    throw new RangeError(`Bug: a VHDX metadata table takes ${METADATA_TABLE_BYTES} bytes, not ${bytes.length}`);
  }
  const header = tableHeaderLayout.decode(bytes.subarray(0, tableHeaderLayout.sizeBytes));
  if (header.signature !== SIGNATURE) {
    return err(flaw('metadata-table', `"${SIGNATURE}"`, JSON.stringify(header.signature)));
  }
  if (header.entryCount > MAX_METADATA_ENTRIES) {
    return err(flaw('metadata-table', `at most ${MAX_METADATA_ENTRIES} entries`, String(header.entryCount)));
  }
  if (header.reserved !== 0 || header.reserved2.some((word) => word !== 0)) {
    return err(flaw('metadata-table', 'reserved fields of 0 in its header', 'another value'));
  }
  const entries: MetadataEntry[] = [];
  for (let n = 0; n < header.entryCount; n += 1) {
    const raw = entryLayout.decode(bytes.subarray(offsetOf(n), offsetOf(n + 1)));
    if (raw.flags > (IS_USER | IS_VIRTUAL_DISK | IS_REQUIRED) || raw.reserved2 !== 0) {
      const found = `flags ${hex(raw.flags)}, reserved ${hex(raw.reserved2)}`;
      return err(flaw('metadata-table', `no reserved bits in the entry of item ${raw.itemId}`, found));
    }
    entries.push(entryOf(raw));
  }
  const refusal = metadataTableFlaw(entries, regionLengthBytes);
  return refusal === null ? ok(entries) : err(refusal);
};

const offsetOf = (entry: number): number => tableHeaderLayout.sizeBytes + entry * entryLayout.sizeBytes;

const entryOf = (raw: Decoded<typeof entryLayout>): MetadataEntry => ({
  itemId: raw.itemId,
  offsetBytes: raw.offset,
  lengthBytes: raw.length,
  isUser: (raw.flags & IS_USER) !== 0,
  isVirtualDisk: (raw.flags & IS_VIRTUAL_DISK) !== 0,
  isRequired: (raw.flags & IS_REQUIRED) !== 0,
});

/** The 64 KiB of a table with these entries, at most 2047. Whether a file may have them, `metadataTableFlaw` says. */
export const encodeMetadataTable = (entries: readonly MetadataEntry[]): Uint8Array => {
  if (entries.length > MAX_METADATA_ENTRIES) {
    throw new RangeError(`Bug: ${entries.length} metadata entries do not fit into a table of ${MAX_METADATA_ENTRIES}`);
  }
  const encoded = new Uint8Array(METADATA_TABLE_BYTES);
  const header = { signature: SIGNATURE, reserved: 0, entryCount: entries.length, reserved2: [0, 0, 0, 0, 0] };
  encoded.set(tableHeaderLayout.encode(header));
  entries.forEach((entry, n) => {
    const flags =
      (entry.isUser ? IS_USER : 0) | (entry.isVirtualDisk ? IS_VIRTUAL_DISK : 0) | (entry.isRequired ? IS_REQUIRED : 0);
    const raw = { itemId: entry.itemId, offset: entry.offsetBytes, length: entry.lengthBytes, flags, reserved2: 0 };
    encoded.set(entryLayout.encode(raw), offsetOf(n));
  });
  return encoded;
};

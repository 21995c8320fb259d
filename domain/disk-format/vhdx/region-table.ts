/**
 * VHDX region table: 64 KiB, little-endian, at byte 192 KiB and again at 256 KiB. It says where BAT, metadata and regions of other
 * programs lie. [MS-VHDX] 2.2.3
 *
 * Guarantees:
 * - The first copy whose signature and checksum are right speaks for the file: when its entries are unusable the file is refused,
 *   and the other copy is not asked.
 * - Regions of a chosen table lie inside the file, off its first MiB, off the log and off one another.
 * - Encoding the entries of a table keeps those of unknown regions, in their order.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { KIB, MIB, safeInteger } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import type { Extent } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { ascii, at, type Decoded, guid, struct, u32le, u64le } from '../layout.js';
import { LIMIT } from '../limits.js';
import { crc32c } from './crc32c.js';

export const REGION_TABLE_BYTES = 64 * KIB;
/** Region table 1 and 2, in bytes from the start of the file. */
export const REGION_TABLE_OFFSETS = [192 * KIB, 256 * KIB] as const;
export const BAT_REGION = '2dc27766-f623-4200-9d64-115e9bfd4a08';
export const METADATA_REGION = '8b7ca206-4790-4b9a-b8fe-575f050f886e';
const SIGNATURE = 'regi';
const MAX_ENTRIES = LIMIT.regions;

const tableHeaderLayout = struct('VHDX region table header', 16, {
  signature: at(0, ascii(4)), // "regi"
  checksum: at(4, u32le), // CRC-32C of all 64 KiB, this field taken as 0
  entryCount: at(8, u32le), // at most 2047
  reserved: at(12, u32le),
});

const entryLayout = struct('VHDX region table entry', 32, {
  guid: at(0, guid), // which region; unique in the table
  fileOffset: at(16, u64le), // bytes, a multiple of 1 MiB, at least that
  length: at(24, u32le), // bytes, a multiple of 1 MiB
  required: at(28, u32le), // bit 0: who does not know the region must not open the file
});

export interface RegionEntry {
  /** `BAT_REGION`, `METADATA_REGION`, or another program's. */
  readonly guid: string;
  /** A multiple of 1 MiB, at least that. */
  readonly fileOffsetBytes: number;
  /** A multiple of 1 MiB, at least that. */
  readonly lengthBytes: number;
  /** Windows writes true for the two known ones, QEMU false. */
  readonly required: boolean;
}

export interface RegionTables {
  /** All of the table that was used, in its order. */
  readonly entries: readonly RegionEntry[];
  readonly bat: RegionEntry;
  readonly metadata: RegionEntry;
  /** Copies that are damaged, or whose entries are not those of the one used: to be set right before any other write. */
  readonly damagedCopies: readonly (0 | 1)[];
}

export interface RegionSurroundings {
  readonly fileSizeBytes: number;
  /** Of the current header; null: no log. */
  readonly log: Extent | null;
}

const flaw = flawOf('VHDX region table');

/** The regions of the copies at `REGION_TABLE_OFFSETS`, 64 KiB each. */
export const chooseRegionTable = (
  first: Uint8Array,
  second: Uint8Array,
  surroundings: RegionSurroundings,
): Result<RegionTables, StructureFlaw> => {
  const whole = ([0, 1] as const).filter((copy) => isWhole(copy === 0 ? first : second));
  const used = whole[0];
  if (used === undefined) {
    return err(
      flaw('region-table', `"${SIGNATURE}" and its checksum in one table at least`, 'two damaged region tables'),
    );
  }
  const entries = decodeEntries(used === 0 ? first : second, surroundings);
  if (!entries.ok) return entries;
  const refusal = overlapping(entries.value, surroundings.log);
  if (refusal !== null) return err(refusal);
  const bat = entries.value.find((entry) => entry.guid === BAT_REGION);
  const metadata = entries.value.find((entry) => entry.guid === METADATA_REGION);
  if (bat === undefined) return err(flaw('region-missing', `a BAT region, ${BAT_REGION}`, 'none'));
  if (metadata === undefined) return err(flaw('region-missing', `a metadata region, ${METADATA_REGION}`, 'none'));
  const damagedCopies = ([0, 1] as const).filter(
    (copy) => copy !== used && !(whole.includes(copy) && sameEntries(first, second)),
  );
  return ok({ entries: entries.value, bat, metadata, damagedCopies });
};

const headerOf = (table: Uint8Array): Decoded<typeof tableHeaderLayout> =>
  tableHeaderLayout.decode(table.subarray(0, tableHeaderLayout.sizeBytes));

const isWhole = (table: Uint8Array): boolean => {
  if (table.length !== REGION_TABLE_BYTES) {
    throw new RangeError(`Bug: a VHDX region table takes ${REGION_TABLE_BYTES} bytes, not ${table.length}`);
  }
  const { signature, checksum } = headerOf(table);
  return signature === SIGNATURE && checksum === crc32c(table, tableHeaderLayout.offsets.checksum);
};

/** What follows the entries has no meaning, so that it makes no difference: a repaired copy would never be equal otherwise. */
const sameEntries = (first: Uint8Array, second: Uint8Array): boolean => {
  const end = offsetOf(headerOf(first).entryCount);
  const start = tableHeaderLayout.offsets.entryCount;
  return first.subarray(start, end).every((byte, n) => byte === second[start + n]);
};

const offsetOf = (entry: number): number => tableHeaderLayout.sizeBytes + entry * entryLayout.sizeBytes;

const decodeEntries = (
  table: Uint8Array,
  surroundings: RegionSurroundings,
): Result<readonly RegionEntry[], StructureFlaw> => {
  const { entryCount, reserved } = headerOf(table);
  if (entryCount > MAX_ENTRIES) return err(flaw('region-table', `at most ${MAX_ENTRIES} entries`, String(entryCount)));
  if (reserved !== 0) return err(flaw('region-table', 'a reserved field of 0', hex(reserved)));
  const entries: RegionEntry[] = [];
  const seen = new Set<string>();
  for (let n = 0; n < entryCount; n += 1) {
    const entry = decodeEntry(entryLayout.decode(table.subarray(offsetOf(n), offsetOf(n + 1))), surroundings);
    if (!entry.ok) return entry;
    if (seen.has(entry.value.guid)) return err(flaw('region-table', 'each region once', `${entry.value.guid} twice`));
    seen.add(entry.value.guid);
    entries.push(entry.value);
  }
  return ok(entries);
};

const decodeEntry = (
  raw: Decoded<typeof entryLayout>,
  { fileSizeBytes }: RegionSurroundings,
): Result<RegionEntry, StructureFlaw> => {
  const known = raw.guid === BAT_REGION || raw.guid === METADATA_REGION;
  if (raw.required > 1) {
    return err(flaw('region-table', `Required 0 or 1 for region ${raw.guid}`, hex(raw.required)));
  }
  if (raw.required === 1 && !known) {
    return err(flaw('unknown-required-region', 'only regions that this program knows, or may leave alone', raw.guid));
  }
  if (raw.length === 0 || raw.length % MIB !== 0) {
    return err(flaw('region-table', `a length of whole MiB, not 0, of region ${raw.guid}`, `${raw.length} bytes`));
  }
  const fileOffsetBytes = safeInteger(raw.fileOffset);
  if (fileOffsetBytes === undefined || fileOffsetBytes < MIB || fileOffsetBytes % MIB !== 0) {
    const expected = `an offset of whole MiB, at least 1, of region ${raw.guid}`;
    return err(flaw('region-table', expected, hex(raw.fileOffset, 1)));
  }
  if (fileOffsetBytes + raw.length > fileSizeBytes) {
    const found = `its end at ${hex(fileOffsetBytes + raw.length, 1)}`;
    return err(flaw('region-table', `region ${raw.guid} inside the file of ${fileSizeBytes} bytes`, found));
  }
  return ok({ guid: raw.guid, fileOffsetBytes, lengthBytes: raw.length, required: raw.required === 1 });
};

/** Where a region lies in the file. */
export const regionExtent = (entry: RegionEntry): Extent => ({
  startBytes: entry.fileOffsetBytes,
  endBytes: entry.fileOffsetBytes + entry.lengthBytes,
});

const overlapping = (entries: readonly RegionEntry[], log: Extent | null): StructureFlaw | null => {
  const extents = [
    ...entries.map((entry) => ({ name: `region ${entry.guid}`, ...regionExtent(entry) })),
    ...(log === null ? [] : [{ name: 'the log', ...log }]),
  ].sort((one, other) => one.startBytes - other.startBytes);
  const n = extents.findIndex((extent, at) => at > 0 && extent.startBytes < extents[at - 1]!.endBytes);
  if (n < 0) return null;
  const [before, hit] = [extents[n - 1]!, extents[n]!];
  const found = `${hit.name} at ${hex(hit.startBytes, 1)}, before ${before.name} ends at ${hex(before.endBytes, 1)}`;
  return flaw('region-table', 'regions off one another and off the log', found);
};

/** The 64 KiB of a table with these entries, its checksum calculated. */
export const encodeRegionTable = (entries: readonly RegionEntry[]): Uint8Array => {
  if (entries.length > MAX_ENTRIES) {
    throw new RangeError(`Bug: ${entries.length} regions do not fit into a table of ${MAX_ENTRIES}`);
  }
  const encoded = new Uint8Array(REGION_TABLE_BYTES);
  entries.forEach((entry, n) => {
    const { fileOffsetBytes, lengthBytes: length, required } = entry;
    const raw = { guid: entry.guid, fileOffset: BigInt(fileOffsetBytes), length, required: required ? 1 : 0 };
    encoded.set(entryLayout.encode(raw), offsetOf(n));
  });
  const tableHeader = { signature: SIGNATURE, checksum: 0, entryCount: entries.length, reserved: 0 };
  encoded.set(tableHeaderLayout.encode(tableHeader));
  encoded.set(tableHeaderLayout.encode({ ...tableHeader, checksum: crc32c(encoded) }));
  return encoded;
};

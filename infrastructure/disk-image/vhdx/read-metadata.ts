/** The metadata region of a VHDX: its table, and the items that say what the virtual disk is. */
import { type DiskParameters, decodeDiskParameters } from '#domain/disk-format/vhdx/disk-parameters';
import {
  decodeMetadataTable,
  ITEM,
  METADATA_TABLE_BYTES,
  type MetadataEntry,
  parentLocatorFlaw,
} from '#domain/disk-format/vhdx/metadata-table';
import { decodeParentLocator, type ParentLocator } from '#domain/disk-format/vhdx/parent-locator';
import type { RegionEntry } from '#domain/disk-format/vhdx/region-table';
import type { StructureFlaw } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { type ByteReader, readExactly } from '../file-faults.js';

export interface Metadata {
  readonly metadata: readonly MetadataEntry[];
  readonly parameters: DiskParameters;
  /** Null when the disk has no parent. */
  readonly locator: ParentLocator | null;
  /** The locator's item as it is in the file. */
  readonly locatorBytes: Uint8Array | null;
}

/** `region` lies inside the file. */
export const readMetadata = async (view: ByteReader, region: RegionEntry): Promise<Result<Metadata, StructureFlaw>> => {
  const table = await readMetadataTable(view, region);
  if (!table.ok) return table;
  const contents = new Map<string, Uint8Array>();
  for (const entry of table.value) {
    if (isSystemItem(entry)) contents.set(entry.itemId, await readItem(view, region, entry));
  }
  const parameters = decodeDiskParameters((itemId) => contents.get(itemId)!);
  if (!parameters.ok) return parameters;
  const flaw = parentLocatorFlaw(table.value, parameters.value.hasParent);
  if (flaw !== null) return err(flaw);
  const locatorBytes = contents.get(ITEM.parentLocator) ?? null;
  const common = { metadata: table.value, parameters: parameters.value };
  if (locatorBytes === null) return ok({ ...common, locator: null, locatorBytes });
  const locator = decodeParentLocator(locatorBytes);
  return locator.ok ? ok({ ...common, locator: locator.value, locatorBytes }) : locator;
};

export const readMetadataTable = async (
  view: ByteReader,
  region: RegionEntry,
): Promise<Result<readonly MetadataEntry[], StructureFlaw>> => {
  const encoded = new Uint8Array(METADATA_TABLE_BYTES);
  await readExactly(view, encoded, region.fileOffsetBytes);
  return decodeMetadataTable(encoded, region.lengthBytes);
};

/** The bytes of an item that `decodeMetadataTable` accepted: at most 1 MiB, inside the region. */
export const readItem = async (view: ByteReader, region: RegionEntry, entry: MetadataEntry): Promise<Uint8Array> => {
  const content = new Uint8Array(entry.lengthBytes);
  if (content.length > 0) await readExactly(view, content, region.fileOffsetBytes + entry.offsetBytes);
  return content;
};

const SYSTEM_ITEMS: readonly string[] = Object.values(ITEM);

/** One that the specification defines. A user may have given one of his own the same id. */
const isSystemItem = ({ itemId, isUser }: MetadataEntry): boolean => !isUser && SYSTEM_ITEMS.includes(itemId);

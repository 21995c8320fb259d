/**
 * The metadata items of a VHDX: what an entry of its metadata table says about one, and which ones this program knows.
 * [MS-VHDX] 2.6
 */
import { KIB } from '../../quantities.js';
import { LIMIT } from '../limits.js';

/** The table of the items is the first part of their region. */
export const METADATA_TABLE_BYTES = 64 * KIB;
/** What the table has room for. */
export const MAX_METADATA_ENTRIES = LIMIT.metadataEntries;

export interface MetadataEntry {
  /** One of `ITEM`, or another program's. */
  readonly itemId: string;
  /** From the start of the metadata region; at least 64 KiB, or 0 when the item is empty. */
  readonly offsetBytes: number;
  /** At most 1 MiB. */
  readonly lengthBytes: number;
  /** Put there by a user of the format, not by a program that implements it. */
  readonly isUser: boolean;
  /** Belongs to the virtual disk, and goes with it when it is merged into another file. [MS-VHDX] 2.6.1.2 */
  readonly isVirtualDisk: boolean;
  /** Who does not know the item must not open the file. */
  readonly isRequired: boolean;
}

/** The items of the specification. [MS-VHDX] 2.6.2 */
export const ITEM = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualDiskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  virtualDiskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSectorSize: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSectorSize: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
} as const;

/** Microsoft's own, not in the specification: whoever created the file has not finished. */
export const INCOMPLETE_FILE_ITEM = '71cc85f0-1b69-4e28-9558-c3bf83ae75d3';

/**
 * Cylinders, heads and sectors of the disk as old guests see it. Microsoft's own too; nothing to do for us but to keep it, so that
 * it may be required.
 */
export const CHS_PARAMETERS_ITEM = 'da02d7bc-3d3a-423c-ac88-2a36ab21479b';

export interface ItemFormat {
  readonly name: string;
  /** Null: of any length, and not in every file. */
  readonly lengthBytes: number | null;
  readonly isVirtualDisk: boolean;
}

const FORMAT_OF = {
  [ITEM.fileParameters]: { name: 'file parameters', lengthBytes: 8, isVirtualDisk: false },
  [ITEM.virtualDiskSize]: { name: 'virtual disk size', lengthBytes: 8, isVirtualDisk: true },
  [ITEM.virtualDiskId]: { name: 'virtual disk id', lengthBytes: 16, isVirtualDisk: true },
  [ITEM.logicalSectorSize]: { name: 'logical sector size', lengthBytes: 4, isVirtualDisk: true },
  [ITEM.physicalSectorSize]: { name: 'physical sector size', lengthBytes: 4, isVirtualDisk: true },
  [ITEM.parentLocator]: { name: 'parent locator', lengthBytes: null, isVirtualDisk: false },
} as const satisfies Record<(typeof ITEM)[keyof typeof ITEM], ItemFormat>;
/** By id. */
export const ITEM_FORMATS: ReadonlyMap<string, ItemFormat> = new Map(Object.entries(FORMAT_OF));

/** Is this one of `ITEM`? A user's item may bear the same id and is another one. */
export const isKnownItem = (entry: Pick<MetadataEntry, 'itemId' | 'isUser'>): boolean =>
  !entry.isUser && ITEM_FORMATS.has(entry.itemId);

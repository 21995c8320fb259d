/**
 * New VHDXs, laid out as Windows does: log, metadata, BAT, blocks. FORMATS.md B1, B4 Guarantees:
 * - The file has its name only when it is whole and durable.
 * - A child has its parent's virtual disk id and sector sizes, names it by identity and by path, and all its blocks are the parent's.
 * - A fixed disk has a place for every block; no byte of the places is written.
 */
import type { NewImage } from '#application/ports/disk-image';
import type { FileSystem, OpenFile } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import { type BatGeometry, batGeometry, encodeEntries, entryOf, PAYLOAD, what } from '#domain/disk-format/vhdx/bat';
import { encodeFileParameters, encodeGuid, encodeU32, encodeU64 } from '#domain/disk-format/vhdx/disk-parameters';
import { encodeFileIdentifier } from '#domain/disk-format/vhdx/file-identifier';
import { encodeHeader, HEADER_OFFSETS, NIL_GUID, successor, type VhdxHeader } from '#domain/disk-format/vhdx/header';
import {
  encodeMetadataTable,
  ITEM,
  METADATA_TABLE_BYTES,
  type MetadataEntry,
} from '#domain/disk-format/vhdx/metadata-table';
import { encodeParentLocator, newParentLocator } from '#domain/disk-format/vhdx/parent-locator';
import {
  BAT_REGION,
  encodeRegionTable,
  METADATA_REGION,
  REGION_TABLE_OFFSETS,
} from '#domain/disk-format/vhdx/region-table';
import type { MergeError } from '#domain/merge-error';
import { MIB, roundUp } from '#domain/quantities';
import { ok, type Result, err } from '#domain/result';
import { createWhole } from '../whole-file.js';
import { storedPaths } from './child-locator.js';
import { newDiskRefusal, parentOf, type ParentOfNewDisk } from './new-disk.js';
import { ENTRY_BYTES } from './paged-bat.js';

const CREATOR = 'chainfold';
const LOG = { offsetBytes: MIB, lengthBytes: MIB } as const;
const METADATA = { offsetBytes: 2 * MIB, lengthBytes: MIB } as const;
const BAT_OFFSET = 3 * MIB;
/** As Windows has it: what disks have today, whatever sectors the guest sees. */
const PHYSICAL_SECTOR_BYTES = 4096;
/** What of a BAT is in memory at once. */
const SLICE_ENTRIES = 32_768;

/** Creates the file at `path`, whose folder is canonical. `newGuid` gives a random GUID each time. */
export const createVhdx = async (
  files: FileSystem,
  path: string,
  folder: string,
  spec: NewImage,
  hostStyle: HostStyle,
  newGuid: () => string,
): Promise<Result<'created', MergeError>> => {
  const refusal = newDiskRefusal(path, spec);
  if (refusal !== null) return err(refusal);
  const items = await itemsOf(files, path, spec, hostStyle, newGuid);
  if (!items.ok) return items;
  const unfinishedPath = `${path}.${spec.uniqueId}.new`;
  return createWhole(files, { path, folder, unfinishedPath }, (file) => writeImage(file, spec, items.value, newGuid()));
};

type NewItem = readonly [itemId: string, isVirtualDisk: boolean, content: Uint8Array];

/** The metadata items in Windows' order. */
const itemsOf = async (
  files: FileSystem,
  path: string,
  spec: NewImage,
  hostStyle: HostStyle,
  newGuid: () => string,
): Promise<Result<readonly NewItem[], MergeError>> => {
  const { type, blockSizeBytes, virtualSizeBytes, logicalSectorSize } = spec;
  const parameters = { blockSizeBytes, leaveBlockAllocated: type === 'fixed', hasParent: type === 'differencing' };
  const diskItems = (physicalSectorSize: number, virtualDiskId: string): readonly NewItem[] => [
    [ITEM.fileParameters, false, encodeFileParameters(parameters)],
    [ITEM.virtualDiskSize, true, encodeU64(virtualSizeBytes)],
    [ITEM.logicalSectorSize, true, encodeU32(logicalSectorSize)],
    [ITEM.physicalSectorSize, true, encodeU32(physicalSectorSize)],
    [ITEM.virtualDiskId, true, encodeGuid(virtualDiskId)],
  ];
  if (spec.parent === null) return ok(diskItems(PHYSICAL_SECTOR_BYTES, newGuid()));
  const parent = await parentOf(files, spec.parent, hostStyle);
  if (!parent.ok) return parent;
  const locator = locatorTo(path, parent.value, hostStyle);
  if (!locator.ok) return locator;
  const { physicalSectorSize, virtualDiskId } = parent.value;
  return ok([...diskItems(physicalSectorSize, virtualDiskId), [ITEM.parentLocator, false, locator.value]]);
};

const locatorTo = (path: string, parent: ParentOfNewDisk, hostStyle: HostStyle): Result<Uint8Array, MergeError> => {
  const paths = storedPaths(path, parent.path, hostStyle);
  return paths.ok ? ok(encodeParentLocator(newParentLocator({ identity: parent.identity, ...paths.value }))) : paths;
};

const writeImage = async (
  file: OpenFile,
  spec: NewImage,
  items: readonly NewItem[],
  fileWriteGuid: string,
): Promise<void> => {
  const geometry = batGeometry({ ...spec, hasParent: spec.type === 'differencing' });
  const batBytes = roundUp(geometry.entryCount * ENTRY_BYTES, MIB);
  const blocksOffset = BAT_OFFSET + batBytes;
  const isFixed = spec.type === 'fixed';
  await file.truncate(blocksOffset + (isFixed ? geometry.payloadBlocks * geometry.blockSizeBytes : 0));
  await file.write(encodeFileIdentifier(CREATOR), 0);
  await writeHeaders(file, spec.uniqueId, fileWriteGuid);
  const regions = encodeRegionTable([
    region(BAT_REGION, BAT_OFFSET, batBytes),
    region(METADATA_REGION, METADATA.offsetBytes, METADATA.lengthBytes),
  ]);
  for (const offset of REGION_TABLE_OFFSETS) await file.write(regions, offset);
  await writeMetadata(file, items);
  if (isFixed) await writeFixedBat(file, geometry, blocksOffset);
};

const region = (guid: string, fileOffsetBytes: number, lengthBytes: number) =>
  ({ guid, fileOffsetBytes, lengthBytes, required: true }) as const;

const writeHeaders = async (file: OpenFile, dataWriteGuid: string, fileWriteGuid: string): Promise<void> => {
  const first: VhdxHeader = {
    sequenceNumber: 1n,
    fileWriteGuid,
    dataWriteGuid,
    logGuid: NIL_GUID,
    logVersion: 0,
    version: 1,
    logLengthBytes: LOG.lengthBytes,
    logOffsetBytes: LOG.offsetBytes,
  };
  await file.write(encodeHeader(first), HEADER_OFFSETS[0]);
  await file.write(encodeHeader(successor(first, {})), HEADER_OFFSETS[1]);
};

const writeMetadata = async (file: OpenFile, items: readonly NewItem[]): Promise<void> => {
  const entries: MetadataEntry[] = [];
  let offsetBytes = METADATA_TABLE_BYTES;
  for (const [itemId, isVirtualDisk, content] of items) {
    entries.push({
      itemId,
      offsetBytes,
      lengthBytes: content.length,
      isUser: false,
      isVirtualDisk,
      isRequired: true,
    });
    await file.write(content, METADATA.offsetBytes + offsetBytes);
    offsetBytes += content.length;
  }
  await file.write(encodeMetadataTable(entries), METADATA.offsetBytes);
};

/** Every block in its place, one after the other. The table of the largest disk has 512 MiB, so that it goes out in slices. */
const writeFixedBat = async (file: OpenFile, geometry: BatGeometry, blocksOffset: number): Promise<void> => {
  for (let first = 0; first < geometry.entryCount; first += SLICE_ENTRIES) {
    const entries = Float64Array.from({ length: Math.min(SLICE_ENTRIES, geometry.entryCount - first) }, (_, n) => {
      const owner = what(geometry, first + n);
      if (owner.kind === 'bitmap') return 0;
      return entryOf(PAYLOAD.fullyPresent, blocksOffset + owner.block * geometry.blockSizeBytes);
    });
    await file.write(encodeEntries(entries), BAT_OFFSET + first * ENTRY_BYTES);
  }
};

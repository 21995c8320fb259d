/**
 * A larger virtual disk. FORMATS.md C3. Guarantees:
 * - Until the new size is durable the disk is the old one: what is written before it lies in places that nothing names, or in
 *   entries past the disk's last block.
 * - What comes into view reads zero, whatever a parent has there: new blocks are ZERO, those of a fixed disk have space that is zeros.
 * - Interrupted anywhere it can be done again.
 *
 * Entries that the BAT region has room for go through the log, as every change of a region does: it seldom has room for more than
 * a few log entries carry. A table in a new place is written straight there, because nothing names that place yet and it may have
 * 512 MiB; the log carries the switch to it.
 */
import { type BatGeometry, batGeometry, entryOf, PAYLOAD, what } from '#domain/disk-format/vhdx/bat';
import { encodeU64, MAX_DISK_BYTES } from '#domain/disk-format/vhdx/disk-parameters';
import { ITEM } from '#domain/disk-format/vhdx/metadata-table';
import {
  BAT_REGION,
  encodeRegionTable,
  REGION_TABLE_OFFSETS,
  type RegionTables,
} from '#domain/disk-format/vhdx/region-table';
import { MIB, roundUp } from '#domain/quantities';
import { endOfPayloadEntries, isLastBitmap, rewriteEntries, type WantedEntry, writeTable } from './bat-rewriting.js';
import { isFixed } from './block-actions.js';
import type { Place } from './block-space.js';
import { putDiskItems } from './disk-items.js';
import type { OpenVhdx } from './open-vhdx.js';
import { ENTRY_BYTES } from './paged-bat.js';
import { reshaped } from './reshaped.js';
import { growFile, type Writing } from './vhdx-windows.js';
import { zeroBytes } from './write-zeros.js';

/** What it takes from the file: a place for a longer table, and space for all new blocks of a fixed disk; 0 where it needs none. */
export interface GrowthNeeds {
  readonly geometry: BatGeometry;
  readonly tableBytes: number;
  readonly payloadBytes: number;
}

export const growthNeeds = (
  { parameters, geometry: old, regions }: Pick<OpenVhdx, 'parameters' | 'geometry' | 'regions'>,
  virtualSizeBytes: number,
): GrowthNeeds => {
  const geometry = batGeometry({ ...parameters, virtualSizeBytes });
  const tableBytes = roundUp(geometry.entryCount * ENTRY_BYTES, MIB);
  const newBlocks = geometry.payloadBlocks - old.payloadBlocks;
  return {
    geometry,
    tableBytes: tableBytes <= regions.bat.lengthBytes ? 0 : tableBytes,
    payloadBytes: isFixed(parameters) ? newBlocks * geometry.blockSizeBytes : 0,
  };
};

/**
 * The grown disk. Between the old end and the end of the old last block it reads zero already, durably; nothing else is written
 * meanwhile.
 */
export const grown = async (writing: Writing, vhdx: OpenVhdx, virtualSizeBytes: number): Promise<OpenVhdx> => {
  const { file, buffers, session, space } = writing;
  if (virtualSizeBytes > MAX_DISK_BYTES || virtualSizeBytes % vhdx.parameters.logicalSectorSize !== 0) {
    throw new RangeError(`Bug: no VHDX is ${virtualSizeBytes} bytes large`);
  }
  const { geometry, tableBytes, payloadBytes } = growthNeeds(vhdx, virtualSizeBytes);
  const table = tableBytes === 0 ? null : space.take(tableBytes, 'a longer block allocation table');
  const payload = payloadBytes === 0 ? null : space.take(payloadBytes, 'the new blocks of a fixed disk');
  await growFile(writing);
  if (payload !== null) {
    await zeroBytes(file, buffers, payload.offsetBytes, payload.offsetBytes + payload.staleBytes);
    await file.flush();
  }

  const wanted = newEntries(vhdx.geometry, geometry, payload);
  let moved = vhdx;
  if (table !== null) moved = await withTableIn(writing, vhdx, { table, entryCount: geometry.entryCount, wanted });
  else {
    const range = { from: endOfPayloadEntries(vhdx.geometry), to: geometry.entryCount };
    await rewriteEntries(vhdx, session, range, wanted);
  }

  const size = { itemId: ITEM.virtualDiskSize, isUser: false, isRequired: true, content: encodeU64(virtualSizeBytes) };
  const metadata = await putDiskItems(moved, session, { remove: [], put: [size] });
  return reshaped(moved, { metadata, parameters: { ...vhdx.parameters, virtualSizeBytes } });
};

/** `payload`: the space of the new blocks, in their order; null when they have none. */
const newEntries = (old: BatGeometry, geometry: BatGeometry, payload: Place | null): WantedEntry => {
  const from = endOfPayloadEntries(old);
  return (index) => {
    if (index < from || isLastBitmap(old, index)) return null;
    const owner = what(geometry, index);
    if (owner.kind === 'bitmap' || owner.block >= geometry.payloadBlocks) return 0;
    if (payload === null) return entryOf(PAYLOAD.zero, 0);
    const offset = payload.offsetBytes + (owner.block - old.payloadBlocks) * geometry.blockSizeBytes;
    return entryOf(PAYLOAD.fullyPresent, offset);
  };
};

interface NewTable {
  readonly table: Place;
  readonly entryCount: number;
  readonly wanted: WantedEntry;
}

/** The disk with its BAT in a new place, where the entries are as wanted; the old place is free. */
const withTableIn = async (
  { file, buffers, session, space }: Writing,
  vhdx: OpenVhdx,
  { table, entryCount, wanted }: NewTable,
): Promise<OpenVhdx> => {
  const { offsetBytes, lengthBytes, staleBytes } = table;
  await writeTable(vhdx, file, { offsetBytes, entryCount }, wanted);
  await zeroBytes(file, buffers, offsetBytes + entryCount * ENTRY_BYTES, offsetBytes + staleBytes);
  await file.flush();

  const { regions } = vhdx;
  const bat = { ...regions.bat, fileOffsetBytes: offsetBytes, lengthBytes };
  const entries = regions.entries.map((entry) => (entry.guid === BAT_REGION ? bat : entry));
  const bytes = encodeRegionTable(entries);
  const patches = REGION_TABLE_OFFSETS.map((offset) => ({ offsetBytes: offset, bytes }));
  await session.commit([{ zeros: [], patches }]);
  const { fileOffsetBytes: oldOffset, lengthBytes: oldLength } = regions.bat;
  space.giveBack([{ offsetBytes: oldOffset, lengthBytes: oldLength, staleBytes: oldLength }]);
  const switched: RegionTables = { ...regions, entries, bat, damagedCopies: [] };
  return reshaped(vhdx, { regions: switched });
};

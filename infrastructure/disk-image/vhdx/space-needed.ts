/** What a merge will take of a VHDX destination's file: by how much it grows, and where it is written in place. Upper bounds. */
import type { BlockToWrite } from '#application/ports/disk-image';
import type { Extent } from '#domain/disk-format/extent';
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
import { HEADER_BYTES, HEADER_OFFSETS, logExtent } from '#domain/disk-format/vhdx/header';
import { REGION_TABLE_BYTES, REGION_TABLE_OFFSETS, regionExtent } from '#domain/disk-format/vhdx/region-table';
import { BITMAP_BLOCK_BYTES } from '#domain/disk-format/vhdx/sector-bitmap';
import { MIB, roundUp } from '#domain/quantities';
import { endOf, type SectorRun } from '#domain/sector-run';
import { actionOn, isFixed, isPresent, stateWithDataArea } from './block-actions.js';
import { type BlockPlan, planOf } from './block-plan.js';
import { growthNeeds } from './growing.js';
import type { OpenVhdx } from './open-vhdx.js';
import { ENTRY_BYTES } from './paged-bat.js';
import { needsPlace } from './window-placing.js';

export interface BlockWrites {
  readonly data: readonly Extent[];
  readonly structures: readonly Extent[];
}

/** A block as it is found, and what its merge will do to it. Past the end of the disk it is one that growing has made. */
export const plannedFor = async (
  { bat, geometry, parameters }: OpenVhdx,
  blockSectors: number,
  toWrite: BlockToWrite,
): Promise<{ readonly plan: BlockPlan; readonly entry: number; readonly writesData: boolean }> => {
  const willBeGrown = toWrite.block >= geometry.payloadBlocks;
  const diskSectors = parameters.virtualSizeBytes / parameters.logicalSectorSize;
  const plan = planOf(toWrite, blockSectors, Math.max(diskSectors, endOf(toWrite.runs.at(-1)!)));
  const entry = willBeGrown ? entryOf(PAYLOAD.zero, 0) : await bat.payload(plan.block);
  return { plan, entry, writesData: actionOn(parameters, stateOf(entry), plan.covered) === 'data-area' };
};

/** Asked before the disk grows as well: what is past its end will read zero, and in a fixed disk have its place by then. */
export const needsNewPlace = async (vhdx: OpenVhdx, blockSectors: number, toWrite: BlockToWrite): Promise<boolean> => {
  if (toWrite.block >= vhdx.geometry.payloadBlocks && isFixed(vhdx.parameters)) return false;
  const { entry, writesData } = await plannedFor(vhdx, blockSectors, toWrite);
  return writesData && needsPlace(entry);
};

/** Where the file will end at most. `endOfStructuresBytes`: behind everything that is in use now. */
export const fileEndAfter = (
  vhdx: OpenVhdx,
  endOfStructuresBytes: number,
  { newBlocks, virtualSizeBytes }: { readonly newBlocks: number; readonly virtualSizeBytes: number },
): number => {
  const { geometry, tableBytes, payloadBytes } = growthNeeds(vhdx, virtualSizeBytes);
  const missingBitmaps = geometry.hasParent ? Math.max(0, geometry.bitmapBlocks - vhdx.summary.bitmapBlocks) : 0;
  const bitmaps = Math.min(newBlocks, missingBitmaps);
  const end =
    roundUp(endOfStructuresBytes, MIB) +
    newBlocks * geometry.blockSizeBytes +
    bitmaps * BITMAP_BLOCK_BYTES +
    tableBytes +
    payloadBytes +
    zeroedBehindTheEnd(vhdx, virtualSizeBytes);
  return Math.max(vhdx.fileSizeBytes, end);
};

/** Before the disk grows, the rest of its last block is made to read zero: over a parent, that takes a place and a bitmap. */
const zeroedBehindTheEnd = ({ parameters, geometry }: OpenVhdx, virtualSizeBytes: number): number => {
  const { hasParent, leaveBlockAllocated, virtualSizeBytes: before } = parameters;
  if (virtualSizeBytes <= before || before % geometry.blockSizeBytes === 0) return 0;
  return hasParent || leaveBlockAllocated ? geometry.blockSizeBytes + BITMAP_BLOCK_BYTES : 0;
};

/** Headers, region tables, log and metadata. */
export const sharedStructures = ({ headers, regions }: OpenVhdx): readonly Extent[] => [
  ...HEADER_OFFSETS.map((at) => ({ startBytes: at, endBytes: at + HEADER_BYTES })),
  ...REGION_TABLE_OFFSETS.map((at) => ({ startBytes: at, endBytes: at + REGION_TABLE_BYTES })),
  ...[logExtent(headers.header), regionExtent(regions.metadata)].filter((extent) => extent !== null),
];

export const writesInPlace = async (
  vhdx: OpenVhdx,
  blockSectors: number,
  toWrite: BlockToWrite,
): Promise<BlockWrites> => {
  const { bat, geometry, parameters } = vhdx;
  if (toWrite.block >= geometry.payloadBlocks) return { data: [], structures: [] };
  const { plan, entry, writesData } = await plannedFor(vhdx, blockSectors, toWrite);
  const structures = [tableEntry(vhdx, payloadIndex(geometry, plan.block))];
  if (!writesData) return { data: [], structures };
  const state = stateOf(entry);
  if (stateWithDataArea(parameters, state, plan.covered) === PAYLOAD.partiallyPresent) {
    const chunk = chunkOf(geometry, plan.block);
    structures.push(tableEntry(vhdx, bitmapIndex(geometry, chunk)));
    const bitmap = await bat.bitmap(chunk);
    if (stateOf(bitmap) !== BITMAP.notPresent) structures.push(bitsOf(vhdx, plan.block, offsetOf(bitmap)));
  }
  if (needsPlace(entry)) return { data: [], structures };
  const written = isPresent(state) ? [...plan.data, ...plan.zeros] : [{ start: 0, count: blockSectors }];
  const at = (run: SectorRun): Extent => ({
    startBytes: offsetOf(entry) + run.start * geometry.logicalSectorSize,
    endBytes: offsetOf(entry) + endOf(run) * geometry.logicalSectorSize,
  });
  return { data: written.toSorted((one, other) => one.start - other.start).map(at), structures };
};

const tableEntry = ({ regions }: OpenVhdx, index: number): Extent => {
  const startBytes = regions.bat.fileOffsetBytes + index * ENTRY_BYTES;
  return { startBytes, endBytes: startBytes + ENTRY_BYTES };
};

const bitsOf = ({ bitmaps, geometry }: OpenVhdx, block: number, bitmapOffsetBytes: number): Extent => {
  const startBytes = bitmapOffsetBytes + bitmaps.offsetInBitmap(block);
  return { startBytes, endBytes: startBytes + geometry.blockSizeBytes / geometry.logicalSectorSize / 8 };
};

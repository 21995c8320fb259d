import type { Extent } from '#domain/disk-format/extent';
import type { BatGeometry } from '#domain/disk-format/vhdx/bat';
import { batRegionFlaw, type BatSummary, VhdxBatCheck } from '#domain/disk-format/vhdx/bat-check';
import { FIRST_MIB } from '#domain/disk-format/vhdx/header';
import { regionExtent, type RegionTables } from '#domain/disk-format/vhdx/region-table';
import type { StructureFlaw } from '#domain/merge-error';
import { err, type Result } from '#domain/result';
import type { PagedBat } from './paged-bat.js';

export interface BatSurroundings {
  readonly geometry: BatGeometry;
  readonly regions: RegionTables;
  readonly log: Extent | null;
  readonly fileSizeBytes: number;
}

/** Streams the whole table through the check of its entries, or refuses a region that does not hold it. */
export const checkBat = async (
  bat: PagedBat,
  { geometry, regions, log, fileSizeBytes }: BatSurroundings,
): Promise<Result<BatSummary, StructureFlaw>> => {
  const tooSmall = batRegionFlaw(geometry, regions.bat.lengthBytes);
  if (tooSmall !== null) return err(tooSmall);
  const occupied = [FIRST_MIB, ...(log === null ? [] : [log]), ...regions.entries.map(regionExtent)];
  const check = new VhdxBatCheck({ geometry, occupied, fileSizeBytes });
  for await (const { firstIndex, entries } of bat.slices()) {
    const flaw = check.take(firstIndex, entries);
    if (flaw !== null) return err(flaw);
  }
  return check.summary();
};

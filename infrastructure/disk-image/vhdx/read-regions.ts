import {
  chooseRegionTable,
  REGION_TABLE_BYTES,
  REGION_TABLE_OFFSETS,
  type RegionSurroundings,
  type RegionTables,
} from '#domain/disk-format/vhdx/region-table';
import type { StructureFlaw } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { type ByteReader, readExactly } from '../file-faults.js';

/** The regions of a file of at least 1 MiB. */
export const readRegions = async (
  view: ByteReader,
  surroundings: RegionSurroundings,
): Promise<Result<RegionTables, StructureFlaw>> => {
  const [first, second] = REGION_TABLE_OFFSETS;
  return chooseRegionTable(await tableAt(view, first), await tableAt(view, second), surroundings);
};

const tableAt = async (view: ByteReader, position: number): Promise<Uint8Array> => {
  const table = new Uint8Array(REGION_TABLE_BYTES);
  await readExactly(view, table, position);
  return table;
};

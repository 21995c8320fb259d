/** Everything of a dynamic or differencing VHD that is between its footers: header, BAT, bitmaps, and which bytes are taken. */
import type { OpenFile } from '#application/ports/file-system';
import type { Extent } from '#domain/disk-format/extent';
import { flawOf } from '#domain/disk-format/flaw';
import { BatCheck, type BatSummary } from '#domain/disk-format/vhd/bat-check';
import {
  BATMAP_HEADER_BYTES,
  batmapExtents,
  batmapHeaderOffset,
  mayHaveBatmap,
  writerFlaw,
} from '#domain/disk-format/vhd/batmap';
import { bitmapBytes } from '#domain/disk-format/vhd/block-allocation-table';
import { decodeDynamicHeader, DYNAMIC_HEADER_BYTES, type DynamicHeader } from '#domain/disk-format/vhd/dynamic-header';
import { SECTOR_BYTES, type SparseFooter } from '#domain/disk-format/vhd/footer';
import type { FooterChoice } from '#domain/disk-format/vhd/footer-copies';
import { metadataExtents } from '#domain/disk-format/vhd/metadata-extents';
import type { StructureFlaw } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { readAt } from '../file-faults.js';
import { PagedTable } from './paged-table.js';
import { SectorBitmaps } from './sector-bitmaps.js';

export interface BlockStore {
  readonly footer: SparseFooter;
  readonly header: DynamicHeader;
  readonly table: PagedTable;
  readonly bitmaps: SectorBitmaps;
  /** Bytes of the bitmap before each block's data. */
  readonly bitmapBytes: number;
  readonly blockSectors: number;
  /** Blocks that the disk's size needs; the table may have more entries, all unused. */
  readonly blockCount: number;
  /** As the file was when it was opened. */
  readonly allocatedBlocks: number;
  readonly endOfBlocksBytes: number;
  /** All that is taken and no block, in bytes. */
  readonly metadata: readonly Extent[];
  readonly batmap: readonly Extent[];
}

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** The block store of a file whose footer was chosen, or its first flaw; null for a fixed disk. */
export const openBlockStore = async (
  file: OpenFile,
  fileSizeBytes: number,
  { footer, endOfDataBytes }: FooterChoice,
): Promise<Result<BlockStore | null, StructureFlaw>> => {
  if (footer.diskType === 'fixed') return ok(null);
  const writer = writerFlaw(footer);
  if (writer !== null) return err(writer);
  const header = await readHeader(file, footer, fileSizeBytes);
  if (!header.ok) return header;
  const batmap = await readBatmap(file, footer, header.value, fileSizeBytes);
  if (!batmap.ok) return batmap;
  const metadata = metadataExtents({
    footer,
    header: header.value,
    batmap: batmap.value,
    fileSizeBytes,
    endOfDataBytes,
  });
  if (!metadata.ok) return metadata;

  const { blockSizeBytes, tableOffsetBytes, maxTableEntries } = header.value;
  const table = new PagedTable(file, { tableOffsetBytes, entryCount: maxTableEntries });
  const blockCount = Math.ceil(footer.currentSizeBytes / blockSizeBytes);
  const summary = await checkTable(
    table,
    new BatCheck({ blockSizeBytes, blockCount, occupied: metadata.value, endOfDataBytes }),
  );
  if (!summary.ok) return summary;
  return ok({
    footer,
    header: header.value,
    table,
    bitmaps: new SectorBitmaps(file, blockSizeBytes),
    bitmapBytes: bitmapBytes(blockSizeBytes),
    blockSectors: blockSizeBytes / SECTOR_BYTES,
    blockCount,
    ...summary.value,
    metadata: metadata.value,
    batmap: batmap.value,
  });
};

const readHeader = async (
  file: OpenFile,
  footer: SparseFooter,
  fileSizeBytes: number,
): Promise<Result<DynamicHeader, StructureFlaw>> => {
  const encoded = await readAt(file, footer.dataOffsetBytes, DYNAMIC_HEADER_BYTES);
  const header = decodeDynamicHeader(encoded, { currentSizeBytes: footer.currentSizeBytes, fileSizeBytes });
  if (header.ok && footer.diskType === 'differencing' && header.value.parentUniqueId === NIL_UUID) {
    return err(flawOf('VHD dynamic header')('parent-identity-zero', "the parent's unique id", 'zeros'));
  }
  return header;
};

const readBatmap = async (
  file: OpenFile,
  footer: SparseFooter,
  header: DynamicHeader,
  fileSizeBytes: number,
): Promise<Result<readonly Extent[], StructureFlaw>> => {
  if (!mayHaveBatmap(footer)) return ok([]);
  const offset = batmapHeaderOffset(header);
  return batmapExtents(await readAt(file, offset, BATMAP_HEADER_BYTES), offset, fileSizeBytes);
};

const checkTable = async (table: PagedTable, check: BatCheck): Promise<Result<BatSummary, StructureFlaw>> => {
  for (let pass = 0; pass < check.passes; pass += 1) {
    for await (const { firstIndex, entries } of table.slices()) {
      const flaw = check.take(pass, firstIndex, entries);
      if (flaw !== null) return err(flaw);
    }
  }
  return check.summary();
};

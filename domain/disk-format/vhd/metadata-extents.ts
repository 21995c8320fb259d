/**
 * The bytes of a dynamic or differencing VHD that no payload block may touch, and the check that its structures do not lie over
 * one another.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { err, ok, type Result } from '../../result.js';
import { type Extent, overlap } from '../extent.js';
import { flawOf, hex } from '../flaw.js';
import { tableBytes, tablePaddedBytes } from './block-allocation-table.js';
import { DYNAMIC_HEADER_BYTES, type DynamicHeader } from './dynamic-header.js';
import { FOOTER_BYTES, type SparseFooter } from './footer.js';
import { locatorSpace } from './parent-locator.js';

export interface Structures {
  readonly footer: SparseFooter;
  readonly header: DynamicHeader;
  /** Of `batmapExtents`; none for most files. */
  readonly batmap: readonly Extent[];
  readonly fileSizeBytes: number;
  /** Where the tail footer starts, or the end of the file when it has none. */
  readonly endOfDataBytes: number;
}

const flaw = flawOf('BAT');

/**
 * Footer copy, dynamic header, BAT with its padding, the parent locators of a differencing disk, batmap. The BAT must lie off all
 * others and before the tail footer, and the dynamic header off the footers.
 */
export const metadataExtents = (structures: Structures): Result<readonly Extent[], StructureFlaw> => {
  const { footer, header, batmap, fileSizeBytes, endOfDataBytes } = structures;
  const start = header.tableOffsetBytes;
  const headFooter: Extent = { startBytes: 0, endBytes: FOOTER_BYTES };
  const dynamicHeader: Extent = {
    startBytes: footer.dataOffsetBytes,
    endBytes: footer.dataOffsetBytes + DYNAMIC_HEADER_BYTES,
  };
  const table: Extent = { startBytes: start, endBytes: start + tableBytes(header.maxTableEntries) };
  const locators =
    footer.diskType === 'differencing'
      ? header.parentLocatorEntries.flatMap((entry) => locatorSpace(entry, fileSizeBytes) ?? [])
      : [];

  if (dynamicHeader.endBytes > endOfDataBytes) {
    return err(
      flawOf('VHD dynamic header')(
        'header-corrupt',
        `a header before ${hex(endOfDataBytes, 1)}`,
        hex(dynamicHeader.startBytes, 1),
      ),
    );
  }
  if (table.endBytes > endOfDataBytes) {
    return err(flaw('bat-offset', `a table that ends at ${hex(endOfDataBytes, 1)} or before`, hex(table.endBytes, 1)));
  }
  const hit = [dynamicHeader, ...locators, ...batmap].find((other) => overlap(table, other));
  if (hit !== undefined) {
    const found = `table at ${hex(table.startBytes, 1)} to ${hex(table.endBytes, 1)}, another structure at ${hex(hit.startBytes, 1)}`;
    return err(flaw('bat-offset', 'a table off all other structures', found));
  }
  const padded: Extent = { startBytes: start, endBytes: start + tablePaddedBytes(header.maxTableEntries) };
  return ok([headFooter, dynamicHeader, padded, ...locators, ...batmap]);
};

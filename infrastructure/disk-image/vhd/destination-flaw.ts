import { flawOf, hex } from '#domain/disk-format/flaw';
import { tablePaddedBytes, UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import { leadsBehind } from '#domain/disk-format/vhd/parent-locator';
import { decodeFooter, FOOTER_BYTES } from '#domain/disk-format/vhd/footer';
import type { StructureFlaw } from '#domain/merge-error';
import { blocksCalledWhole } from './batmap-validate.js';
import { readAt } from '../file-faults.js';
import type { OpenVhd } from './open-vhd.js';

/** What can be read all the same, but must not be merged into. */
export const destinationFlaw = async ({ file, blocks, choice }: OpenVhd): Promise<StructureFlaw | null> => {
  if (blocks === null) return guestFooterFlaw(file, choice);
  const { tableOffsetBytes, maxTableEntries } = blocks.header;
  const endOfTable = tableOffsetBytes + tablePaddedBytes(maxTableEntries);
  if (endOfTable > choice.endOfDataBytes) {
    // Its last sector, written whole, would take a part of the footer along.
    const expected = `a table that ends, with its padding, at ${hex(choice.endOfDataBytes, 1)} or before`;
    return flawOf('BAT')('bat-offset', expected, hex(endOfTable, 1));
  }
  if (blocks.footer.diskType === 'dynamic') return null;
  const leading = blocks.header.parentLocatorEntries.find((entry) => leadsBehind(entry, choice.endOfDataBytes));
  if (leading !== undefined) {
    const expected = `space before the end of the data at ${hex(choice.endOfDataBytes, 1)}, as the file will grow there`;
    const found = `${leading.dataLength} bytes at ${leading.dataOffset}, and ${leading.dataSpace} set aside for them`;
    return flawOf('VHD parent locator')('parent-locator', expected, found);
  }
  for await (const { block, entry } of blocksCalledWhole(file, blocks)) {
    // A merge would give the block a few sectors, and XenServer would take all of it from here.
    if (entry === UNUSED_ENTRY) {
      return flawOf('VHD batmap')('bitmap-mismatch', 'no bit for a block that is not allocated', `block ${block}`);
    }
  }
  return null;
};

/**
 * The first sector of a fixed disk is its guest's, and may hold a VHD. One with this disk's own id is something else: the disk is
 * dynamic and has lost its tail, and what was taken for its footer is guest data. A merge would then write to wrong places.
 */
const guestFooterFlaw = async (
  file: OpenVhd['file'],
  { footer, warnings }: OpenVhd['choice'],
): Promise<StructureFlaw | null> => {
  if (!warnings.includes('fixed-disk-starts-with-footer')) return null;
  const head = decodeFooter(await readAt(file, 0, FOOTER_BYTES));
  if (!head.ok || head.value.uniqueId !== footer.uniqueId) return null;
  const found = `footers of a ${footer.diskType} disk at the end and of a ${head.value.diskType} disk at the start, with one id`;
  return flawOf('VHD footer')('footer-corrupt', 'one footer of a fixed disk, at the end', found);
};

/**
 * The end of a merge: the destination becomes the disk that the source was. FORMATS.md B4, C3. Guarantees:
 * - The source's items and, among them, its size take the place of the destination's in one step.
 * - Only then entries past the last block are cleared: a program that grows the disk again must not find them.
 * - What is so already is not written. Interrupted anywhere it can be done again.
 */
import type { DiskItem } from '#application/ports/disk-image';
import { endOfPayloadEntries, isLastBitmap, rewriteEntries } from './bat-rewriting.js';
import { changesToTake, parametersWith, putDiskItems } from './disk-items.js';
import type { OpenVhdx } from './open-vhdx.js';
import { ENTRY_BYTES } from './paged-bat.js';
import { reshaped } from './reshaped.js';
import type { VhdxSession } from './vhdx-session.js';

/** The disk with the source's items; `own` are those that it has. The source is not larger. */
export const withItemsOf = async (
  vhdx: OpenVhdx,
  session: Pick<VhdxSession, 'commit'>,
  own: readonly DiskItem[],
  source: readonly DiskItem[],
): Promise<OpenVhdx> => {
  const changes = changesToTake(vhdx.metadata, own, source);
  if (changes === null) return vhdx;
  const parameters = parametersWith(vhdx.parameters, source);
  const { logicalSectorSize, virtualSizeBytes } = vhdx.parameters;
  if (parameters.virtualSizeBytes > virtualSizeBytes || parameters.logicalSectorSize !== logicalSectorSize) {
    throw new RangeError(
      `Bug: a disk of ${virtualSizeBytes} bytes in sectors of ${logicalSectorSize} is to become one of ` +
        `${parameters.virtualSizeBytes} in sectors of ${parameters.logicalSectorSize}`,
    );
  }
  const metadata = await putDiskItems(vhdx, session, changes);
  return reshaped(vhdx, { metadata, parameters });
};

/** Clears all entries past the last block, to the end of the region: how large the disk was when an earlier run was interrupted, nobody knows any more. */
export const clearPadding = async (vhdx: OpenVhdx, session: Pick<VhdxSession, 'commit'>): Promise<void> => {
  const { geometry, regions } = vhdx;
  const range = { from: endOfPayloadEntries(geometry), to: regions.bat.lengthBytes / ENTRY_BYTES };
  await rewriteEntries(vhdx, session, range, (index) => (isLastBitmap(geometry, index) ? null : 0));
};

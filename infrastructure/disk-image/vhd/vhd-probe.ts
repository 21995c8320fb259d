/**
 * Who a file is, and whose child: three or four small reads, for looking through whole folders for siblings.
 *
 * In doubt it says more, not less: a child with a damaged header is still named with the parent id that the header holds, because
 * a merge that does not know of it would ruin it.
 */
import type { ProbedImage } from '#application/ports/disk-image';
import type { OpenFile } from '#application/ports/file-system';
import { DYNAMIC_HEADER_BYTES, dynamicHeaderLayout, HEADER_COOKIE } from '#domain/disk-format/vhd/dynamic-header';
import { chooseFooter } from '#domain/disk-format/vhd/footer-copies';
import { readAt } from '../file-faults.js';
import { startsLikeVhdx } from './open-vhd.js';
import { readFooters } from './read-footers.js';

/** Null for what is no VHD. */
export const probeVhd = async (file: OpenFile, path: string): Promise<ProbedImage | null> => {
  const { sizeBytes } = await file.stat();
  const footers = await readFooters(file, sizeBytes);
  if (startsLikeVhdx(footers)) return null;
  const choice = chooseFooter(footers);
  if (!choice.ok) return null;
  const { footer } = choice.value;
  const parentIdentities =
    footer.diskType === 'differencing' ? await parentIdentitiesAt(file, footer.dataOffsetBytes) : [];
  return { path, identity: footer.uniqueId, parentIdentities };
};

const parentIdentitiesAt = async (file: OpenFile, offsetBytes: number): Promise<readonly string[]> => {
  const encoded = await readAt(file, offsetBytes, DYNAMIC_HEADER_BYTES);
  if (encoded.length < DYNAMIC_HEADER_BYTES) return [];
  const { cookie, parentUniqueId } = dynamicHeaderLayout.decode(encoded);
  return cookie === HEADER_COOKIE ? [parentUniqueId] : [];
};

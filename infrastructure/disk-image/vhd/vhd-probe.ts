/**
 * Who a file is, and whose child: a few small reads, none of them of the BAT, for looking through whole folders for siblings.
 *
 * In doubt it says more, not less: a child with a damaged header is still named with the parent id that the header holds, because
 * a merge that does not know of it would ruin it.
 */
import type { ProbedImage } from '#application/ports/disk-image';
import type { OpenFile } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import {
  DYNAMIC_HEADER_BYTES,
  type DynamicHeader,
  dynamicHeaderLayout,
  HEADER_COOKIE,
} from '#domain/disk-format/vhd/dynamic-header';
import { chooseFooter } from '#domain/disk-format/vhd/footer-copies';
import { readAt } from '../file-faults.js';
import { startsLikeVhdx } from './open-vhd.js';
import { readFooters } from './read-footers.js';
import { candidatesOf, readLocators } from './read-locators.js';

/** Null for what is no VHD. */
export const probeVhd = async (file: OpenFile, path: string, hostStyle: HostStyle): Promise<ProbedImage | null> => {
  const { sizeBytes } = await file.stat();
  const footers = await readFooters(file, sizeBytes);
  if (startsLikeVhdx(footers)) return null;
  const choice = chooseFooter(footers);
  if (!choice.ok) return null;
  const { footer } = choice.value;
  const header = footer.diskType === 'differencing' ? await headerAt(file, footer.dataOffsetBytes) : null;
  if (header === null) {
    const parentIsUnreadable = footer.diskType === 'differencing';
    return { path, identity: footer.uniqueId, parentIdentities: [], parentIsUnreadable, parentCandidates: [] };
  }
  const locators = await readLocators(file, header, sizeBytes);
  return {
    path,
    identity: footer.uniqueId,
    parentIdentities: [header.parentUniqueId],
    parentIsUnreadable: false,
    parentCandidates: candidatesOf(path, hostStyle, header, locators),
  };
};

/** The header as it stands there, whatever is wrong with it; null for what does not start like one. */
const headerAt = async (file: OpenFile, offsetBytes: number): Promise<DynamicHeader | null> => {
  const encoded = await readAt(file, offsetBytes, DYNAMIC_HEADER_BYTES);
  if (encoded.length < DYNAMIC_HEADER_BYTES) return null;
  const { tableOffset, blockSize, parentTimeStamp, cookie, ...rest } = dynamicHeaderLayout.decode(encoded);
  if (cookie !== HEADER_COOKIE) return null;
  return {
    ...rest,
    tableOffsetBytes: Number(tableOffset),
    blockSizeBytes: blockSize,
    parentTimeStampSeconds: parentTimeStamp,
  };
};

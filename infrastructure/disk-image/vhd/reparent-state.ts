/**
 * Where a child's file stands in the change of its parent, from its bytes alone. Nothing that a crash can leave is mistaken, and
 * nothing that we did not write is taken for ours.
 */
import type { OpenFile } from '#application/ports/file-system';
import { DYNAMIC_HEADER_BYTES } from '#domain/disk-format/vhd/dynamic-header';
import { decodeFooter, FOOTER_BYTES, SECTOR_BYTES, type SparseFooter } from '#domain/disk-format/vhd/footer';
import { type FooterCopy, chooseFooter } from '#domain/disk-format/vhd/footer-copies';
import { readAt } from '../file-faults.js';
import { readFooters } from './read-footers.js';
import { newEndOf, type ReparentPlan } from './reparent-images.js';

/**
 * - `before`: the old header, named by the footers. The file may have grown by a part of the first steps.
 * - `switching`: a footer names the new header's first place, or the old place is torn and the new one whole; the old place still has
 *   to be written.
 * - `turning back`: the new header is in the old place, a footer still names the other one.
 * - `after`: done.
 */
export type ReparentStep = 'before' | 'switching' | 'turning back' | 'after' | 'foreign';

export interface ReparentState {
  readonly step: ReparentStep;
  readonly fileSizeBytes: number;
  /** The footer that counts; null in a foreign file. */
  readonly footer: SparseFooter | null;
  readonly copy: FooterCopy | null;
  /** What the footer in sector 0 names; null when it is damaged or another disk's. */
  readonly headNames: 'old place' | 'new place' | null;
  readonly tailNames: 'old place' | 'new place' | null;
  /** Does sector 0 hold the footer that counts, byte for byte? */
  readonly copiesAgree: boolean;
}

export const readReparentState = async (file: OpenFile, plan: ReparentPlan): Promise<ReparentState> => {
  const { sizeBytes: fileSizeBytes } = await file.stat();
  const reads = await readFooters(file, fileSizeBytes);
  const choice = chooseFooter(reads);
  const foreign: ReparentState = {
    step: 'foreign',
    fileSizeBytes,
    footer: null,
    copy: null,
    headNames: null,
    tailNames: null,
    copiesAgree: false,
  };
  if (!choice.ok) return foreign;
  const { footer, copy, warnings } = choice.value;
  const counts = namedBy(footer, plan);
  if (footer.diskType === 'fixed' || counts === null) return foreign;

  const head = reads.head === null ? null : decodeFooter(reads.head);
  const names = {
    headNames: head?.ok === true ? namedBy(head.value, plan) : null,
    tailNames: copy === 'head' ? null : counts,
    copiesAgree: !warnings.includes('copies-differ') && !warnings.includes('head-damaged'),
  };
  const isSwitched = names.headNames === 'new place' || names.tailNames === 'new place';
  const step = await stepOf(file, plan, fileSizeBytes, isSwitched);
  return { ...foreign, ...names, step, footer, copy };
};

/** Which header a footer of this disk names; null for one that is not this disk's, or names neither. */
const namedBy = (
  footer: { readonly dataOffsetBytes: number | null } & Same,
  plan: ReparentPlan,
): ReparentState['headNames'] => {
  const isThisDisk =
    footer.uniqueId === plan.footer.uniqueId &&
    footer.diskType === plan.footer.diskType &&
    footer.currentSizeBytes === plan.footer.currentSizeBytes;
  if (!isThisDisk) return null;
  if (footer.dataOffsetBytes === plan.headerOffset) return 'old place';
  return footer.dataOffsetBytes === plan.regionOffset ? 'new place' : null;
};

interface Same {
  readonly uniqueId: string;
  readonly diskType: string;
  readonly currentSizeBytes: number;
}

const stepOf = async (
  file: OpenFile,
  plan: ReparentPlan,
  fileSizeBytes: number,
  isSwitched: boolean,
): Promise<ReparentStep> => {
  const header = await headerInOldPlace(file, plan);
  if (header === 'other') return 'foreign';
  if (header === 'before' && !isSwitched) return isOldSize(plan, fileSizeBytes) ? 'before' : 'foreign';

  const region = await readAt(file, plan.regionOffset, plan.region.length);
  // Once the old place is written, the new one is slack that another program may have used; the payloads are not.
  const needed = header === 'after' && !isSwitched ? DYNAMIC_HEADER_BYTES : 0;
  if (!sameBytes(region.subarray(needed), plan.region.subarray(needed))) return 'foreign';
  if (header !== 'after') return 'switching';
  return isSwitched ? 'turning back' : 'after';
};

/** The size from before, or what is left when the first steps were cut off. */
const isOldSize = (plan: ReparentPlan, fileSizeBytes: number): boolean =>
  fileSizeBytes >= plan.oldFileSize && fileSizeBytes <= newEndOf(plan) + FOOTER_BYTES;

/** `torn`: a sector from before and one from after, which only a crash between the two can leave. */
const headerInOldPlace = async (
  file: OpenFile,
  { headerOffset, headerBefore, headerAfter }: ReparentPlan,
): Promise<'before' | 'after' | 'torn' | 'other'> => {
  const found = await readAt(file, headerOffset, DYNAMIC_HEADER_BYTES);
  if (sameBytes(found, headerBefore)) return 'before';
  if (sameBytes(found, headerAfter)) return 'after';
  const isOneOfBoth = [0, SECTOR_BYTES].every((at) => {
    const sector = found.subarray(at, at + SECTOR_BYTES);
    return [headerBefore, headerAfter].some((image) => sameBytes(sector, image.subarray(at, at + SECTOR_BYTES)));
  });
  return isOneOfBoth ? 'torn' : 'other';
};

const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, n) => byte === other[n]);

/**
 * What a change of a child's parent needs to know to be finished by another process: before- and after-images, and where the new
 * structures go. FORMATS.md C6 (a). The journal keeps them as text and numbers.
 */
import type { ReparentImages } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import type { ImageDescription } from '#domain/chain/image-description';
import type { HostStyle } from '#domain/chain/parent-candidates';
import {
  DYNAMIC_HEADER_BYTES,
  dynamicHeaderLayout,
  encodeDynamicHeader,
  withParent,
} from '#domain/disk-format/vhd/dynamic-header';
import { decodeFooter, encodeFooter, SECTOR_BYTES, type SparseFooter } from '#domain/disk-format/vhd/footer';
import { decodeLocator, isUnused } from '#domain/disk-format/vhd/parent-locator';
import { type MergeError, mergeError } from '#domain/merge-error';
import { roundUp } from '#domain/quantities';
import type { StoredParentPath } from '#domain/reparent-job/events';
import { err, ok, type Result } from '#domain/result';
import { readAt } from '../file-faults.js';
import { opening } from '../opening.js';
import { openVhd, type OpenVhd } from './open-vhd.js';
import { parentReference } from './parent-reference.js';

/** The images in a form to work with. */
export interface ReparentPlan {
  /** Where the dynamic header is, before and after. */
  readonly headerOffset: number;
  readonly headerBefore: Uint8Array;
  readonly headerAfter: Uint8Array;
  /** The footer, before and after. */
  readonly footer: SparseFooter;
  /** The new header's first place, and behind it the new locator payloads: behind the end of the file as it was. */
  readonly regionOffset: number;
  readonly region: Uint8Array;
  readonly oldFileSize: number;
}

/** Where the tail footer is when the region is in. */
export const newEndOf = (plan: ReparentPlan): number => plan.regionOffset + plan.region.length;

/** The paths in the region, by the codes of their locators; those of the header as it will be. */
export const storedPathsIn = ({ headerAfter, region, regionOffset }: ReparentPlan): readonly StoredParentPath[] =>
  dynamicHeaderLayout.decode(headerAfter).parentLocatorEntries.flatMap((entry) => {
    if (isUnused(entry)) return [];
    const startBytes = Number(entry.dataOffset) - regionOffset;
    const decoded = decodeLocator(entry, region.subarray(startBytes, startBytes + entry.dataLength));
    if (!decoded.ok) throw new RangeError(`Bug: a locator that we wrote has ${decoded.error.found}`);
    return [{ locator: decoded.value.code, path: decoded.value.path }];
  });

/** Computes the images of a child that is to have another parent. Writes nothing. */
export const reparentImages = (
  files: FileSystem,
  childPath: string,
  parent: ImageDescription,
  hostStyle: HostStyle,
): Promise<Result<{ readonly realPath: string; readonly value: ReparentImages }, MergeError>> =>
  opening(files, childPath, 'read', async (file, realPath) => {
    const vhd = await openVhd(file, realPath, hostStyle);
    if (!vhd.ok) return vhd;
    const plan =
      parent.format === 'vhd' ? await planOf(vhd.value, parent, hostStyle) : err(mixedFormats(realPath, parent));
    if (plan.ok) await file.close();
    return plan.ok ? ok({ realPath, value: imagesOf(plan.value) }) : plan;
  });

const planOf = async (
  { file, fileSizeBytes, blocks, choice, description }: OpenVhd,
  parent: ImageDescription,
  hostStyle: HostStyle,
): Promise<Result<ReparentPlan, MergeError>> => {
  const { footer } = choice;
  if (blocks === null || footer.diskType !== 'differencing') return err(notDifferencing(description));
  const regionOffset = roundUp(fileSizeBytes, SECTOR_BYTES);
  const payloadsOffset = regionOffset + DYNAMIC_HEADER_BYTES;
  const { reference, payloads } = parentReference(description.path, parent, hostStyle, payloadsOffset);
  const headerAfter = encodeDynamicHeader(withParent(blocks.header, reference));
  return ok({
    headerOffset: footer.dataOffsetBytes,
    headerBefore: await readAt(file, footer.dataOffsetBytes, DYNAMIC_HEADER_BYTES),
    headerAfter,
    footer,
    regionOffset,
    region: joined(headerAfter, payloads),
    oldFileSize: fileSizeBytes,
  });
};

const joined = (header: Uint8Array, payloads: Uint8Array): Uint8Array => {
  const region = new Uint8Array(header.length + payloads.length);
  region.set(header);
  region.set(payloads, header.length);
  return region;
};

const mixedFormats = (path: string, parent: ImageDescription): MergeError =>
  mergeError('mixed-formats', 'a VHD cannot be the child of another format', {
    path,
    expected: 'a VHD as the new parent',
    found: `${parent.path}, a ${parent.format}`,
    todo: 'Nothing was written. Name a VHD of the same chain.',
    related: [parent.path],
  });

const notDifferencing = ({ path, type }: ImageDescription): MergeError =>
  mergeError('not-differencing', 'only a differencing disk has a parent', {
    path,
    expected: 'a differencing disk',
    found: `a ${type} disk`,
    todo: 'Nothing was written. Name a child of the chain.',
  });

const imagesOf = (plan: ReparentPlan): ReparentImages => ({
  headerOffset: plan.headerOffset,
  headerBefore: base64(plan.headerBefore),
  headerAfter: base64(plan.headerAfter),
  footer: base64(encodeFooter(plan.footer)),
  regionOffset: plan.regionOffset,
  region: base64(plan.region),
  oldFileSize: plan.oldFileSize,
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** The plan in a journal's images. The journal is our own and its events are hashed: images that are none are a bug. */
export const planFrom = (images: ReparentImages): ReparentPlan => {
  const footer = decodeFooter(bytesIn(images, 'footer'));
  if (!footer.ok || footer.value.diskType === 'fixed') throw new Error("Bug: the journalled footer is not a child's");
  return {
    headerOffset: numberIn(images, 'headerOffset'),
    headerBefore: bytesIn(images, 'headerBefore', DYNAMIC_HEADER_BYTES),
    headerAfter: bytesIn(images, 'headerAfter', DYNAMIC_HEADER_BYTES),
    footer: footer.value,
    regionOffset: numberIn(images, 'regionOffset'),
    region: bytesIn(images, 'region'),
    oldFileSize: numberIn(images, 'oldFileSize'),
  };
};

const numberIn = (images: ReparentImages, key: keyof ReparentPlan): number => {
  const value = images[key];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`Bug: the journalled ${key} of a re-parenting is ${JSON.stringify(value)}`);
};

const bytesIn = (images: ReparentImages, key: keyof ReparentPlan, lengthBytes?: number): Uint8Array => {
  const value = images[key];
  const bytes = typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : new Uint8Array(0);
  if (bytes.length > 0 && (lengthBytes === undefined || bytes.length === lengthBytes)) return bytes;
  throw new Error(`Bug: the journalled ${key} of a re-parenting is ${JSON.stringify(value)}`);
};

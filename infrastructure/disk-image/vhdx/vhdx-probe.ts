/**
 * Who a file is, and whose child: some small reads, for looking through whole folders for siblings.
 *
 * In doubt it says more, not less, because a merge that does not know of a child would ruin it: a child that could not be opened
 * is still named with the parent identities that its locator holds, and one with a dirty log with those before and those after it.
 */
import type { ProbedImage } from '#application/ports/disk-image';
import type { OpenFile } from '#application/ports/file-system';
import { type HostStyle, vhdxParentCandidates } from '#domain/chain/parent-candidates';
import {
  chooseHeader,
  decodeHeader,
  HEADER_BYTES,
  HEADER_OFFSETS,
  type VhdxHeader,
} from '#domain/disk-format/vhdx/header';
import { ITEM } from '#domain/disk-format/vhdx/metadata-table';
import {
  decodeParentLocator,
  linkageOf,
  type ParentLocator,
  storedPathsOf,
} from '#domain/disk-format/vhdx/parent-locator';
import { MIB } from '#domain/quantities';
import { type ByteReader, readAt, readExactly } from '../file-faults.js';
import { startsLikeVhdx } from './open-vhdx.js';
import { OverlaidFile } from './overlaid-file.js';
import { readDirtyLog } from './read-dirty-log.js';
import { readItem, readMetadataTable } from './read-metadata.js';
import { readRegions } from './read-regions.js';

/** Null for what is no VHDX, or has no header. */
export const probeVhdx = async (file: OpenFile, path: string, hostStyle: HostStyle): Promise<ProbedImage | null> => {
  const { sizeBytes } = await file.stat();
  if (sizeBytes < MIB || !(await startsLikeVhdx(file))) return null;
  const [first, second] = HEADER_OFFSETS;
  const copies = [await readAt(file, first, HEADER_BYTES), await readAt(file, second, HEADER_BYTES)] as const;
  const choice = chooseHeader(...copies, sizeBytes);
  const header = choice.ok ? choice.value.header : (decodeHeader(copies[0]) ?? decodeHeader(copies[1]));
  if (header === null) return null;
  const locators: ParentLocator[] = [];
  let parentIsUnreadable = !choice.ok;
  for (const view of [endless(file, sizeBytes), ...(choice.ok ? await viewUnderLog(file, header, sizeBytes) : [])]) {
    const locator = await locatorIn(view);
    // With its log applied, which comes last, the file is what it says.
    parentIsUnreadable = locator === 'unreadable';
    if (locator !== null && locator !== 'unreadable') locators.push(locator);
  }
  return {
    path,
    identity: header.dataWriteGuid,
    parentIdentities: [...new Set(locators.flatMap(linkageOf))],
    parentIsUnreadable: parentIsUnreadable && locators.length === 0,
    parentCandidates: vhdxParentCandidates({ childPath: path, hostStyle, stored: locators.flatMap(storedPathsOf) }),
  };
};

const viewUnderLog = async (
  file: OpenFile,
  header: VhdxHeader,
  fileSizeBytes: number,
): Promise<readonly ByteReader[]> => {
  const log = await readDirtyLog(file, header, fileSizeBytes);
  if (!log.ok || log.value === null) return [];
  const view = new OverlaidFile(file, fileSizeBytes, log.value);
  return [endless(view, view.sizeBytes)];
};

/** Zeros follow behind the end: a structure that is said to be there is looked for all the same, and is none. */
const endless = (view: ByteReader, sizeBytes: number): ByteReader => ({
  path: view.path,
  read: async (into, position) => {
    const inside = into.subarray(0, Math.max(0, Math.min(into.length, sizeBytes - position)));
    if (inside.length > 0) await readExactly(view, inside, position);
    into.fill(0, inside.length);
    return into.length;
  },
});

/** Null for a disk without one. */
const locatorIn = async (view: ByteReader): Promise<ParentLocator | 'unreadable' | null> => {
  // What lies outside the file, or over its log, does not keep the locator from being read.
  const regions = await readRegions(view, { fileSizeBytes: Number.MAX_SAFE_INTEGER, log: null });
  if (!regions.ok) return 'unreadable';
  const { metadata } = regions.value;
  const table = await readMetadataTable(view, metadata);
  if (!table.ok) return 'unreadable';
  const entry = table.value.find(({ itemId, isUser }) => itemId === ITEM.parentLocator && !isUser);
  if (entry === undefined) return null;
  const locator = decodeParentLocator(await readItem(view, metadata, entry));
  return locator.ok ? locator.value : 'unreadable';
};

/** What a child says of its parent's place: the payloads of its parent locators, read and decoded. */
import type { OpenFile } from '#application/ports/file-system';
import { type HostStyle, parentCandidates } from '#domain/chain/parent-candidates';
import type { ParentCandidatePath } from '#domain/chain/image-description';
import { type DynamicHeader, parentNameOf } from '#domain/disk-format/vhd/dynamic-header';
import {
  type DecodedLocator,
  decodeLocator,
  isUnused,
  type ParentLocatorEntry,
  pathCodeOf,
  payloadExtent,
} from '#domain/disk-format/vhd/parent-locator';
import type { StructureFlaw } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { readAt } from '../file-faults.js';

export interface ReadLocator {
  readonly slot: number;
  readonly entry: ParentLocatorEntry;
  /** The path, or why this entry has to be passed over; null for a code that holds no path we know. */
  readonly decoded: Result<DecodedLocator, StructureFlaw> | null;
}

/** The used slots of a header. An entry that cannot be used refuses itself, never the image. */
export const readLocators = async (
  file: OpenFile,
  header: DynamicHeader,
  fileSizeBytes: number,
): Promise<readonly ReadLocator[]> => {
  const locators: ReadLocator[] = [];
  for (const [slot, entry] of header.parentLocatorEntries.entries()) {
    if (isUnused(entry)) continue;
    locators.push({ slot, entry, decoded: await decodedLocator(file, entry, fileSizeBytes) });
  }
  return locators;
};

const decodedLocator = async (
  file: OpenFile,
  entry: ParentLocatorEntry,
  fileSizeBytes: number,
): Promise<ReadLocator['decoded']> => {
  if (pathCodeOf(entry) === undefined) return null;
  const extent = payloadExtent(entry, fileSizeBytes);
  if (!extent.ok) return extent;
  const { startBytes, endBytes } = extent.value;
  return decodeLocator(entry, await readAt(file, startBytes, endBytes - startBytes));
};

export const candidatesOf = (
  childPath: string,
  hostStyle: HostStyle,
  header: DynamicHeader,
  locators: readonly ReadLocator[],
): readonly ParentCandidatePath[] =>
  parentCandidates({
    childPath,
    hostStyle,
    locators: locators.flatMap(({ decoded }) => (decoded?.ok === true ? [decoded.value] : [])),
    unicodeName: parentNameOf(header),
  });

export const locatorWarnings = (locators: readonly ReadLocator[]): readonly string[] =>
  locators.flatMap(({ slot, decoded }) =>
    decoded?.ok === false
      ? [`Parent locator ${slot + 1} is passed over: expected ${decoded.error.expected}, found ${decoded.error.found}.`]
      : [],
  );

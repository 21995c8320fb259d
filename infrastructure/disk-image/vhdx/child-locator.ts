/** The parent locator of a VHDX as it changes: as the journal keeps it, and as a session of its own that a crash cannot tear. */
import { type HostStyle, relativeStoredPath } from '#domain/chain/parent-candidates';
import { NIL_GUID } from '#domain/disk-format/vhdx/header';
import { ITEM } from '#domain/disk-format/vhdx/metadata-table';
import { encodeParentLocator, type ParentLocator, withLinkage } from '#domain/disk-format/vhdx/parent-locator';
import { type MergeError, mergeError } from '#domain/merge-error';
import { KIB } from '#domain/quantities';
import { err, ok, type Result } from '#domain/result';
import type { GuardedFile } from '../guarded-file.js';
import { type ReplacedItems, replaceItems } from './metadata-store.js';
import type { OpenVhdx } from './open-vhdx.js';
import { sessionRefusal, VhdxSession } from './vhdx-session.js';

/** A child whose locator can be written. */
export interface WritableChild extends OpenVhdx {
  readonly locator: ParentLocator;
}

/** Refuses a disk without a parent, and a file that cannot be written whatever is to be written. */
export const writableChild = (vhdx: OpenVhdx): Result<WritableChild, MergeError> => {
  const { locator, description } = vhdx;
  if (locator === null) {
    return err(
      mergeError('not-differencing', 'only a differencing disk has a parent', {
        path: vhdx.path,
        expected: 'a differencing disk',
        found: `a ${description.type} disk`,
        todo: 'Nothing was written. Name a child of the chain.',
      }),
    );
  }
  const refusal = sessionRefusal(vhdx);
  return refusal === null ? ok({ ...vhdx, locator }) : err(refusal);
};

/** Real ones are below 4 KiB. The journal takes a change with both images of the locator in one append of 256 KiB. */
const LONGEST_LOCATOR_BYTES = 64 * KIB;

/** Why the link of a child cannot follow its parent to a new identity; null: it can, or there is no link. */
export const linkRefusal = (vhdx: OpenVhdx): MergeError | null => {
  const { locator, locatorBytes, path } = vhdx;
  if (locator === null || locatorBytes === null) return null;
  if (locatorBytes.length > LONGEST_LOCATOR_BYTES) {
    return mergeError('format-not-supported', 'the parent locator is too large to be changed', {
      path,
      expected: `at most ${LONGEST_LOCATOR_BYTES} bytes`,
      found: `${locatorBytes.length} bytes`,
      todo: 'Nothing was written. A locator holds a few paths: look at it with `chainfold inspect`.',
    });
  }
  const change = locatorChange(vhdx, withLinkage(locator, [NIL_GUID, NIL_GUID]));
  return change.ok ? null : change.error;
};

/** The locator as the journal keeps it: its item in base64. Two locators are the same when these texts are. */
export const imageOf = (locator: ParentLocator): string => Buffer.from(encodeParentLocator(locator)).toString('base64');

/** Plans the change; refused when the metadata region has no room for it. */
export const locatorChange = (
  vhdx: Pick<OpenVhdx, 'path' | 'regions' | 'metadata'>,
  locator: ParentLocator,
): Result<ReplacedItems, MergeError> => {
  const item = { itemId: ITEM.parentLocator, isUser: false, isVirtualDisk: false, isRequired: true };
  return replaceItems(vhdx, { remove: [], put: [{ ...item, content: encodeParentLocator(locator) }] });
};

/** The GUIDs that a session writes: the file's, and one for its log, which may be any. */
export interface SessionGuids {
  readonly fileWriteGuid: string;
  readonly newGuid: () => string;
}

/**
 * A session for this one change, flushed; for none it only applies the log. The child's DataWriteGuid stays: a locator is no part of
 * the virtual disk, and its own children go on naming it. [MS-VHDX] 2.6.2.6
 */
export const writeLocator = async (
  vhdx: OpenVhdx,
  file: GuardedFile,
  change: ReplacedItems | null,
  { fileWriteGuid, newGuid }: SessionGuids,
): Promise<void> => {
  const session = await VhdxSession.begin(vhdx, file, fileWriteGuid, newGuid);
  if (change !== null) await session.commit(change.transactions);
  await session.rest();
};

export interface StoredPaths {
  readonly relativePath: string | null;
  readonly absolutePath: string | null;
}

/**
 * The paths to a parent that a child can store: the relative one, so that a folder with a whole chain can be moved, and on Windows
 * the absolute one. Refused where there is neither, for all of them are Windows paths. Both paths are canonical.
 */
export const storedPaths = (
  childPath: string,
  parentPath: string,
  hostStyle: HostStyle,
): Result<StoredPaths, MergeError> => {
  const relativePath = relativeStoredPath(childPath, parentPath, hostStyle);
  const absolutePath = hostStyle === 'windows' ? parentPath : null;
  if (relativePath !== null || absolutePath !== null) return ok({ relativePath, absolutePath });
  return err(
    mergeError('invalid-parameter', 'a VHDX stores Windows paths only, and this parent has none', {
      path: childPath,
      expected: 'a path from the child to its parent without "\\" in a name',
      found: parentPath,
      todo: 'Nothing was written. Rename the parent, or its folder.',
      related: [parentPath],
    }),
  );
};

/** What a new VHDX may be, and what a new child takes over from its parent. Refusals by value, before anything is created. */
import type { NewImage } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import type { ImageDescription } from '#domain/chain/image-description';
import type { HostStyle } from '#domain/chain/parent-candidates';
import { isPowerOfTwo } from '#domain/disk-format/flaw';
import {
  type DiskParameters,
  MAX_BLOCK_BYTES,
  MAX_DISK_BYTES,
  MIN_BLOCK_BYTES,
} from '#domain/disk-format/vhdx/disk-parameters';
import { NIL_GUID } from '#domain/disk-format/vhdx/header';
import { type MergeError, mergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { opening } from '../opening.js';
import { openVhdx } from './open-vhdx.js';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const refuse = (path: string, what: string, expected: string, found: string): MergeError =>
  mergeError('invalid-parameter', what, { path, expected, found, todo: 'Nothing was created.' });

/** Why no VHDX can be as asked for; null: one can. */
export const newDiskRefusal = (path: string, spec: NewImage): MergeError | null => {
  const { virtualSizeBytes: size, blockSizeBytes, logicalSectorSize } = spec;
  if (logicalSectorSize !== 512 && logicalSectorSize !== 4096) {
    return refuse(path, 'a VHDX cannot have sectors of this size', '512 or 4096 bytes', `${logicalSectorSize} bytes`);
  }
  if (!Number.isSafeInteger(size) || size <= 0 || size % logicalSectorSize !== 0 || size > MAX_DISK_BYTES) {
    const expected = `a multiple of ${logicalSectorSize}, at most ${MAX_DISK_BYTES} bytes (64 TiB)`;
    return refuse(path, 'a VHDX cannot have this size', expected, `${size} bytes`);
  }
  if (!isPowerOfTwo(blockSizeBytes) || blockSizeBytes < MIN_BLOCK_BYTES || blockSizeBytes > MAX_BLOCK_BYTES) {
    const expected = 'a power of two from 1 MiB to 256 MiB';
    return refuse(path, 'a VHDX cannot have this block size', expected, `${blockSizeBytes} bytes`);
  }
  if (!GUID.test(spec.uniqueId) || spec.uniqueId === NIL_GUID) {
    return refuse(path, 'a VHDX needs an identity', 'a lower-case GUID that is not zero', spec.uniqueId);
  }
  return parentRefusal(path, spec);
};

/** A child may be larger than its parent, or smaller: FORMATS.md C3. */
const parentRefusal = (path: string, { type, parent, logicalSectorSize }: NewImage): MergeError | null => {
  if ((type === 'differencing') !== (parent !== null)) {
    const what = 'a differencing disk has a parent, and no other disk has one';
    return refuse(path, what, type, parent?.path ?? 'no parent');
  }
  if (parent === null) return null;
  if (parent.format !== 'vhdx') {
    const todo = "Nothing was created. Give the child its parent's format.";
    return mergeError('mixed-formats', 'the parent of a VHDX is a VHDX', { path, found: parent.format, todo });
  }
  if (parent.logicalSectorSize === logicalSectorSize) return null;
  return mergeError('sector-size-differs', 'a VHDX and its parent have sectors of one size', {
    path,
    expected: `${parent.logicalSectorSize} bytes`,
    found: `${logicalSectorSize} bytes`,
    todo: 'Nothing was created.',
    related: [parent.path],
  });
};

/** Of the parent, what its new child has too. */
export interface ParentOfNewDisk extends Pick<DiskParameters, 'physicalSectorSize' | 'virtualDiskId'> {
  readonly path: string;
  readonly identity: string;
}

/** Reads the parent's file; refused when it is not the disk any more that `parent` describes. */
export const parentOf = (
  files: FileSystem,
  parent: ImageDescription,
  hostStyle: HostStyle,
): Promise<Result<ParentOfNewDisk, MergeError>> =>
  opening(files, parent.path, 'read', async (file, path) => {
    const vhdx = await openVhdx(file, path, hostStyle);
    if (!vhdx.ok) return vhdx;
    const { description, parameters } = vhdx.value;
    if (description.identity !== parent.identity) {
      return err(
        mergeError('image-changed', 'this disk has changed since it was looked at', {
          path,
          expected: `the identity ${parent.identity}`,
          found: description.identity,
          todo: 'Nothing was created. Start again.',
        }),
      );
    }
    await file.close();
    const { physicalSectorSize, virtualDiskId } = parameters;
    return ok({ path, identity: description.identity, physicalSectorSize, virtualDiskId });
  });

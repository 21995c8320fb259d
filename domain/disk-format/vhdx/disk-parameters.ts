/**
 * What the metadata items of a VHDX say about its virtual disk, and the bytes of these items. [MS-VHDX] 2.6.2
 *
 * Guarantees:
 * - Parameters that were decoded are inside the limits of the specification, so that they can be calculated with.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { MIB, safeInteger } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import { flawOf, hex, isPowerOfTwo } from '../flaw.js';
import { at, guid, struct, u32le, u64le } from '../layout.js';
import { LIMIT } from '../limits.js';
import { ITEM } from './metadata-items.js';

export const MIN_BLOCK_BYTES = MIB;
export const MAX_BLOCK_BYTES = LIMIT.vhdxBlockBytes;
export const MAX_DISK_BYTES = LIMIT.vhdxDiskBytes;

const LEAVE_BLOCK_ALLOCATED = 1;
const HAS_PARENT = 2;

const fileParametersLayout = struct('VHDX file parameters', 8, {
  blockSize: at(0, u32le), // bytes of a payload block: a power of two, 1 MiB to 256 MiB
  flags: at(4, u32le), // bit 0 LeaveBlockAllocated, bit 1 HasParent, others 0
});
const sizeLayout = struct('VHDX virtual disk size', 8, { value: at(0, u64le) });
const idLayout = struct('VHDX virtual disk id', 16, { value: at(0, guid) });
const sectorSizeLayout = struct('VHDX sector size', 4, { value: at(0, u32le) });

export interface DiskParameters {
  /** Of a payload block: a power of two, 1 MiB to 256 MiB. */
  readonly blockSizeBytes: number;
  /** A fixed disk: blocks keep their space in the file whatever the guest trims. */
  readonly leaveBlockAllocated: boolean;
  /** A differencing disk. */
  readonly hasParent: boolean;
  /** Above 0, at most 64 TiB, a multiple of the logical sector size. */
  readonly virtualSizeBytes: number;
  /** The SCSI identity ("page 83") that a guest sees; a child has its parent's. */
  readonly virtualDiskId: string;
  /** 512 or 4096. */
  readonly logicalSectorSize: number;
  /** 512 or 4096. */
  readonly physicalSectorSize: number;
}

const flaw = flawOf('VHDX metadata');

/** `contentOf` gives the bytes of an item, of the length that `decodeMetadataTable` has proved. */
export const decodeDiskParameters = (
  contentOf: (itemId: string) => Uint8Array,
): Result<DiskParameters, StructureFlaw> => {
  const { blockSize, flags } = fileParametersLayout.decode(contentOf(ITEM.fileParameters));
  const size = sizeLayout.decode(contentOf(ITEM.virtualDiskSize)).value;
  const logicalSectorSize = sectorSizeLayout.decode(contentOf(ITEM.logicalSectorSize)).value;
  const physicalSectorSize = sectorSizeLayout.decode(contentOf(ITEM.physicalSectorSize)).value;
  if (!isPowerOfTwo(blockSize) || blockSize < MIN_BLOCK_BYTES || blockSize > MAX_BLOCK_BYTES) {
    return err(flaw('block-size', 'a block size that is a power of two, 1 MiB to 256 MiB', `${blockSize} bytes`));
  }
  if (flags > (LEAVE_BLOCK_ALLOCATED | HAS_PARENT)) {
    return err(
      flaw('disk-parameters', 'file parameters with no bits but LeaveBlockAllocated and HasParent', hex(flags)),
    );
  }
  if (!isSectorSize(logicalSectorSize)) return err(wrongSectorSize('logical', logicalSectorSize));
  if (!isSectorSize(physicalSectorSize)) return err(wrongSectorSize('physical', physicalSectorSize));
  const virtualSizeBytes = safeInteger(size) ?? Infinity;
  if (size === 0n || virtualSizeBytes > MAX_DISK_BYTES || virtualSizeBytes % logicalSectorSize !== 0) {
    const expected = `a virtual disk size above 0, at most 64 TiB, a multiple of ${logicalSectorSize}`;
    return err(flaw('invalid-size', expected, `${size} bytes`));
  }
  return ok({
    blockSizeBytes: blockSize,
    leaveBlockAllocated: (flags & LEAVE_BLOCK_ALLOCATED) !== 0,
    hasParent: (flags & HAS_PARENT) !== 0,
    virtualSizeBytes,
    virtualDiskId: idLayout.decode(contentOf(ITEM.virtualDiskId)).value,
    logicalSectorSize,
    physicalSectorSize,
  });
};

const isSectorSize = (bytes: number): boolean => bytes === 512 || bytes === 4096;

const wrongSectorSize = (which: 'logical' | 'physical', bytes: number): StructureFlaw =>
  flaw('sector-size', `a ${which} sector size of 512 or 4096`, `${bytes} bytes`);

/** The content of `ITEM.fileParameters`. */
export const encodeFileParameters = (
  parameters: Pick<DiskParameters, 'blockSizeBytes' | 'leaveBlockAllocated' | 'hasParent'>,
): Uint8Array =>
  fileParametersLayout.encode({
    blockSize: parameters.blockSizeBytes,
    flags: (parameters.leaveBlockAllocated ? LEAVE_BLOCK_ALLOCATED : 0) | (parameters.hasParent ? HAS_PARENT : 0),
  });

/** The content of `ITEM.virtualDiskSize`. */
export const encodeU64 = (value: number): Uint8Array => sizeLayout.encode({ value: BigInt(value) });

/** The content of `ITEM.logicalSectorSize` or `ITEM.physicalSectorSize`. */
export const encodeU32 = (value: number): Uint8Array => sectorSizeLayout.encode({ value });

/** The content of `ITEM.virtualDiskId`. `text`: lower case, without braces. */
export const encodeGuid = (text: string): Uint8Array => idLayout.encode({ value: text });

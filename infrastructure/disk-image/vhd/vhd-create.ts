/**
 * New VHDs. Guarantees:
 * - The file has its name only when it is whole and durable: it is written under another name in the same folder, flushed, then
 *   linked, which never replaces a file.
 * - A child is written with its parent's id and size; its blocks are all the parent's.
 */
import type { NewImage } from '#application/ports/disk-image';
import type { FileSystem, OpenFile } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import { tablePaddedBytes } from '#domain/disk-format/vhd/block-allocation-table';
import {
  DYNAMIC_HEADER_BYTES,
  encodeDynamicHeader,
  MAX_BLOCK_BYTES,
  MIN_BLOCK_BYTES,
  newDynamicHeader,
} from '#domain/disk-format/vhd/dynamic-header';
import { encodeFooter, FOOTER_BYTES, MAX_DISK_BYTES, newFooter, SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { isPowerOfTwo } from '#domain/disk-format/flaw';
import { type MergeError, mergeError } from '#domain/merge-error';
import { MIB } from '#domain/quantities';
import { err, type Result } from '#domain/result';
import { createWhole } from '../whole-file.js';
import { parentReference } from './parent-reference.js';

/** 2000-01-01T00:00:00Z, from which a footer counts its seconds. */
const EPOCH_MS = 946_684_800_000;
const MAX_SECONDS = 0xffff_ffff;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** Creates the file at `path`, whose folder is canonical. */
export const createVhd = async (
  files: FileSystem,
  path: string,
  folder: string,
  spec: NewImage,
  hostStyle: HostStyle,
): Promise<Result<'created', MergeError>> => {
  const refusal = specRefusal(path, spec);
  if (refusal !== null) return err(refusal);
  const unfinishedPath = `${path}.${spec.uniqueId}.new`;
  return createWhole(files, { path, folder, unfinishedPath }, (file) => writeImage(file, path, spec, hostStyle));
};

const writeImage = async (file: OpenFile, path: string, spec: NewImage, hostStyle: HostStyle): Promise<void> => {
  const { virtualSizeBytes: currentSizeBytes, uniqueId, type } = spec;
  const seconds = Math.floor((spec.timeStampMs - EPOCH_MS) / 1000);
  const identity = { currentSizeBytes, uniqueId, timeStampSeconds: Math.min(MAX_SECONDS, Math.max(0, seconds)) };
  if (type === 'fixed') {
    const footer = newFooter({ ...identity, type: { diskType: type } });
    await file.truncate(currentSizeBytes);
    await file.write(encodeFooter(footer), currentSizeBytes);
    return;
  }
  // The footer's copy, the dynamic header, a child's locator payloads, the BAT, the footer: as Windows lays them out.
  const footer = encodeFooter(newFooter({ ...identity, type: { diskType: type, dataOffsetBytes: FOOTER_BYTES } }));
  const payloadsOffset = FOOTER_BYTES + DYNAMIC_HEADER_BYTES;
  const placed = spec.parent === null ? null : parentReference(path, spec.parent, hostStyle, payloadsOffset);
  const tableOffsetBytes = payloadsOffset + (placed?.payloads.length ?? 0);
  const maxTableEntries = Math.ceil(currentSizeBytes / spec.blockSizeBytes);
  const header = newDynamicHeader({
    tableOffsetBytes,
    maxTableEntries,
    blockSizeBytes: spec.blockSizeBytes,
    parent: placed?.reference ?? null,
  });
  await file.write(footer, 0);
  await file.write(encodeDynamicHeader(header), FOOTER_BYTES);
  if (placed !== null) await file.write(placed.payloads, payloadsOffset);
  const tableEnd = tableOffsetBytes + tablePaddedBytes(maxTableEntries);
  await fillWithOnes(file, tableOffsetBytes, tableEnd);
  await file.write(footer, tableEnd);
};

const fillWithOnes = async (file: OpenFile, from: number, to: number): Promise<void> => {
  const ones = new Uint8Array(Math.min(MIB, to - from)).fill(0xff);
  for (let at = from; at < to; at += ones.length) await file.write(ones.subarray(0, to - at), at);
};

const refuse = (path: string, what: string, expected: string, found: string): MergeError =>
  mergeError('invalid-parameter', what, { path, expected, found, todo: 'Nothing was created.' });

const specRefusal = (path: string, spec: NewImage): MergeError | null => {
  const { virtualSizeBytes: size, blockSizeBytes, logicalSectorSize } = spec;
  if (logicalSectorSize !== SECTOR_BYTES) {
    return refuse(path, 'a VHD has sectors of 512 bytes', '512', String(logicalSectorSize));
  }
  if (!Number.isSafeInteger(size) || size <= 0 || size % SECTOR_BYTES !== 0 || size > MAX_DISK_BYTES) {
    const expected = `a multiple of 512 from 512 to ${MAX_DISK_BYTES} bytes (2040 GiB)`;
    return refuse(path, 'a VHD cannot have this size', expected, `${size} bytes`);
  }
  const blockSizeFits =
    isPowerOfTwo(blockSizeBytes) && blockSizeBytes >= MIN_BLOCK_BYTES && blockSizeBytes <= MAX_BLOCK_BYTES;
  if (spec.type !== 'fixed' && !blockSizeFits) {
    return refuse(
      path,
      'a VHD cannot have this block size',
      'a power of two from 4 KiB to 256 MiB',
      `${blockSizeBytes} bytes`,
    );
  }
  if (!GUID.test(spec.uniqueId) || spec.uniqueId === NIL_UUID) {
    return refuse(path, 'a VHD needs a unique id', 'a lower-case GUID that is not zero', spec.uniqueId);
  }
  return parentRefusal(path, spec);
};

const parentRefusal = (path: string, { type, parent, virtualSizeBytes }: NewImage): MergeError | null => {
  if ((type === 'differencing') !== (parent !== null)) {
    return refuse(
      path,
      'a differencing disk has a parent, and no other disk has one',
      type,
      parent?.path ?? 'no parent',
    );
  }
  if (parent === null) return null;
  if (parent.format !== 'vhd') {
    const todo = "Nothing was created. Give the child its parent's format.";
    return mergeError('mixed-formats', 'the parent of a VHD is a VHD', { path, found: parent.format, todo });
  }
  if (parent.virtualSizeBytes === virtualSizeBytes) return null;
  return mergeError('size-mismatch', 'a VHD and its parent have one size', {
    path,
    expected: `${parent.virtualSizeBytes} bytes`,
    found: `${virtualSizeBytes} bytes`,
    todo: 'Nothing was created.',
    related: [parent.path],
  });
};

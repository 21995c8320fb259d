/** A small child, and ways to damage it: with the checksum of the structure wrong, or made right again. */
import { VhdImages } from '../../infrastructure/disk-image/vhd/vhd-images.js';
import { imageBytes, plainVhdImage, type PlainVhdSpec } from '../models/plain-vhd.js';
import { vhdChecksum } from '../models/plain-vhd-layout.js';
import { MemoryFileSystem } from './memory-file-system.js';

export const PATH = '/vms/disk.vhd';
export const BLOCK_BYTES = 4096;
export const block = { bits: [true], data: new Uint8Array(BLOCK_BYTES) };

export const child: PlainVhdSpec = {
  type: 'differencing',
  dialect: 'windows',
  sizeBytes: 4 * BLOCK_BYTES,
  blockSizeBytes: BLOCK_BYTES,
  blocks: new Map([
    [0, block],
    [1, block],
  ]),
  uniqueId: 'c4a10f01-d000-4000-8000-000000000001',
  timeStamp: 1,
  parent: { uniqueId: 'c4a10f01-d000-4000-8000-000000000002', fileName: 'base.vhd', timeStamp: 1 },
};
export const xen = { ...child, dialect: 'xen' } as const;

export const whole = (spec: PlainVhdSpec = child): Buffer => Buffer.from(imageBytes(plainVhdImage(spec)));

export type Change = (file: Buffer) => unknown;

export const opened = async (file: Uint8Array, change: 'open' | 'openDestination' = 'open'): Promise<string> => {
  const files = new MemoryFileSystem();
  files.put(PATH, file);
  const image = await new VhdImages(files, 'posix')[change](PATH);
  if (files.calls.length > 0) throw new Error('opening has written to the file');
  if (image.ok) return 'opened';
  return image.error.kind === 'damaged-structure' ? /\((.*?)\)/.exec(image.error.message)![1]! : image.error.kind;
};

export const changed = (change: Change, spec: PlainVhdSpec = child): Buffer => {
  const file = whole(spec);
  change(file);
  return file;
};

/** Changes both footers, their checksums right. */
export const inFooters =
  (change: Change): Change =>
  (file) => {
    for (const at of [0, file.length - 512]) signed(file.subarray(at, at + 512), 64, change);
  };
export const inHeader =
  (change: Change): Change =>
  (file) =>
    signed(file.subarray(512, 1536), 36, change);
export const signed = (structure: Buffer, checksumAt: number, change: Change): void => {
  change(structure);
  structure.writeUInt32BE(vhdChecksum(structure, checksumAt), checksumAt);
};
export const inFile =
  (change: Change): Change =>
  (file) =>
    change(file);
export const inTable =
  (change: Change): Change =>
  (file) =>
    change(file.subarray(Number(file.readBigUInt64BE(512 + 16))));

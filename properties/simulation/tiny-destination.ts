/** A destination of eight blocks of 8 KiB on a simulated disk, small enough to know every write of it by heart. */
import type { MergeDestination } from '#application/ports/disk-image';
import { VhdImages } from '../../infrastructure/disk-image/vhd/vhd-images.js';
import { imageBytes, plainVhdImage, type PlainVhdSpec } from '../models/plain-vhd.js';
import { sectorContent, staleBytes } from '../models/sector-content.js';
import { type Call, MemoryFileSystem, type MemoryOptions } from './memory-file-system.js';
import { RUN_GUID, valueOf } from './window-merge.js';

export const PATH = '/vms/into.vhd';
export const KIB = 1024;
export const BLOCK_SECTORS = 16;
export const BLOCK_BYTES = BLOCK_SECTORS * 512;

/** Blocks of 8 KiB; block 0 is there with its sectors 0 and 1, blocks 1 to 7 are not. */
export const differencing: PlainVhdSpec = {
  type: 'differencing',
  dialect: 'windows',
  sizeBytes: 64 * KIB,
  blockSizeBytes: BLOCK_BYTES,
  blocks: new Map([[0, { bits: [true, true], data: staleBytes(BLOCK_BYTES) }]]),
  uniqueId: 'c4a10f01-d000-4000-8000-000000000001',
  timeStamp: 1,
  slackSectors: 0,
  parent: { uniqueId: 'c4a10f01-d000-4000-8000-000000000002', fileName: 'base.vhd', timeStamp: 1 },
};

export const onDisk = async (
  spec: PlainVhdSpec = differencing,
  options: MemoryOptions = {},
): Promise<{ files: MemoryFileSystem; into: MergeDestination }> => {
  const files = new MemoryFileSystem(options);
  files.put(PATH, imageBytes(plainVhdImage(spec)));
  const into = valueOf(await new VhdImages(files, 'posix').openDestination(PATH));
  await into.prepare(RUN_GUID);
  return { files, into };
};

export const inWords = ({ operation, position, bytes }: Call): string =>
  operation === 'write' ? `write ${bytes!.length} at ${position!}` : operation;

export const sectors = (...numbers: readonly number[]): Uint8Array =>
  Buffer.concat(numbers.map((sector) => sectorContent(9, sector)));

export const ours = async (): Promise<void> => undefined;

/**
 * A VHDX destination of a few blocks of 1 MiB on a simulated disk, and what is needed to merge into it by hand. Contents are a few
 * sectors each: the last block has a quarter of a MiB inside the disk, so that it is quick to cover whole.
 */
import { expect } from 'vitest';
import type { BlockToWrite, MergeDestination, SuppliedRun } from '#application/ports/disk-image';
import { VhdxImages } from '../../infrastructure/disk-image/vhdx/vhdx-images.js';
import {
  checkPlainVhdx,
  fatalVhdx,
  openPlainVhdx,
  plainVhdxImage,
  type PlainRun,
  type PlainVhdx,
  type PlainVhdxSpec,
  vhdxRuns,
} from '../models/plain-vhdx.js';
import { nameOfSector, SECTOR_BYTES, sectorContent } from '../models/sector-content.js';
import { type Call, MemoryFileSystem, type MemoryOptions } from './memory-file-system.js';
import { guids } from './vhdx-sessions.js';
import { valueOf } from './window-merge.js';

export const PATH = '/vms/into.vhdx';
export const MIB = 1024 * 1024;
export const DISK_BYTES = 2.25 * MIB;
/** The one that ends behind the disk. */
export const LAST_BLOCK = 2;
export type SectorBytes = 512 | 4096;

/** The layers whose content the destination has before, and after. */
const BEFORE = 1;
const MERGED = 9;
const NOTHING = new Uint8Array(4096);

/** What layer `layer` has at a sector, of either size. */
const contentOf = (layer: number, sector: number, sectorBytes: SectorBytes): Uint8Array =>
  Buffer.concat(
    Array.from({ length: sectorBytes / SECTOR_BYTES }, (_, n) =>
      sectorContent(layer, (sector * sectorBytes) / SECTOR_BYTES + n),
    ),
  );

/** What a sector holds: `before`, `merged`, `zeros`, or something that nobody should see. */
const nameOf = (bytes: Uint8Array, sector: number, sectorBytes: SectorBytes): string => {
  if (Buffer.compare(bytes, NOTHING.subarray(0, sectorBytes)) === 0) return 'zeros';
  if (Buffer.compare(bytes, contentOf(BEFORE, sector, sectorBytes)) === 0) return 'before';
  if (Buffer.compare(bytes, contentOf(MERGED, sector, sectorBytes)) === 0) return 'merged';
  return nameOfSector(bytes.subarray(0, SECTOR_BYTES));
};

/** Sectors of a block that hold what the destination had before, as the plain writer wants them. */
export const before = (
  block: number,
  sectors: readonly number[],
  sectorBytes: SectorBytes = 512,
): readonly PlainRun[] =>
  sectors.map((firstSector) => ({
    firstSector,
    bytes: contentOf(BEFORE, (block * MIB) / sectorBytes + firstSector, sectorBytes),
  }));

export const tinyVhdx = (
  type: PlainVhdxSpec['type'],
  payload: PlainVhdxSpec['payload'],
  changes: Partial<PlainVhdxSpec> = {},
): PlainVhdxSpec =>
  ({
    type,
    dialect: 'windows',
    sizeBytes: DISK_BYTES,
    blockSizeBytes: MIB,
    logicalSectorBytes: 512,
    payload,
    dataWriteGuid: 'c4a10f01-d000-4000-8000-000000000001',
    ...(type === 'differencing'
      ? { parent: { dataWriteGuid: 'c4a10f01-d000-4000-8000-000000000002', fileName: 'base.vhdx' } }
      : {}),
    ...changes,
  }) as PlainVhdxSpec;

export const diskWith = (spec: PlainVhdxSpec, options: MemoryOptions = {}): MemoryFileSystem => {
  const files = new MemoryFileSystem(options);
  files.put(PATH, plainVhdxImage(spec));
  return files;
};

/** A destination that is prepared. `nthRun` makes its GUIDs other ones than those of other runs. */
export const opened = async (files: MemoryFileSystem, nthRun = 1): Promise<MergeDestination> => {
  const newGuid = guids(nthRun * 1000);
  const into = valueOf(await new VhdxImages(files, 'posix', newGuid).openDestination(PATH));
  await into.prepare(newGuid());
  return into;
};

export const onDisk = async (
  spec: PlainVhdxSpec,
  options: MemoryOptions = {},
): Promise<{ files: MemoryFileSystem; into: MergeDestination }> => {
  const files = diskWith(spec, options);
  return { files, into: await opened(files) };
};

export const inWords = ({ operation, position, bytes }: Call): string =>
  operation === 'write' ? `write ${bytes!.length} at ${position!}` : [operation, position].join(' ').trim();

export const ours = async (): Promise<void> => undefined;

/** A block and runs of it, counted from its first sector. */
export const toWrite = (
  into: Pick<MergeDestination, 'mergeBlockSectors'>,
  block: number,
  runs: readonly SuppliedRun[],
): BlockToWrite => ({
  block,
  runs: runs.map((run) => ({ ...run, start: run.start + block * into.mergeBlockSectors })),
});

export const data = (start: number, count = 1): SuppliedRun => ({ start, count, kind: 'data' });
export const zeros = (start: number, count = 1): SuppliedRun => ({ start, count, kind: 'zero' });

/** Writes all that is planned for these blocks. Returns where their data areas are. */
export const writeAll = async (
  into: MergeDestination,
  window: Awaited<ReturnType<MergeDestination['openWindow']>>,
  blocks: readonly BlockToWrite[],
): Promise<readonly number[]> => {
  const sectorBytes = into.description.logicalSectorSize as SectorBytes;
  const offsets: number[] = [];
  for (const { block, runs } of blocks) {
    let offset = 0;
    const dataRuns = runs.filter(({ kind }) => kind === 'data').map(({ start, count }) => ({ start, count }));
    const sectors = dataRuns.flatMap(({ start, count }) => Array.from({ length: count }, (_, n) => start + n));
    const packed = Buffer.concat(sectors.map((sector) => contentOf(MERGED, sector, sectorBytes)));
    if (dataRuns.length > 0) offset = await window.write(block, dataRuns, packed);
    if (runs.some(({ kind }) => kind === 'zero')) offset = await window.zero(block);
    offsets.push(offset);
  }
  return offsets;
};

/** One window of these blocks, whole. */
export const merge = async (into: MergeDestination, blocks: readonly BlockToWrite[]): Promise<readonly number[]> => {
  const window = await into.openWindow(blocks);
  const offsets = await writeAll(into, window, blocks);
  await window.commit(ours);
  return offsets;
};

/** The file as the plain reader finds it, its log applied; fails when something is wrong with it that a reader cannot live with. */
export const found = (files: MemoryFileSystem): PlainVhdx => {
  expect(checkPlainVhdx(files.source(PATH)).filter(fatalVhdx)).toEqual([]);
  return openPlainVhdx(files.source(PATH));
};

/** What each sector of a range shows through this image alone: `parent` where it asks its parent. Without a range the whole disk. */
export const shown = (
  image: PlainVhdx,
  from = 0,
  to = image.sizeBytes / image.logicalSectorBytes,
): readonly string[] => {
  const sectorBytes = image.logicalSectorBytes as SectorBytes;
  const names: string[] = [];
  for (const { firstSector, sectorCount, place } of vhdxRuns(image, from, to)) {
    if (typeof place === 'number') {
      const bytes = image.view.read(place, sectorCount * sectorBytes);
      for (let n = 0; n < sectorCount; n += 1)
        names.push(nameOf(bytes.subarray(n * sectorBytes, (n + 1) * sectorBytes), firstSector + n, sectorBytes));
    } else {
      const name = place === undefined && image.type === 'differencing' ? 'parent' : 'zeros';
      for (let n = 0; n < sectorCount; n += 1) names.push(name);
    }
  }
  return names;
};

/** What a disk shows after a merge of these blocks, from what it showed before. */
export const mergedOver = (names: readonly string[], blocks: readonly BlockToWrite[]): readonly string[] => {
  const merged = [...names];
  for (const { runs } of blocks)
    for (const { start, count, kind } of runs) merged.fill(kind === 'data' ? 'merged' : 'zeros', start, start + count);
  return merged;
};

/** The first place in which two lists differ, in words; undefined when they are equal. */
export const firstDifferenceOf = (expected: readonly string[], actual: readonly string[]): string | undefined => {
  const at = expected.findIndex((name, n) => name !== actual[n]);
  if (at >= 0) return `sector ${at} should be ${expected[at]!}, and is ${actual[at] ?? 'not there'}`;
  return expected.length === actual.length ? undefined : `${actual.length} sectors instead of ${expected.length}`;
};

/** Runs until the power goes; false when it did not. */
export const untilPowerLoss = async (files: MemoryFileSystem, work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work();
  } catch (error) {
    if (!files.isOff) throw error;
  }
  return files.isOff;
};

/**
 * The smallest program that merges a chain through the disk-image port: windows of some blocks, pieces of some sectors, windows
 * one after the other or overlapped by one. No journal, no checks: what is tested is the port.
 */
import type { DestinationWindow, DiskImage, DiskImages, MergeDestination } from '#application/ports/disk-image';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { endOf, joinTouching, sectorCount, type SectorRun } from '#domain/sector-run';
import { SECTOR_BYTES } from '../models/sector-content.js';

export type MergeShape = {
  /** Blocks of each window, used in turn. */
  readonly windowBlocks: readonly number[];
  readonly pieceSectors: number;
  /** The next window copies while this one commits. */
  readonly overlapped: boolean;
};

export const valueOf = <T>(result: Result<T, MergeError>): T => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

/** A run and the image that supplies it: the nearest that has it. */
type OwnedRun = SectorRun & { readonly image: DiskImage };

export type PlannedBlock = { readonly block: number; readonly runs: readonly OwnedRun[] };

/** Merges all of `paths` but the last into the last; nearest first. `committed` hears of each block whose window is durable. */
export const mergeInWindows = async (
  images: DiskImages,
  paths: readonly string[],
  shape: MergeShape,
  committed: (planned: PlannedBlock) => void = () => undefined,
): Promise<void> => {
  const sources: DiskImage[] = [];
  for (const path of paths.slice(0, -1)) sources.push(valueOf(await images.open(path)));
  const destination = valueOf(await images.openDestination(paths.at(-1)!));
  await destination.prepare();
  const blocks = await plannedBlocks(sources, destination);
  let committing: Promise<void> = Promise.resolve();
  for (let from = 0, nth = 0; from < blocks.length; nth += 1) {
    const count = shape.windowBlocks[nth % shape.windowBlocks.length]!;
    const planned = blocks.slice(from, from + count);
    from += count;
    const window = await destination.openWindow(
      planned.map(({ block, runs }) => ({ block, runs: joinTouching(runs) })),
    );
    for (const block of planned) await writeBlock(block, window, shape.pieceSectors);
    await committing;
    committing = window
      .commit(async () => undefined)
      .then(() => {
        planned.forEach(committed);
      });
    // A failure is seen at the next `await committing`; until then it counts as handled.
    committing.catch(() => undefined);
    if (!shape.overlapped) await committing;
  }
  await committing;
  for (const image of [...sources, destination]) await image.close();
};

/** The destination's blocks of which some image supplies something. */
export const plannedBlocks = async (
  sources: readonly DiskImage[],
  destination: MergeDestination,
): Promise<readonly PlannedBlock[]> => {
  const blocks: PlannedBlock[] = [];
  const diskSectors = destination.description.virtualSizeBytes / SECTOR_BYTES;
  const { mergeBlockSectors } = destination;
  for (let start = 0; start < diskSectors; start += mergeBlockSectors) {
    const runs = await ownedRuns(sources, { start, count: Math.min(mergeBlockSectors, diskSectors - start) });
    if (runs.length > 0) blocks.push({ block: start / mergeBlockSectors, runs });
  }
  return blocks;
};

/** Sector by sector, so that nothing can go wrong in it. */
const ownedRuns = async (sources: readonly DiskImage[], range: SectorRun): Promise<readonly OwnedRun[]> => {
  const owners = new Array<DiskImage | undefined>(range.count).fill(undefined);
  for (const image of sources.toReversed()) {
    for (const run of await image.supplied(range))
      owners.fill(image, run.start - range.start, endOf(run) - range.start);
  }
  const runs: OwnedRun[] = [];
  owners.forEach((image, n) => {
    if (image !== undefined) runs.push({ start: range.start + n, count: 1, image });
  });
  return runs;
};

const writeBlock = async (
  { block, runs }: PlannedBlock,
  window: DestinationWindow,
  pieceSectors: number,
): Promise<void> => {
  for (let at = 0; at < runs.length; at += pieceSectors) {
    const piece = runs.slice(at, at + pieceSectors);
    const packed = new Uint8Array(sectorCount(piece) * SECTOR_BYTES);
    for (const [n, { image, ...run }] of piece.entries()) {
      await image.read(run, packed.subarray(n * SECTOR_BYTES, (n + 1) * SECTOR_BYTES));
    }
    await window.write(block, joinTouching(piece), packed);
  }
};

/** What the images show one over the other, nearest first; zeros where none has the sector. */
export const shownBy = async (images: readonly DiskImage[]): Promise<Uint8Array> => {
  const [leaf] = images;
  const { virtualSizeBytes } = leaf!.description;
  const shown = new Uint8Array(virtualSizeBytes);
  for (const image of images.toReversed()) {
    for (const run of await image.supplied({ start: 0, count: virtualSizeBytes / SECTOR_BYTES })) {
      await image.read(run, shown.subarray(run.start * SECTOR_BYTES, endOf(run) * SECTOR_BYTES));
    }
  }
  return shown;
};

/**
 * The smallest program that merges a chain through the disk-image port: windows of some blocks, pieces of some sectors, windows
 * one after the other or overlapped by one. A destination that changes its identity or its size does so around them. No journal, no
 * checks: what is tested is the port.
 */
import type {
  BlockToWrite,
  DestinationWindow,
  DiskImage,
  DiskImages,
  MergeDestination,
  SuppliedRun,
} from '#application/ports/disk-image';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { endOf, joinTouching, sectorCount, type SectorRun } from '#domain/sector-run';
import { awaitedLater } from './awaited-later.js';

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

/** The FileWriteGuid of a run. */
export const RUN_GUID = 'c4a10f01-d000-4000-8000-0000000000aa';
/** Of the same run, for the destination's direct child. */
const CHILD_RUN_GUID = 'c4a10f01-d000-4000-8000-0000000000ab';

export const dataRun = (start: number, count = 1): SuppliedRun => ({ start, count, kind: 'data' });

/** One sector and the image that supplies it: the nearest that has it. Without one a smaller disk hides it, so it is zero. */
type OwnedSector = SuppliedRun & { readonly image: DiskImage | null };

export type PlannedBlock = { readonly block: number; readonly runs: readonly OwnedSector[] };

/** Sources from the nearest on. */
export type OpenedChain = { readonly sources: readonly DiskImage[]; readonly destination: MergeDestination };

/** Merges all of `paths` but the last into the last; nearest first. `committed` hears of each block whose window is durable. */
export const mergeInWindows = async (
  images: DiskImages,
  paths: readonly string[],
  shape: MergeShape,
  committed: (planned: PlannedBlock) => void = () => undefined,
): Promise<void> => {
  const opened = await openToMerge(images, paths);
  await mergeOpened(images, opened, shape, committed);
  for (const image of [...opened.sources, opened.destination]) await image.close();
};

export const openToMerge = async (images: DiskImages, paths: readonly string[]): Promise<OpenedChain> => {
  const sources: DiskImage[] = [];
  for (const path of paths.slice(0, -1)) sources.push(valueOf(await images.open(path)));
  return { sources, destination: valueOf(await images.openDestination(paths.at(-1)!)) };
};

export const mergeOpened = async (
  images: DiskImages,
  { sources, destination }: OpenedChain,
  shape: MergeShape,
  committed: (planned: PlannedBlock) => void = () => undefined,
): Promise<void> => {
  const source = sources[0]!;
  const refusal = await destination.completionRefusal(source);
  if (refusal !== null) throw new Error(refusal.message);
  await destination.prepare(RUN_GUID);
  await takeIdentity(images, sources.at(-1)!.description.path, destination);
  const blocks = await plannedBlocks(sources, destination);
  await destination.growTo(source.description.virtualSizeBytes);
  let committing = awaitedLater(Promise.resolve());
  for (let from = 0, nth = 0; from < blocks.length; nth += 1) {
    const count = shape.windowBlocks[nth % shape.windowBlocks.length]!;
    const planned = blocks.slice(from, from + count);
    from += count;
    const window = await destination.openWindow(planned.map(toWrite));
    for (const block of planned) await writeBlock(block, window, shape.pieceSectors);
    await committing();
    committing = awaitedLater(
      window
        .commit(async () => undefined)
        .then(() => {
          planned.forEach(committed);
        }),
    );
    if (!shape.overlapped) await committing();
  }
  await committing();
  await destination.complete(source);
};

/** The child accepts old and new, then the destination changes, then the child forgets the old. FORMATS.md C4 */
const takeIdentity = async (images: DiskImages, childPath: string, destination: MergeDestination): Promise<void> => {
  const change = destination.identityChange;
  if (change === null) return;
  const link = valueOf(await images.parentLink(childPath, CHILD_RUN_GUID));
  const { identity } = destination.description;
  const next = nextIdentity(identity);
  await link.accept([identity, next]);
  await change.take(next);
  await link.accept([next]);
  await link.close();
};

/** Another GUID with each merge; unlike those of the other images, which differ in their last digits. */
const nextIdentity = (identity: string): string => {
  const first = (Number.parseInt(identity.slice(0, 8), 16) + 1) % 2 ** 32;
  return `${first.toString(16).padStart(8, '0')}${identity.slice(8)}`;
};

/**
 * The destination's blocks of which some image supplies something. Where nothing but the end of a smaller disk speaks of a block, it
 * is merged only when the destination may show something there.
 */
export const plannedBlocks = async (
  sources: readonly DiskImage[],
  destination: MergeDestination,
): Promise<readonly PlannedBlock[]> => {
  const blocks: PlannedBlock[] = [];
  const diskSectors = sectorsOf(sources[0]!);
  const { mergeBlockSectors } = destination;
  for (let start = 0; start < diskSectors; start += mergeBlockSectors) {
    const range = { start, count: Math.min(mergeBlockSectors, diskSectors - start) };
    const runs = await ownedSectors(sources, sectorsOf(destination), range);
    const isSupplied = runs.some(({ image }) => image !== null);
    if (isSupplied || (runs.length > 0 && (await showsAfter(destination, runs[0]!.start, endOf(range)))))
      blocks.push({ block: start / mergeBlockSectors, runs });
  }
  return blocks;
};

const showsAfter = async (destination: MergeDestination, from: number, end: number): Promise<boolean> => {
  const showing = await destination.nextShowing(from);
  return showing !== null && showing < Math.min(end, sectorsOf(destination));
};

const sectorsOf = ({ description }: DiskImage): number => description.virtualSizeBytes / description.logicalSectorSize;

/** Sector by sector, so that nothing can go wrong in it. `belowSectors`: the size of the disk under the sources. */
const ownedSectors = async (
  sources: readonly DiskImage[],
  belowSectors: number,
  range: SectorRun,
): Promise<readonly OwnedSector[]> => {
  type Owner = Pick<OwnedSector, 'image' | 'kind'>;
  const owners = new Array<Owner | undefined>(range.count).fill(undefined);
  const hideFrom = (sector: number): void => {
    owners.fill({ image: null, kind: 'zero' }, Math.max(0, sector - range.start));
  };
  hideFrom(belowSectors);
  for (const image of sources.toReversed()) {
    hideFrom(sectorsOf(image));
    for (const run of await image.supplied(range))
      owners.fill({ image, kind: run.kind }, run.start - range.start, endOf(run) - range.start);
  }
  return owners.flatMap((owner, n) => (owner === undefined ? [] : [{ start: range.start + n, count: 1, ...owner }]));
};

/** Joined where they touch and are of one kind, as the port wants a plan. */
const toWrite = ({ block, runs }: PlannedBlock): BlockToWrite => ({
  block,
  runs: joined(runs, (a, b) => a.kind === b.kind).map(({ start, count, kind }) => ({ start, count, kind })),
});

const joined = (
  runs: readonly OwnedSector[],
  areAlike: (a: OwnedSector, b: OwnedSector) => boolean,
): readonly OwnedSector[] => {
  const result: OwnedSector[] = [];
  for (const run of runs) {
    const last = result.at(-1);
    if (last !== undefined && areAlike(last, run) && endOf(last) === run.start)
      result[result.length - 1] = { ...last, count: last.count + run.count };
    else result.push(run);
  }
  return result;
};

const writeBlock = async (
  { block, runs }: PlannedBlock,
  window: DestinationWindow,
  pieceSectors: number,
): Promise<void> => {
  const data = runs.filter(({ kind }) => kind === 'data');
  for (let at = 0; at < data.length; at += pieceSectors) {
    const piece = data.slice(at, at + pieceSectors);
    await window.write(block, joinTouching(piece), await packedFrom(piece));
  }
  if (data.length < runs.length) await window.zero(block);
};

const packedFrom = async (piece: readonly OwnedSector[]): Promise<Uint8Array> => {
  const sectorBytes = piece[0]!.image!.description.logicalSectorSize;
  const packed = new Uint8Array(sectorCount(piece) * sectorBytes);
  let done = 0;
  for (const { image, start, count } of joined(piece, (a, b) => a.image === b.image)) {
    await image!.read({ start, count }, packed.subarray(done, done + count * sectorBytes));
    done += count * sectorBytes;
  }
  return packed;
};

/** What the images show one over the other, nearest first; zeros where none has the sector, or a smaller disk hides it. */
export const shownBy = async (images: readonly DiskImage[]): Promise<Uint8Array> => {
  const { virtualSizeBytes, logicalSectorSize } = images[0]!.description;
  const shown = new Uint8Array(virtualSizeBytes);
  for (const image of images.toReversed()) {
    shown.fill(0, image.description.virtualSizeBytes);
    for (const run of await image.supplied({ start: 0, count: virtualSizeBytes / logicalSectorSize })) {
      const part = shown.subarray(run.start * logicalSectorSize, endOf(run) * logicalSectorSize);
      if (run.kind === 'zero') part.fill(0);
      else await image.read({ start: run.start, count: run.count }, part);
    }
  }
  return shown;
};

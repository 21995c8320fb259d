import type { FileIdentity } from '#domain/chain/image-description';
import type { BlockMerged, ChainAccepted, ImageRecord } from '#domain/merge-job/events';
import { mergeError, type MergeError } from '#domain/merge-error';
import { rangeOfBlock, suppliers, writtenRuns, zeroRuns } from '#domain/merge-plan/block-merge';
import { toSectorSet } from '#domain/merge-plan/sector-set';
import type { OpenedImage } from '../chain/open-chain.js';
import type { BlockMerge } from '#domain/merge-plan/block-merge';
import type { SectorRun } from '#domain/sector-run';
import type { ChainView, ImagesWalk } from '../chain/chain-view.js';

/** How an image stands to what `ChainAccepted` recorded of it. */
export type SourceComparison = 'same' | 'moved' | 'changed';

/**
 * A source must be what was accepted: identity and size for certain. If only inode or mtime differ (copied, restored, another
 * host, or a machine that ran on it), its committed blocks are read again and compared. Device numbers count only within one
 * boot of one host, so they are not compared at all. While a run of ours changes the link of the destination's direct child
 * (`linkIsChanging`), that file is between two images.
 */
export const compareSource = (accepted: ImageRecord, now: OpenedImage, linkIsChanging: boolean): SourceComparison => {
  const { description } = now.image;
  if (description.identity !== accepted.identity || description.virtualSizeBytes !== accepted.virtualSizeBytes)
    return 'changed';
  if (linkIsChanging) return 'moved';
  if (now.file.sizeBytes !== accepted.file.sizeBytes) return 'changed';
  return now.file.ino === accepted.file.ino && now.file.mtimeNs === accepted.file.mtimeNs ? 'same' : 'moved';
};

/** More than an hour between the last event and the destination's mtime: the stream is old, or someone has used the disk. */
const LONGEST_SILENCE_MS = 60 * 60 * 1000;

export const destinationWasUsed = (mtimeMs: number, lastEventAtMs: number): boolean =>
  mtimeMs - lastEventAtMs > LONGEST_SILENCE_MS;

export const sourceChanged = (jobId: string, accepted: ImageRecord, now: FileIdentity): MergeError =>
  mergeError('image-changed', 'this source was changed after the merge had begun', {
    path: accepted.path,
    expected: `${String(accepted.file.sizeBytes)} bytes, inode ${accepted.file.ino}, modified at ${accepted.file.mtimeNs} ns, and the content that was merged`,
    found: `${String(now.sizeBytes)} bytes, inode ${now.ino}, modified at ${now.mtimeNs} ns, and other content`,
    todo: `The source still shows its own data and nothing is lost. End the old job with \`chainfold terminate ${jobId}\`, then run the same merge again: it takes no block as done.`,
  });

export const destinationUsed = (jobId: string, path: string, mtimeMs: number, lastEventAtMs: number): MergeError =>
  mergeError('image-changed', 'the destination was written to after the job had stopped', {
    path,
    expected: `no change after ${new Date(lastEventAtMs).toISOString()}, the last event of the job (up to an hour is allowed)`,
    found: `a modification at ${new Date(mtimeMs).toISOString()}`,
    todo: `Either the journal is an old copy or somebody used this disk. Find out which; to merge all the same, end the old job with \`chainfold terminate ${jobId}\` and run the merge again.`,
  });

export const destinationReplaced = (jobId: string, accepted: ImageRecord, now: FileIdentity): MergeError =>
  mergeError('image-changed', 'the destination is not the file that this job has written to', {
    path: accepted.path,
    expected: `inode ${accepted.file.ino}, or a copy with every block that the journal calls committed`,
    found: `inode ${now.ino} and ${String(now.sizeBytes)} bytes`,
    todo: `A copy or a backup may lack blocks that the journal calls committed. The source still shows its data: end the job with \`chainfold terminate ${jobId}\` and run the same merge again; it takes no block as done.`,
  });

export const imagesDiffer = (jobId: string, accepted: ChainAccepted, now: readonly string[]): MergeError =>
  mergeError('image-changed', 'the chain is not the one that this job accepted', {
    path: accepted.images[0]?.path ?? '',
    expected: accepted.images.map((image) => image.path).join(' → '),
    found: now.join(' → '),
    todo: `Put the images back as they were, or end the old job with \`chainfold terminate ${jobId}\` and run the merge again.`,
  });

/**
 * Compares the committed blocks with the sources as they are now: the same sectors, the same zeros, the same bytes, from the same
 * images; and no block supplied that was not committed. `committed` are the job's `BlockMerged` in order, repairs left out.
 */
export const sourcesStillGive = async (
  committed: AsyncIterable<BlockMerged>,
  sources: ChainView,
  blockSectors: number,
  nextBlock: number,
  digestOf: (merge: BlockMerge) => Promise<string>,
): Promise<boolean> => {
  const supplied = sources.walk('supplied');
  let next = 0;
  for await (const event of committed) {
    if (await suppliesBlockIn(next, event.block, blockSectors, sources, supplied)) return false;
    const runs = await sources.covered(rangeOfBlock(event.block, blockSectors, sources.diskSectors));
    if (!sameSectors({ block: event.block, runs }, event, blockSectors)) return false;
    if ((await digestOf({ block: event.block, runs })) !== event.digest) return false;
    next = event.block + 1;
  }
  return !(await suppliesBlockIn(next, nextBlock, blockSectors, sources, supplied));
};

/** Does an image supply anything of the blocks in [from, to)? A walk answers early at times, so each answer is looked at. */
const suppliesBlockIn = async (
  from: number,
  to: number,
  blockSectors: number,
  { images, diskSectors }: ChainView,
  walk: ImagesWalk,
): Promise<boolean> => {
  for (let block = from; block < to;) {
    const sector = await walk.next(block * blockSectors);
    if (sector === null || sector >= Math.min(to * blockSectors, diskSectors)) return false;
    block = Math.floor(sector / blockSectors);
    const range = rangeOfBlock(block, blockSectors, diskSectors);
    for (const image of images) if ((await image.supplied(range)).length > 0) return true;
    block += 1;
  }
  return false;
};

const sameSectors = (merge: BlockMerge, event: BlockMerged, blockSectors: number): boolean => {
  const setOf = (runs: readonly SectorRun[]): string =>
    JSON.stringify(toSectorSet(runs, merge.block * blockSectors, blockSectors));
  const zeros = event.zeros ?? { runs: [] };
  return (
    setOf(writtenRuns(merge)) === JSON.stringify(event.sectors) &&
    setOf(zeroRuns(merge)) === JSON.stringify(zeros) &&
    JSON.stringify(suppliers(merge)) === JSON.stringify(event.from)
  );
};

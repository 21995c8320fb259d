import type { FileIdentity } from '#domain/chain/image-description';
import type { BlockMerged, ChainAccepted, ImageRecord } from '#domain/merge-job/events';
import { mergeError, type MergeError } from '#domain/merge-error';
import { rangeOfBlock, suppliers, writtenRuns } from '#domain/merge-plan/block-merge';
import { toSectorSet } from '#domain/merge-plan/sector-set';
import type { OpenedImage } from '../chain/open-chain.js';
import type { BlockMerge } from '#domain/merge-plan/block-merge';

/** How an image stands to what `ChainAccepted` recorded of it. */
export type SourceComparison = 'same' | 'moved' | 'changed';

/**
 * A source must be what was accepted: identity and size for certain. If only inode or mtime differ (copied, restored, another
 * host, or a machine that ran on it), its committed blocks are read again and compared. Device numbers count only within one
 * boot of one host, so they are not compared at all.
 */
export const compareSource = (accepted: ImageRecord, now: OpenedImage): SourceComparison => {
  const { description } = now.image;
  if (description.identity !== accepted.identity || description.virtualSizeBytes !== accepted.virtualSizeBytes)
    return 'changed';
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
 * Compares the committed blocks with the sources as they are now: the same blocks, the same sectors, the same bytes. `committed`
 * are the job's `BlockMerged` in order, repairs left out; `plan` is today's plan from the first block on.
 */
export const sourcesStillGive = async (
  committed: AsyncIterable<BlockMerged>,
  plan: AsyncIterator<BlockMerge>,
  nextBlock: number,
  blockSectors: number,
  digestOf: (merge: BlockMerge) => Promise<string>,
): Promise<boolean> => {
  for await (const event of committed) {
    const next = await plan.next();
    if (next.done === true || next.value.block !== event.block) return false;
    const start = rangeOfBlock(event.block, blockSectors, Number.MAX_SAFE_INTEGER).start;
    const sectors = toSectorSet(writtenRuns(next.value), start, blockSectors);
    if (JSON.stringify(sectors) !== JSON.stringify(event.sectors)) return false;
    if (JSON.stringify(suppliers(next.value)) !== JSON.stringify(event.from)) return false;
    if ((await digestOf(next.value)) !== event.digest) return false;
  }
  const following = await plan.next();
  return following.done === true || following.value.block >= nextBlock;
};

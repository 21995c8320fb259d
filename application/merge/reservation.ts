/**
 * Room for what a run will append to the destination, set aside before its first write, so that a full file system stops a merge
 * before it has done anything. Guarantees:
 * - No byte and no size changes: a VHD's footer stays where readers look for it.
 * - It is given back when the copy ends, however it ends. A killed process leaves the file with more space than its size; that harms
 *   nobody, and the next run takes it over: what is there already is not taken twice.
 * - It is no promise where the file system knows no such thing, and none for holes inside the file, a copy-on-write file system, or
 *   thin storage: a write or a flush may still find no room, and the run stops at a durable point.
 */
import type { CommittedTotals } from '#domain/merge-job/events';
import { suppliedRuns } from '#domain/merge-plan/block-merge';
import { roundUp } from '#domain/quantities';
import { FileSystemFault, type FileSystem, type OpenFile } from '../ports/file-system.js';
import { blocksToMerge } from './blocks-to-merge.js';
import { PAGE_BYTES } from './holes.js';
import type { MergeMaterial } from './run-context.js';

export interface Reservation {
  readonly outcome: 'reserved' | 'unsupported' | 'nothing needed';
  /** Asked again it does nothing. */
  giveBack(): Promise<void>;
}

const NOTHING_NEEDED: Reservation = { outcome: 'nothing needed', giveBack: async () => undefined };

/**
 * Opens the destination anew for it: the file that is written may be refused after a fault, and space belongs to the file, not to a
 * descriptor. Fault `out-of-space` when there is not so much; nothing is kept then. Asked before the destination is prepared.
 */
export const reserveForRun = async (
  { sources, destination }: Pick<MergeMaterial, 'sources' | 'destination'>,
  { nextBlock }: CommittedTotals,
  files: FileSystem,
): Promise<Reservation> => {
  let newBlocks = 0;
  for await (const merge of blocksToMerge(sources, destination, nextBlock))
    if (await destination.needsNewBlock({ block: merge.block, runs: suppliedRuns(merge) })) newBlocks += 1;
  const endBytes = destination.fileEndAfter(newBlocks, sources.diskSectors * sources.sectorSize);
  const { path } = destination.description;
  const { sizeBytes } = (await files.stat(path)) ?? { sizeBytes: endBytes };
  if (endBytes <= sizeBytes) return NOTHING_NEEDED;
  const file = await files.open(path, 'read-write');
  try {
    const outcome = await file.space.reserve(sizeBytes, endBytes - sizeBytes);
    return { outcome, giveBack: once(() => giveBackAndClose(file)) };
  } catch (fault) {
    await giveBackAndClose(file);
    throw fault;
  }
};

const giveBackAndClose = async (file: OpenFile): Promise<void> => {
  try {
    await file.space.giveBack();
  } catch (fault) {
    // The file keeps more space than it needs, which the next run takes over. What ended this run is the news, not this.
    if (!(fault instanceof FileSystemFault)) throw fault;
  } finally {
    await file.close();
  }
};

const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | null = null;
  return () => (done ??= work());
};

/** Free bytes on the destination's file system, and those that it has behind its end already: a killed run may have left them. */
export const spaceForMerge = async (destination: string, files: FileSystem): Promise<number> => {
  const freeBytes = await files.freeSpaceBytes(destination);
  const file = await files.open(destination, 'read');
  try {
    const allocatedBytes = (await file.space.allocatedBytes()) ?? 0;
    const { sizeBytes } = await file.stat();
    const behindEnd = Math.max(0, allocatedBytes - roundUp(sizeBytes, PAGE_BYTES));
    return Math.min(Number.MAX_SAFE_INTEGER, freeBytes + behindEnd);
  } finally {
    await file.close();
  }
};

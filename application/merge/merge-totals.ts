import { coveredSectors, suppliedRuns } from '#domain/merge-plan/block-merge';
import type { ChainView } from '../chain/chain-view.js';
import type { MergeDestination } from '../ports/disk-image.js';
import { blocksToMerge } from './blocks-to-merge.js';

/** What a merge will do, from the allocation maps alone. Bytes are those of covered sectors. */
export interface MergeTotals {
  readonly blocks: number;
  readonly bytes: number;
  readonly newBlocks: number;
  readonly spaceNeededBytes: number;
}

export const mergeTotals = async (sources: ChainView, destination: MergeDestination): Promise<MergeTotals> => {
  const sizeBytes = sources.diskSectors * sources.sectorSize;
  let blocks = 0;
  let covered = 0;
  let newBlocks = 0;
  for await (const merge of blocksToMerge(sources, destination)) {
    blocks += 1;
    covered += coveredSectors(merge);
    if (await destination.needsNewBlock({ block: merge.block, runs: suppliedRuns(merge) })) newBlocks += 1;
  }
  return {
    blocks,
    bytes: covered * sources.sectorSize,
    newBlocks,
    spaceNeededBytes: destination.spaceForNewBlocks(newBlocks) + destination.spaceToGrow(sizeBytes),
  };
};

import { coveredSectors, suppliedRuns } from '#domain/merge-plan/block-merge';
import { blocksToMerge } from './blocks-to-merge.js';
import { Holes } from './holes.js';
import type { MergeChain } from './locked-chain.js';
import type { MergeMaterial, RunPorts } from './run-context.js';
import { growthBytes, journalGrowthBytes, otherImagesBytes } from './space-needed.js';

/** What a merge will do, from the allocation maps alone. Bytes are those of covered sectors. */
export interface MergeTotals {
  readonly blocks: number;
  readonly bytes: number;
  readonly newBlocks: number;
  /** On the destination's file system, at most: see `space-needed.ts`. */
  readonly spaceNeededBytes: number;
}

export type SpacePorts = Pick<RunPorts, 'files' | 'store'>;

export const mergeTotals = async (
  { sources, destination }: Pick<MergeMaterial, 'sources' | 'destination'>,
  chain: MergeChain,
  ports: SpacePorts,
): Promise<MergeTotals> => {
  const file = await ports.files.open(destination.description.path, 'read');
  try {
    const { sizeBytes } = await file.stat();
    const holes = await Holes.of(file.space, sizeBytes);
    const totals = { blocks: 0, sectors: 0, newBlocks: 0, inPlaceBytes: 0 };
    for await (const merge of blocksToMerge(sources, destination)) {
      const block = { block: merge.block, runs: suppliedRuns(merge) };
      const { data, structures } = await destination.writesInPlace(block);
      totals.blocks += 1;
      totals.sectors += coveredSectors(merge);
      if (await destination.needsNewBlock(block)) totals.newBlocks += 1;
      totals.inPlaceBytes += (await holes.bytesUnder(data)) + (await holes.bytesUnderShared(structures));
    }
    const { blocks, sectors, newBlocks } = totals;
    if (blocks > 0) totals.inPlaceBytes += await holes.bytesUnderShared(destination.structuresInPlace());
    const endBytes = destination.fileEndAfter(newBlocks, sources.diskSectors * sources.sectorSize);
    return {
      blocks,
      bytes: sectors * sources.sectorSize,
      newBlocks,
      spaceNeededBytes:
        growthBytes(sizeBytes, endBytes) +
        totals.inPlaceBytes +
        (await otherImagesBytes(chain, ports)) +
        (await journalGrowthBytes(destination.description.path, blocks, ports)),
    };
  } finally {
    await file.close();
  }
};

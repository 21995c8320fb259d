import { rangeOfBlock, type BlockMerge } from '#domain/merge-plan/block-merge';
import type { ChainView } from '../chain/chain-view.js';

/**
 * The destination blocks in which some source supplies a sector, ascending, from `firstBlock` on. One pass over the whole
 * sub-chain: each sector appears once, from the image nearest to the source. Stretches that nobody covers cost nothing.
 */
export async function* blocksToMerge(
  sources: ChainView,
  blockSectors: number,
  firstBlock = 0,
): AsyncGenerator<BlockMerge> {
  const walk = sources.walk();
  let sector = firstBlock * blockSectors;
  while (sector < sources.diskSectors) {
    const next = await walk.nextCovered(sector);
    if (next === null) return;
    const block = Math.floor(next / blockSectors);
    const runs = await sources.covered(rangeOfBlock(block, blockSectors, sources.diskSectors));
    if (runs.length > 0) yield { block, runs };
    sector = (block + 1) * blockSectors;
  }
}

import { rangeOfBlock, type BlockMerge } from '#domain/merge-plan/block-merge';
import { lower, type ChainView } from '../chain/chain-view.js';
import type { MergeDestination } from '../ports/disk-image.js';

/**
 * The destination blocks in which some source supplies a sector, ascending, from `firstBlock` on. One pass over the whole
 * sub-chain: each sector appears once, from the image nearest to the source. Stretches that nobody covers cost nothing.
 *
 * What a smaller disk hides is covered by zeros from its end on, which may be nearly all of a large disk. Blocks of which nothing
 * but this is to be said are looked for in the destination, and only those that may show something are merged.
 */
export async function* blocksToMerge(
  sources: ChainView,
  destination: Pick<MergeDestination, 'mergeBlockSectors' | 'nextShowing'>,
  firstBlock = 0,
): AsyncGenerator<BlockMerge> {
  const { mergeBlockSectors } = destination;
  const supplied = sources.walk('supplied');
  const hidden = hiddenSectors(sources, destination);
  let sector = firstBlock * mergeBlockSectors;
  while (sector < sources.diskSectors) {
    const next = lower(await supplied.next(sector), await hidden(sector));
    if (next === null || next >= sources.diskSectors) return;
    const block = Math.floor(next / mergeBlockSectors);
    const runs = await sources.covered(rangeOfBlock(block, mergeBlockSectors, sources.diskSectors));
    if (runs.length > 0) yield { block, runs };
    sector = (block + 1) * mergeBlockSectors;
  }
}

/**
 * Finds the next hidden sector that the destination may show. Past the destination's own end, as it was accepted, there is none:
 * growing it makes them zero.
 */
const hiddenSectors = (
  { hiddenFrom, sizeBelow }: ChainView,
  destination: Pick<MergeDestination, 'nextShowing'>,
): ((from: number) => Promise<number | null>) => {
  let known: number | null | undefined;
  return async (from) => {
    if (hiddenFrom >= sizeBelow || known === null) return null;
    if (known === undefined || known < from) {
      const showing = await destination.nextShowing(Math.max(from, hiddenFrom));
      known = showing === null || showing >= sizeBelow ? null : showing;
    }
    return known;
  };
};

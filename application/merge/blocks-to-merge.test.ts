import { describe, expect, it } from 'vitest';
import { ChainView } from '../chain/chain-view.js';
import { sectorImage, showing } from '../../properties/product/sector-images.js';
import { blocksToMerge } from './blocks-to-merge.js';

/** Blocks of four sectors; each as `block:` and, for each of its sectors, who covers it (`-` nobody, a capital letter for zeros). */
const planOf = async (sources: readonly string[], destination: string, fromBlock = 0): Promise<readonly string[]> => {
  const view = new ChainView(sources.map(sectorImage), destination.length);
  const plan: string[] = [];
  for await (const { block, runs } of blocksToMerge(view, showing(destination, 4), fromBlock)) {
    const sectors = Array.from({ length: Math.min(4, view.diskSectors - block * 4) }, (_, n) => {
      const at = block * 4 + n;
      const run = runs.find(({ start, count }) => start <= at && at < start + count);
      if (run === undefined) return '-';
      const letter = 'abcdef'[run.image]!;
      return run.kind === 'zero' ? letter.toUpperCase() : letter;
    });
    plan.push(`${block}:${sectors.join('')}`);
  }
  return plan;
};

describe('the blocks to merge', () => {
  it('are those in which a source supplies something; the nearest image wins, zeros by state are a supply', async () => {
    expect(await planOf(['..d.....z...', 'dd..........'], 'dddddddddddd')).toEqual(['0:bba-', '2:A---']);
  });

  it('begin where a run goes on', async () => {
    expect(await planOf(['d...d...d...'], 'dddddddddddd', 1)).toEqual(['1:a---', '2:a---']);
  });

  it('include what a smaller disk between hides, where the destination may show it, and nothing where it reads zero', async () => {
    //              T1 ends after six sectors: the rest of the destination is hidden by zeros.
    expect(await planOf(['................', '......'], 'dddd.dd.....dd..')).toEqual(['1:--BB', '3:BBBB']);
  });

  it('join what hides and what is supplied in one block', async () => {
    expect(await planOf(['............d...', '......'], 'dddd........d...')).toEqual(['3:aBBB']);
  });

  it('leave what lies past the end of the destination to its growth, but cover it in blocks that are merged', async () => {
    expect(await planOf(['....d...........'], 'dddddd')).toEqual(['1:a-BB']);
  });

  it('end with the source, though the destination is larger', async () => {
    expect(await planOf(['d....'], 'dddddddddddd')).toEqual(['0:a---']);
    expect(await planOf(['d....', '...'], 'dddddddddddd')).toEqual(['0:a--B', '1:B']);
  });
});

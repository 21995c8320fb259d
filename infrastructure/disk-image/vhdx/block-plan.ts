/** A block that a window is to merge, measured: a wrong plan of the caller must not become a wrong write. */
import type { BlockToWrite } from '#application/ports/disk-image';
import { endOf, joinTouching, sectorCount, type SectorRun } from '#domain/sector-run';
import type { Coverage } from './block-actions.js';

/** Runs count from the block's first sector, are ascending and lie inside the disk. */
export interface BlockPlan {
  readonly block: number;
  /** The block's first sector, counted from the start of the disk. */
  readonly startSector: number;
  readonly data: readonly SectorRun[];
  readonly zeros: readonly SectorRun[];
  readonly covered: Coverage;
}

/** `endSector`: where the disk ends, or what counts as its end. */
export const planOf = ({ block, runs }: BlockToWrite, blockSectors: number, endSector: number): BlockPlan => {
  const startSector = block * blockSectors;
  const sectors = Math.min(blockSectors, endSector - startSector);
  const inBlock = runs.map((run) => ({ ...run, start: run.start - startSector }));
  let from = 0;
  for (const run of inBlock) {
    if (!(run.start >= from && run.count > 0 && endOf(run) <= sectors)) throw wrongPlan(block, run, sectors);
    from = endOf(run);
  }
  if (inBlock.length === 0) throw new RangeError(`Bug: nothing is planned for block ${block}`);
  const data = joinTouching(inBlock.filter(({ kind }) => kind === 'data'));
  const zeros = joinTouching(inBlock.filter(({ kind }) => kind === 'zero'));
  const covered = { isWhole: sectorCount(inBlock) === sectors, hasData: data.length > 0 };
  return { block, startSector, data, zeros, covered };
};

const wrongPlan = (block: number, { start, count }: SectorRun, sectors: number): RangeError =>
  new RangeError(
    `Bug: ${count} sectors from ${start} are planned for block ${block} of ${sectors} sectors, or in no order`,
  );

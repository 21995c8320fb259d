import { endOf, joinTouching, sectorCount, type SectorRun } from '../sector-run.js';
import type { CoveredRun, SuppliedRun } from './covered-runs.js';

/** One destination block and what the merge writes into it: covered runs in guest sectors, ascending. */
export interface BlockMerge {
  readonly block: number;
  readonly runs: readonly CoveredRun[];
}

/** The guest sectors of a block, cut off at the end of the disk. */
export const rangeOfBlock = (block: number, blockSectors: number, diskSectors: number): SectorRun => {
  const start = block * blockSectors;
  return { start, count: Math.min(blockSectors, diskSectors - start) };
};

/** Covered runs without regard to which image they come from, joined. */
export const writtenRuns = (merge: BlockMerge): SectorRun[] => joinTouching(merge.runs);

/** Covered runs as data or zeros, without regard to which image they come from; those of one kind that touch are joined. */
export const suppliedRuns = ({ runs }: BlockMerge): SuppliedRun[] => {
  const joined: SuppliedRun[] = [];
  for (const { start, count, kind } of runs) {
    const last = joined.at(-1);
    if (last?.kind === kind && endOf(last) === start)
      joined[joined.length - 1] = { start: last.start, count: last.count + count, kind };
    else joined.push({ start, count, kind });
  }
  return joined;
};

/** The runs that have bytes in some image's file. */
export const dataRuns = ({ runs }: BlockMerge): CoveredRun[] => runs.filter(({ kind }) => kind === 'data');
/** The runs that read zero without a byte in a file, joined. */
export const zeroRuns = ({ runs }: BlockMerge): SectorRun[] => joinTouching(runs.filter(({ kind }) => kind === 'zero'));

export const coveredSectors = (merge: BlockMerge): number => sectorCount(merge.runs);

/** The images that supply something, ascending. */
export const suppliers = (merge: BlockMerge): number[] =>
  [...new Set(merge.runs.map((run) => run.image))].sort((a, b) => a - b);

/**
 * Cuts a block's covered runs into pieces of at most `pieceSectors` sectors each, in order, so that a block of any size moves
 * through a buffer of one size.
 */
export const pieces = (runs: readonly CoveredRun[], pieceSectors: number): CoveredRun[][] => {
  const cut: CoveredRun[][] = [];
  let piece: CoveredRun[] = [];
  let room = pieceSectors;
  for (const run of runs) {
    let start = run.start;
    while (start < endOf(run)) {
      const count = Math.min(room, endOf(run) - start);
      piece.push({ ...run, start, count });
      start += count;
      room -= count;
      if (room === 0) {
        cut.push(piece);
        piece = [];
        room = pieceSectors;
      }
    }
  }
  return piece.length === 0 ? cut : [...cut, piece];
};

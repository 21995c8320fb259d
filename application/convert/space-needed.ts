import { MIB } from '#domain/quantities';
import { endOf, type SectorRun } from '#domain/sector-run';
import type { ChainView } from '../chain/chain-view.js';
import { chunksWithData } from '../chain/view-chunks.js';
import { nonZeroRuns } from './non-zero-runs.js';

const STEP_BYTES = 256 * MIB;

export interface Extent {
  readonly units: number;
  readonly bytes: number;
}

/**
 * Units of a new disk that the view has bytes for, by its allocation tables alone: some of them may read zero, and are not needed
 * then. Cheap: no data are read.
 */
export const extentByTables = async (view: ChainView, unitBytes: number): Promise<Extent> => {
  const counter = new UnitCounter(view.sectorSize, unitBytes);
  const step = STEP_BYTES / view.sectorSize;
  const walk = view.walk('data');
  for (let from = 0; from < view.diskSectors;) {
    const next = await walk.next(from);
    if (next === null || next >= view.diskSectors) break;
    const start = next - (next % step);
    const range = { start, count: Math.min(step, view.diskSectors - start) };
    for (const run of await view.covered(range)) if (run.kind === 'data') counter.add(run);
    from = endOf(range);
  }
  return counter.counted;
};

/** The same by the content: reads everything that there is. `onRead` may throw to end it. */
export const extentByContent = async (view: ChainView, unitBytes: number, onRead: () => void): Promise<Extent> => {
  const counter = new UnitCounter(view.sectorSize, unitBytes);
  for await (const chunk of chunksWithData(view, view.walk('data'))) {
    onRead();
    for (const run of nonZeroRuns(chunk, Math.min(unitBytes, MIB) / view.sectorSize)) counter.add(run);
  }
  return counter.counted;
};

/** Counts the units that runs touch. Runs come ascending; two may touch the same unit. */
class UnitCounter {
  private units = 0;
  private bytes = 0;
  private lastUnit = -1;

  constructor(
    private readonly sectorSize: number,
    private readonly unitBytes: number,
  ) {}

  add(run: SectorRun): void {
    const first = Math.max(this.lastUnit + 1, Math.floor((run.start * this.sectorSize) / this.unitBytes));
    const last = Math.floor((endOf(run) * this.sectorSize - 1) / this.unitBytes);
    this.units += Math.max(0, last - first + 1);
    this.bytes += run.count * this.sectorSize;
    this.lastUnit = Math.max(this.lastUnit, last);
  }

  get counted(): Extent {
    return { units: this.units, bytes: this.bytes };
  }
}

import { joinTouching, type SectorRun } from '#domain/sector-run';
import { readsZero, type Chunk } from '../chain/view-chunks.js';

/**
 * The parts of a chunk that are to be written into a disk that reads zero: whole units in which something is not zero, joined where
 * they touch, in guest sectors. The last unit of a disk may be cut off. `unitSectors` divides a chunk.
 */
export const nonZeroRuns = ({ range, bytes }: Chunk, unitSectors: number): readonly SectorRun[] => {
  const sectorBytes = bytes.byteLength / range.count;
  const runs: SectorRun[] = [];
  for (let done = 0; done < range.count; done += unitSectors) {
    const count = Math.min(unitSectors, range.count - done);
    const unit = bytes.subarray(done * sectorBytes, (done + count) * sectorBytes);
    if (!readsZero(unit)) runs.push({ start: range.start + done, count });
  }
  return joinTouching(runs);
};

/** The bytes of a run that lies in the chunk. */
export const bytesOfRun = ({ range, bytes }: Chunk, { start, count }: SectorRun): Uint8Array => {
  const sectorBytes = bytes.byteLength / range.count;
  return bytes.subarray((start - range.start) * sectorBytes, (start - range.start + count) * sectorBytes);
};

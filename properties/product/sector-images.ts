import type { DiskImage, MergeDestination, SuppliedRun } from '../../application/ports/disk-image.js';

/**
 * Disks that are told sector by sector: `d` has data, `z` reads zero by state, `.` supplies nothing. For rules about coverage; what
 * has no part in them is not there at all.
 */
export const sectorImage = (sectors: string): DiskImage => {
  const kindAt = (n: number): SuppliedRun['kind'] | null =>
    sectors[n] === 'd' ? 'data' : sectors[n] === 'z' ? 'zero' : null;
  const next = async (from: number, wanted: (kind: SuppliedRun['kind'] | null) => boolean): Promise<number | null> => {
    for (let n = from; n < sectors.length; n += 1) if (wanted(kindAt(n))) return n;
    return null;
  };
  const image: Pick<DiskImage, 'description' | 'supplied' | 'nextSupplied' | 'nextData' | 'read'> = {
    description: {
      path: `/${sectors}`,
      format: 'vhdx',
      type: 'differencing',
      virtualSizeBytes: sectors.length * 512,
      blockSizeBytes: 1024 * 1024,
      logicalSectorSize: 512,
      identity: sectors,
      writeIdentity: sectors,
      parentIdentities: [],
      parentCandidates: [],
      savedState: false,
      warnings: [],
    },
    supplied: async ({ start, count }) => {
      const runs: SuppliedRun[] = [];
      for (let n = start; n < Math.min(start + count, sectors.length); n += 1) {
        const kind = kindAt(n);
        if (kind !== null) runs.push({ start: n, count: 1, kind });
      }
      return runs;
    },
    nextSupplied: (from) => next(from, (kind) => kind !== null),
    nextData: (from) => next(from, (kind) => kind === 'data'),
    read: async ({ start }, into) => {
      into.fill(1 + (start % 200));
    },
  };
  return image as DiskImage;
};

/** A destination's part in the plan: which sectors it may show as something else than zeros (`d`), up to its own end. */
export const showing = (
  sectors: string,
  mergeBlockSectors: number,
): Pick<MergeDestination, 'mergeBlockSectors' | 'nextShowing'> => ({
  mergeBlockSectors,
  nextShowing: async (from) => {
    const found = sectors.indexOf('d', from);
    return found < 0 ? null : found;
  },
});

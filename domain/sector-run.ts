/**
 * Runs of guest sectors: `start` is a 0-based sector number of the virtual disk, `count` is at least 1, both in logical sectors.
 * A list of runs is ascending and without overlap; neighbours that touch are one run unless something else tells them apart.
 */
export interface SectorRun {
  readonly start: number;
  readonly count: number;
}

export const endOf = (run: SectorRun): number => run.start + run.count;

/** Sectors in all runs together. */
export const sectorCount = (runs: readonly SectorRun[]): number => runs.reduce((total, run) => total + run.count, 0);

/** Joins runs that touch. The input is ascending and without overlap. */
export const joinTouching = (runs: readonly SectorRun[]): SectorRun[] => {
  const joined: SectorRun[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last !== undefined && endOf(last) === run.start)
      joined[joined.length - 1] = { start: last.start, count: last.count + run.count };
    else joined.push({ start: run.start, count: run.count });
  }
  return joined;
};

/** What is left of `runs` when `taken` is cut out; both ascending and without overlap. */
export const subtractRuns = (runs: readonly SectorRun[], taken: readonly SectorRun[]): SectorRun[] => {
  const left: SectorRun[] = [];
  let next = 0;
  for (const run of runs) {
    let from = run.start;
    while (next < taken.length && endOf(taken[next]!) <= from) next++;
    for (let i = next; i < taken.length && taken[i]!.start < endOf(run); i++) {
      const cut = taken[i]!;
      if (cut.start > from) left.push({ start: from, count: cut.start - from });
      from = Math.max(from, endOf(cut));
    }
    if (from < endOf(run)) left.push({ start: from, count: endOf(run) - from });
  }
  return left;
};

import { endOf, subtractRuns, type SectorRun } from '../sector-run.js';

/** Sectors that one image supplies itself: `data` is in its file, `zero` reads as zeros by state. */
export interface SuppliedRun extends SectorRun {
  readonly kind: 'data' | 'zero';
}

/** A supplied run together with the image it comes from: an index into the chain, 0 is the source. */
export interface CoveredRun extends SuppliedRun {
  readonly image: number;
}

/** What the images looked at so far supply of a range, and what they leave to the next one below. Both ascending. */
export interface Coverage {
  readonly covered: readonly CoveredRun[];
  readonly open: readonly SectorRun[];
}

export const openRange = (range: SectorRun): Coverage => ({ covered: [], open: [range] });

/**
 * Lets the next image below supply what is still open: nearer images win by sector. A sector past the end of this image's disk
 * is covered by zeros, because a smaller disk hides everything under it. FORMATS.md C1.
 */
export const coverFrom = (
  coverage: Coverage,
  image: number,
  diskSectors: number,
  supplied: readonly SuppliedRun[],
): Coverage => {
  const offered = pastTheEnd(coverage.open, diskSectors, supplied);
  const covered = offered.flatMap((run) =>
    clip(run, coverage.open).map((part) => ({ ...part, kind: run.kind, image })),
  );
  if (covered.length === 0) return coverage;
  return { covered: mergeAscending(coverage.covered, covered), open: subtractRuns(coverage.open, covered) };
};

const pastTheEnd = (
  open: readonly SectorRun[],
  diskSectors: number,
  supplied: readonly SuppliedRun[],
): readonly SuppliedRun[] => {
  const last = open.at(-1);
  if (last === undefined || endOf(last) <= diskSectors) return supplied;
  return [...supplied, { start: diskSectors, count: endOf(last) - diskSectors, kind: 'zero' }];
};

/** The parts of `run` that lie in `open`. */
const clip = (run: SectorRun, open: readonly SectorRun[]): SectorRun[] => {
  const parts: SectorRun[] = [];
  for (let i = firstEndingAfter(open, run.start); i < open.length && open[i]!.start < endOf(run); i++) {
    const start = Math.max(run.start, open[i]!.start);
    parts.push({ start, count: Math.min(endOf(run), endOf(open[i]!)) - start });
  }
  return parts;
};

const firstEndingAfter = (runs: readonly SectorRun[], sector: number): number => {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endOf(runs[middle]!) > sector) high = middle;
    else low = middle + 1;
  }
  return low;
};

const mergeAscending = (a: readonly CoveredRun[], b: readonly CoveredRun[]): CoveredRun[] => {
  const merged: CoveredRun[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && a[i]!.start < b[j]!.start);
    merged.push(fromA ? a[i++]! : b[j++]!);
  }
  return merged;
};

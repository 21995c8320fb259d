import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { pieces } from '../../domain/merge-plan/block-merge.js';
import { coverFrom, openRange, type CoveredRun, type SuppliedRun } from '../../domain/merge-plan/covered-runs.js';
import {
  eventBytesAtMost,
  fromSectorSet,
  MOST_RUNS_IN_AN_EVENT,
  toSectorSet,
} from '../../domain/merge-plan/sector-set.js';
import { endOf, joinTouching, sectorCount, subtractRuns, type SectorRun } from '../../domain/sector-run.js';

const RUNS = { numRuns: 2000 };
const DISK = 64;

/** Per sector: what an image supplies there. */
const images = fc.array(
  fc.array(fc.constantFrom<'data' | 'zero' | null>('data', 'zero', null), { minLength: DISK, maxLength: DISK }),
  { minLength: 1, maxLength: 5 },
);

const suppliedRuns = (sectors: readonly ('data' | 'zero' | null)[]): SuppliedRun[] => {
  const runs: SuppliedRun[] = [];
  for (const [sector, kind] of sectors.entries()) {
    const last = runs.at(-1);
    if (kind === null) continue;
    if (last !== undefined && endOf(last) === sector && last.kind === kind)
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ start: sector, count: 1, kind });
  }
  return runs;
};

const runsOf = (sectors: readonly boolean[]): SectorRun[] =>
  joinTouching(sectors.flatMap((set, start) => (set ? [{ start, count: 1 }] : [])));
const sectorsOf = (runs: readonly SectorRun[]): number[] =>
  runs.flatMap((run) => Array.from({ length: run.count }, (_, i) => run.start + i));

describe('coverage of a range by a chain', () => {
  test.prop([images, fc.array(fc.integer({ min: 1, max: DISK }), { minLength: 5, maxLength: 5 })], RUNS)(
    'takes every sector from the nearest image that supplies it, and zeros below the end of a smaller disk',
    (layers, sizes) => {
      let coverage = openRange({ start: 0, count: DISK });
      for (const [index, layer] of layers.entries()) {
        const size = sizes[index]!;
        coverage = coverFrom(coverage, index, size, suppliedRuns(layer.slice(0, size)));
      }
      const model = Array.from({ length: DISK }, (_, sector) => {
        for (const [image, layer] of layers.entries()) {
          if (sector >= sizes[image]!) return `${String(image)} zero`;
          if (layer[sector] !== null) return `${String(image)} ${String(layer[sector])}`;
        }
        return 'open';
      });
      const found = Array.from({ length: DISK }, () => 'open');
      for (const run of coverage.covered)
        for (const sector of sectorsOf([run])) found[sector] = `${String(run.image)} ${run.kind}`;
      expect(found).toEqual(model);
      expect(sectorsOf(coverage.open)).toEqual(model.flatMap((what, sector) => (what === 'open' ? [sector] : [])));
    },
  );
});

describe('sector runs', () => {
  const sets = fc.array(fc.boolean(), { minLength: DISK, maxLength: DISK });

  test.prop([sets, sets], RUNS)('subtract like sets', (a, b) => {
    expect(sectorsOf(subtractRuns(runsOf(a), runsOf(b)))).toEqual(
      a.flatMap((set, i) => (set && b[i] !== true ? [i] : [])),
    );
  });

  test.prop([sets, fc.integer({ min: 1, max: 9 })], RUNS)(
    'are cut into pieces that are full, in order and lose nothing',
    (set, size) => {
      const runs: CoveredRun[] = runsOf(set).map((run) => ({ ...run, kind: 'data', image: 0 }));
      const cut = pieces(runs, size);
      expect(sectorsOf(cut.flat())).toEqual(sectorsOf(runs));
      expect(cut.slice(0, -1).every((piece) => sectorCount(piece) === size)).toBe(true);
      expect(cut.every((piece) => sectorCount(piece) <= size)).toBe(true);
    },
  );
});

describe('the sectors of a block in an event', () => {
  const blocks = fc.record({
    first: fc.nat({ max: 1 << 20 }),
    set: fc.array(fc.boolean(), { minLength: 1, maxLength: 4096 }),
  });

  test.prop([blocks], { numRuns: 1000 })('come back as they were, runs or bitmap', ({ first, set }) => {
    const runs = runsOf(set).map((run) => ({ start: run.start + first, count: run.count }));
    const kept = toSectorSet(runs, first, set.length);
    expect(fromSectorSet(JSON.parse(JSON.stringify(kept)) as typeof kept, first)).toEqual(runs);
    expect('runs' in kept).toBe(runs.length <= MOST_RUNS_IN_AN_EVENT);
    expect(JSON.stringify(kept).length).toBeLessThanOrEqual(eventBytesAtMost([kept], 0));
  });
});

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { fromSectorSet } from '../../domain/merge-plan/sector-set.js';
import type { BlockMerged } from '../../domain/merge-job/events.js';
import { differencingChains, flatLayers, mergePairs, type ChainSpec, type MergePair } from '../arbitraries/chains.js';
import { flatDisk } from '../models/flat-disk.js';
import { fatal } from '../models/plain-vhd-check.js';
import { checkPlainVhd, followChain, guestBytes, openChain, openPlainVhd } from '../models/plain-vhd.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { exists, expectEachBlockOnce, lossAt, powerLosses } from '../product/power-losses.js';
import { SimulatedMerge, vhdFiles, type SimulatedRun } from '../product/simulated-merge.js';
import { drawnFrom, keepAll } from '../simulation/draws.js';
import type { MemoryFileSystem } from '../simulation/memory-file-system.js';

const WINDOW_BYTES = 8 * 1024;

const interruptedMerges = () =>
  differencingChains({ maxDepth: 3, maxSectors: 64, blockSizesBytes: [4096, 8192] }).chain((chain) =>
    fc.record({
      chain: fc.constant(chain),
      pair: mergePairs(chain),
      retire: fc.constantFrom('keep', 'keep', 'quarantine', 'delete'),
      verify: fc.constantFrom('blocks', 'full'),
      losses: powerLosses(),
    }),
  );

describe('a merge that loses its power', () => {
  test.prop([interruptedMerges()], runs(200, 1500))(
    'anywhere, again and again, shows the source unchanged each time and ends as an uninterrupted one',
    async ({ chain, pair, retire, verify, losses }) => {
      const view = viewFrom(chain, pair.source);
      const options = { windowBytes: WINDOW_BYTES, retire, verify } as const;
      const whole = await new SimulatedMerge(vhdFiles(chain), pair, options).run(null, keepAll);
      const merge = new SimulatedMerge(vhdFiles(chain), pair, options);
      for (const { share, committed, seed } of losses) {
        const run = await merge.run(lossAt(share, committed, whole), drawnFrom(seed));
        expectBoundedWork(run, merge.paths[pair.destination]!);
        const left = merge.afterPowerLoss(drawnFrom(seed + 1));
        await expectNothingLost(left, merge, pair, view);
      }
      const last = await merge.run(null, keepAll);
      expect(last.merged).toMatchObject(
        last.merged?.answer === 'already-completed' ? {} : { answer: 'ran', outcome: { outcome: 'completed' } },
      );
      expectEnd(last.files, merge, chain, pair, view);
      expectEachBlockOnce(await merge.events());
    },
    PATIENCE_MS,
  );
});

const viewFrom = (chain: ChainSpec, layer: number): Uint8Array => {
  const [top, ...below] = flatLayers(chain).slice(layer);
  if (top === undefined) throw new Error(`the chain has no layer ${layer}`);
  return flatDisk(top, ...below);
};

/** I1 and I3: the source shows what it showed, and every block that the journal calls merged is in the destination. */
const expectNothingLost = async (
  left: MemoryFileSystem,
  merge: SimulatedMerge,
  pair: MergePair,
  view: Uint8Array,
): Promise<void> => {
  const source = merge.paths[pair.source]!;
  const events = await merge.events();
  const destination = guestBytes(openChain(merge.paths.slice(pair.destination).map((path) => left.source(path))));
  const retiring = events.some((event) => event.type === 'SourceRetired');
  // While sources go, the destination is what shows it; the source may be gone already.
  if (retiring) expectSameBytes(destination, view, 'the destination while sources are retired');
  else
    expectSameBytes(
      guestBytes(openChain(merge.paths.slice(pair.source).map((path) => left.source(path)))),
      view,
      source,
    );
  // What a crash leaves of the sources has lost its parent: one that still opens would show old data over the destination.
  const there = merge.paths.slice(pair.source, pair.destination).map((path) => exists(left, path));
  expect(there).toEqual([...there].sort().reverse());
  for (const event of events) {
    if (event.type !== 'BlockMerged') continue;
    const { block, sectors } = event.data as BlockMerged;
    const blockSectors = blockSectorsOf(left, merge.paths[pair.destination]!);
    for (const run of fromSectorSet(sectors, block * blockSectors)) {
      const [from, to] = [run.start * 512, (run.start + run.count) * 512];
      expectSameBytes(destination.subarray(from, to), view.subarray(from, to), `committed block ${block}`);
    }
  }
  expect(checkPlainVhd(left.source(merge.paths[pair.destination]!)).filter(fatal)).toEqual([]);
};

/** A fixed disk has no blocks of its own; the merge takes 2 MiB. */
const blockSectorsOf = (files: MemoryFileSystem, path: string): number => {
  const { table } = openPlainVhd(files.source(path));
  return table === undefined ? 4096 : table.blockSizeBytes / 512;
};

/** I5: between two appends no more than two windows are written to the destination, metadata apart. */
const expectBoundedWork = ({ files, appendedAfter }: SimulatedRun, destination: string): void => {
  let from = 0;
  for (const to of [...appendedAfter, files.calls.length]) {
    const written = files.calls
      .slice(from, to)
      .filter((call) => call.operation === 'write' && call.path === destination);
    const bytes = written.reduce((sum, call) => sum + (call.bytes?.length ?? 0), 0);
    expect(bytes).toBeLessThanOrEqual(2 * (WINDOW_BYTES + 8192 + 512) + METADATA_BYTES);
    from = to;
  }
};
const METADATA_BYTES = 16 * 1024;

const expectEnd = (
  files: MemoryFileSystem,
  merge: SimulatedMerge,
  chain: ChainSpec,
  pair: MergePair,
  view: Uint8Array,
): void => {
  const source = (path: string) => files.source(path);
  expectSameBytes(
    guestBytes(openChain(merge.paths.slice(pair.destination).map(source))),
    view,
    'the destination at the end',
  );
  if (pair.source > 0) {
    const leaf = guestBytes(
      followChain(merge.paths[0]!, (path) => (exists(files, path) ? files.source(path) : undefined)),
    );
    expectSameBytes(leaf, viewFrom(chain, 0), 'the leaf at the end');
  }
};

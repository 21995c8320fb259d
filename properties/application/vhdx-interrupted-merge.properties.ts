import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { fromSectorSet } from '../../domain/merge-plan/sector-set.js';
import type { BlockMerged } from '../../domain/merge-job/events.js';
import type { MergePair } from '../arbitraries/chains.js';
import { vhdxChains, vhdxMergePairs, vhdxView, type VhdxChainSpec } from '../arbitraries/vhdx-chains.js';
import {
  checkPlainVhdx,
  fatalVhdx,
  followVhdxChain,
  openPlainVhdx,
  openVhdxChain,
  vhdxGuestBytes,
} from '../models/plain-vhdx.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { exists, expectEachBlockOnce, lossAt, powerLosses } from '../product/power-losses.js';
import { SimulatedMerge, vhdxFiles } from '../product/simulated-merge.js';
import { drawnFrom, keepAll } from '../simulation/draws.js';
import type { MemoryFileSystem } from '../simulation/memory-file-system.js';

const MIB = 1024 * 1024;
const WINDOW_BYTES = MIB;

const interruptedMerges = () =>
  vhdxChains({ maxDepth: 3, maxSizeBytes: 4 * MIB, blockSizesBytes: [MIB, 2 * MIB] }).chain((chain) =>
    fc.record({
      chain: fc.constant(chain),
      pair: vhdxMergePairs(chain),
      retire: fc.constantFrom('keep', 'keep', 'quarantine', 'delete'),
      verify: fc.constantFrom('blocks', 'full'),
      losses: powerLosses(),
    }),
  );

describe('a merge of VHDX that loses its power', () => {
  test.prop([interruptedMerges()], runs(36, 1000))(
    'anywhere, again and again, shows the source unchanged each time and ends as an uninterrupted one',
    async ({ chain, pair, retire, verify, losses }) => {
      const view = vhdxView(chain, pair.source);
      const options = { windowBytes: WINDOW_BYTES, retire, verify } as const;
      const whole = await new SimulatedMerge(vhdxFiles(chain), pair, options).run(null, keepAll);
      expect(whole.merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
      const merge = new SimulatedMerge(vhdxFiles(chain), pair, options);
      const oddities = complaintsOf(merge.files, merge.paths[pair.destination]!);
      for (const { share, committed, seed } of losses) {
        await merge.run(lossAt(share, committed, whole), drawnFrom(seed));
        await expectNothingLost(merge.afterPowerLoss(drawnFrom(seed + 1)), merge, chain, pair, view);
      }
      const last = await merge.run(null, keepAll);
      expect(last.merged).toMatchObject(
        last.merged?.answer === 'already-completed' ? {} : { answer: 'ran', outcome: { outcome: 'completed' } },
      );
      expectEnd(last.files, merge, chain, pair, view);
      const found = complaintsOf(last.files, merge.paths[pair.destination]!);
      expect(found.filter((kind) => !oddities.includes(kind))).toEqual([]);
      expectEachBlockOnce(await merge.events());
    },
    PATIENCE_MS,
  );
});

/**
 * The source shows what it showed, through links that the strict rule accepts; every block that the journal calls merged is in the
 * destination; no child of the source accepts the destination before it is right.
 */
const expectNothingLost = async (
  left: MemoryFileSystem,
  merge: SimulatedMerge,
  chain: VhdxChainSpec,
  pair: MergePair,
  view: Uint8Array,
): Promise<void> => {
  const source = (path: string) => left.source(path);
  const events = await merge.events();
  const destinationPath = merge.paths[pair.destination]!;
  const destination = vhdxGuestBytes(openVhdxChain(merge.paths.slice(pair.destination).map(source)));
  const retiring = events.some((event) => event.type === 'SourceRetired');
  if (retiring) expectSameBytes(destination, view, 'the destination while sources are retired');
  else {
    const shown = vhdxGuestBytes(openVhdxChain(merge.paths.slice(pair.source).map(source)));
    expectSameBytes(shown, view, 'the source');
  }
  const there = merge.paths.slice(pair.source, pair.destination).map((path) => exists(left, path));
  expect(there).toEqual([...there].sort().reverse());
  const sectorBytes = chain.logicalSectorBytes;
  for (const event of events) {
    if (event.type !== 'BlockMerged') continue;
    const { block, sectors } = event.data as BlockMerged;
    const firstSector = (block * chain.layers[pair.destination]!.blockSizeBytes) / sectorBytes;
    for (const run of fromSectorSet(sectors, firstSector)) {
      const [from, to] = [run.start * sectorBytes, (run.start + run.count) * sectorBytes];
      expectSameBytes(destination.subarray(from, to), view.subarray(from, to), `committed block ${block}`);
    }
  }
  expect(checkPlainVhdx(source(destinationPath)).filter(fatalVhdx)).toEqual([]);
  if (pair.source > 0 && !events.some((event) => event.type === 'MergeVerified')) {
    const child = openPlainVhdx(source(merge.paths[pair.source - 1]!));
    expect(child.parent?.linkages).not.toContain(openPlainVhdx(source(destinationPath)).dataWriteGuid);
  }
};

const expectEnd = (
  files: MemoryFileSystem,
  merge: SimulatedMerge,
  chain: VhdxChainSpec,
  pair: MergePair,
  view: Uint8Array,
): void => {
  const source = (path: string) => files.source(path);
  const destination = vhdxGuestBytes(openVhdxChain(merge.paths.slice(pair.destination).map(source)));
  expectSameBytes(destination, view, 'the destination at the end');
  if (pair.source > 0) {
    const open = (path: string) => (exists(files, path) ? files.source(path) : undefined);
    const leaf = vhdxGuestBytes(followVhdxChain(merge.paths[0]!, open));
    expectSameBytes(leaf, vhdxView(chain), 'the leaf at the end');
  }
};

/** What is odd in the image of another program stays odd: a merge must add nothing to it. */
const complaintsOf = (files: MemoryFileSystem, path: string): readonly string[] =>
  checkPlainVhdx(files.source(path)).map(({ kind }) => kind);

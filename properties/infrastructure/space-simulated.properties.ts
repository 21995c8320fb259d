/** A simulated disk that is full at one call of a merge, once or until room is made. CRASH-TESTS.md 2.1 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { differencingChains, flatLayers, mergePairs, type MergePair } from '../arbitraries/chains.js';
import { vhdxChains, vhdxMergePairs, vhdxView } from '../arbitraries/vhdx-chains.js';
import { isLong, PATIENCE_MS, runs } from '../budget.js';
import { flatDisk } from '../models/flat-disk.js';
import { guestBytes, openChain } from '../models/plain-vhd.js';
import { openVhdxChain, vhdxGuestBytes } from '../models/plain-vhdx.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { expectEachBlockOnce } from '../product/power-losses.js';
import { SimulatedMerge, vhdFiles, vhdxFiles, type ChainFiles, type SimulatedRun } from '../product/simulated-merge.js';
import { keepAll } from '../simulation/draws.js';
import type { Call, MemoryFileSystem, MemoryOptions } from '../simulation/memory-file-system.js';
import { SPACE_CHAINS } from './space-chains.js';

const MIB = 1024 * 1024;
const NEEDS_ROOM: readonly Call['operation'][] = ['write', 'flush', 'truncate', 'reserve', 'link'];

/** A chain of either format as its files, with what its source shows and a judge that reads it back from a disk. */
type Case = {
  readonly files: ChainFiles;
  readonly pair: MergePair;
  readonly view: Uint8Array;
  readonly windowBytes: number;
  readonly shownBy: (disk: MemoryFileSystem, paths: readonly string[]) => Uint8Array;
};

const vhdCases = (): fc.Arbitrary<Case> =>
  differencingChains({ maxDepth: 3, maxSectors: 64, blockSizesBytes: [4096, 8192] }).chain((chain) =>
    mergePairs(chain).map((pair) => {
      const [top, ...below] = flatLayers(chain).slice(pair.source);
      return {
        files: vhdFiles(chain),
        pair,
        view: flatDisk(top!, ...below),
        windowBytes: 8 * 1024,
        shownBy: (disk, paths) => guestBytes(openChain(paths.map((path) => disk.source(path)))),
      };
    }),
  );

const vhdxCases = (): fc.Arbitrary<Case> =>
  vhdxChains({ maxDepth: 3, maxSizeBytes: 4 * MIB, blockSizesBytes: [MIB, 2 * MIB] }).chain((chain) =>
    vhdxMergePairs(chain).map((pair) => ({
      files: vhdxFiles(chain),
      pair,
      view: vhdxView(chain, pair.source),
      windowBytes: MIB,
      shownBy: (disk, paths) => vhdxGuestBytes(openVhdxChain(paths.map((path) => disk.source(path)))),
    })),
  );

const fullness = () =>
  fc.record({
    share: fc.integer({ min: 0, max: 9999 }).map((n) => n / 10_000),
    lasts: fc.constantFrom('once', 'until there is room'),
    retire: fc.constantFrom('keep', 'quarantine'),
    cannotReserve: fc.boolean(),
  });

const started = (run: SimulatedRun, { appended }: { readonly appended: readonly string[] }): boolean =>
  run.merged?.answer === 'ran' || appended.includes('MergeStarted');

describe.each([
  ['VHD', vhdCases, runs(12, 1500)],
  ['VHDX', vhdxCases, runs(3, 500)],
] as const)('a merge of %s on a disk that is full', (_format, cases, budget) => {
  test.prop([cases(), fullness()], budget)(
    'at any call that needs room stops at a durable point, and ends right when it is run again',
    async ({ files, pair, view, windowBytes, shownBy }, { share, lasts, retire, cannotReserve }) => {
      const options = { windowBytes, retire } as const;
      const whole = await new SimulatedMerge(files, pair, options).run({ disk: { cannotReserve } }, keepAll);
      const call = callAt(whole, share);
      const full: MemoryOptions = lasts === 'once' ? { faultAt: { call, code: 'out-of-space' } } : { fullFrom: call };
      const merge = new SimulatedMerge(files, pair, options);
      const run = await merge.run({ disk: { ...full, cannotReserve } }, keepAll);
      const appended = (await merge.events()).map(({ type }) => type);
      if (started(run, { appended })) {
        expect(run.merged).toMatchObject({
          answer: 'ran',
          outcome: { outcome: 'suspended', why: 'out-of-space', recorded: true, error: { kind: 'out-of-space' } },
        });
        expect(appended.at(-1)).toBe('MergeSuspended');
      } else expect(run.merged).toMatchObject({ answer: 'refused', error: { kind: 'out-of-space' } });
      const retiring = appended.includes('SourceRetired');
      const from = retiring ? pair.destination : pair.source;
      expectSameBytes(shownBy(run.files, merge.paths.slice(from)), view, 'the disk when it was full');
      expect(reservedBehind(run.files, merge.paths)).toEqual([]);

      const last = await merge.run(null, keepAll);
      expect(last.merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
      expectSameBytes(shownBy(last.files, merge.paths.slice(pair.destination)), view, 'the destination at the end');
      expect(reservedBehind(last.files, merge.paths)).toEqual([]);
      expectEachBlockOnce(await merge.events());
    },
    PATIENCE_MS,
  );
});

/** Chains whose destination has to grow, so that room is set aside. */
describe.each(SPACE_CHAINS.filter(({ title }) => title.includes('dynamic')))('a merge into $title', (chain) => {
  const folder = scratchFolder();
  const simulated = (): SimulatedMerge => {
    const { source, destination } = chain.write(folder());
    const files = [source, destination].map((path) => ({ fileName: basename(path), content: readFileSync(path) }));
    return new SimulatedMerge(files, { source: 0, destination: 1 }, { windowBytes: 256 * 1024 });
  };

  test('for which no room can be set aside writes nothing, and ends right when there is room', async () => {
    const merge = simulated();
    const before = merge.files.bytes(merge.paths[1]!);
    const run = await merge.run({ disk: { reservableBytes: 0 } }, keepAll);
    expect(run.merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'suspended', why: 'out-of-space' } });
    const changes = run.files.calls.filter(({ operation }) => operation === 'write' || operation === 'truncate');
    expect(changes).toEqual([]);
    expectSameBytes(run.files.bytes(merge.paths[1]!), before, 'the destination');
    const last = await merge.run(null, keepAll);
    expect(last.merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
  });

  test('has given back what was set aside, wherever it had to stop', async () => {
    const whole = await simulated().run(null, keepAll);
    expect(whole.files.calls.filter(({ operation }) => operation === 'reserve')).toHaveLength(1);
    for (const share of isLong ? STOPS : STOPS.slice(0, 1)) {
      const merge = simulated();
      const run = await merge.run({ disk: { fullFrom: callAt(whole, share) } }, keepAll);
      expect(run.merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'suspended', why: 'out-of-space' } });
      expect(reservedBehind(run.files, merge.paths)).toEqual([]);
    }
  });
});

/** As shares of a run. */
const STOPS = [0.3, 0.6, 0.9, 0.2, 0.4, 0.5, 0.7, 0.8, 0.95];

/** The number of a call of the whole run that needs room, at this share of them. */
const callAt = ({ files: { calls } }: SimulatedRun, share: number): number => {
  const numbers = calls.flatMap(({ operation }, number) => (NEEDS_ROOM.includes(operation) ? [number] : []));
  return numbers[Math.floor(share * numbers.length)]!;
};

/** Files of the chain that kept what was set aside for them. */
const reservedBehind = (files: MemoryFileSystem, paths: readonly string[]): readonly string[] =>
  paths.filter((path) => files.reservedBytes(path) > 0);

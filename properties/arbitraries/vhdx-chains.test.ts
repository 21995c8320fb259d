import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { SECTOR_BYTES, sectorContent } from '../models/sector-content.js';
import {
  type BlockSpec,
  flatVhdxLayers,
  vhdxChainImages,
  VhdxChainSpec,
  vhdxChains,
  type VhdxLayerSpec,
  vhdxMergePairs,
} from './vhdx-chains.js';
import { bytesOf } from './vhdx-stretches.js';

const MIB = 1024 ** 2;

describe('random differencing chains of VHDX', () => {
  test.prop([
    vhdxChains({
      minDepth: 2,
      maxDepth: 3,
      maxSizeBytes: 2 * MIB,
      sizes: 'equal',
      logicalSectorBytes: 4096,
      blockSizesBytes: [2 * MIB],
      dialects: ['openvmm', 'qemu'],
      baseTypes: ['fixed'],
      dirtyLogs: false,
    }),
  ])('keep to what was asked for', (chain) => {
    expect([3, 4]).toContain(chain.layers.length);
    expect(chain.logicalSectorBytes).toBe(4096);
    expect(new Set(chain.layers.map((_, index) => chain.sizeBytes(index))).size).toBe(1);
    expect(chain.sizeBytes(0)).toBeLessThanOrEqual(2 * MIB);
    expect(chain.layers.at(-1)!.type).toBe('fixed');
    for (const { blockSizeBytes, log } of chain.layers) {
      expect(blockSizeBytes).toBe(2 * MIB);
      expect(log?.state).not.toBe('dirty');
    }
    for (const child of chain.layers.slice(0, -1))
      expect(child).toMatchObject({ type: 'differencing', dialect: 'openvmm' });
  });

  test.prop([vhdxChains()])('paint inside the disk only', (chain) => {
    for (const { runs, sizeBytes } of flatVhdxLayers(chain))
      for (const { firstSector, data } of runs)
        expect(firstSector * SECTOR_BYTES + data.length).toBeLessThanOrEqual(sizeBytes);
  });

  test.prop([vhdxChains()])('give every layer an identity of its own, that its child names', (chain) => {
    const specs = vhdxChainImages(chain).map(({ spec }) => spec);
    expect(new Set(specs.map(({ dataWriteGuid }) => dataWriteGuid)).size).toBe(specs.length);
    specs.forEach((spec, index) => {
      if (spec.type === 'differencing')
        expect([spec.parent.dataWriteGuid, spec.parent.linkage2]).toContain(specs[index + 1]?.dataWriteGuid);
    });
  });

  test('contain in 1,000 of them everything that a merge may meet', () => {
    const chains = fc.sample(vhdxChains(), { numRuns: 1000, seed: 7 });
    const share = (holds: (chain: VhdxChainSpec) => boolean): number => chains.filter(holds).length / chains.length;
    const layers = (holds: (layer: VhdxLayerSpec, chain: VhdxChainSpec, index: number) => boolean): number =>
      share((chain) => chain.layers.some((layer, index) => holds(layer, chain, index)));
    const pairs = (holds: (child: VhdxLayerSpec, parent: VhdxLayerSpec) => boolean): number =>
      layers((layer, chain, index) => {
        const below = chain.layers[index + 1];
        return below !== undefined && holds(layer, below);
      });
    const block = (type: 'base' | 'child', state: BlockSpec['state'], anchored = false): number =>
      layers(
        ({ blocks, type: found }) =>
          (found === 'differencing') === (type === 'child') &&
          blocks.some((spec) => spec.state === state && (!anchored || spec.anchored)),
      );
    const enough = {
      depths: Math.min(...[2, 3, 4, 5].map((depth) => share((chain) => chain.layers.length === depth))),
      fixedBase: layers(({ type }) => type === 'fixed'),
      dynamicBase: layers(({ type }) => type === 'dynamic'),
      dialects: Math.min(
        ...['windows', 'qemu', 'openvmm', 'disk2vhd'].map((name) => layers(({ dialect }) => dialect === name)),
      ),
      sectorsOf4096: share(({ logicalSectorBytes }) => logicalSectorBytes === 4096),
      childLarger: pairs((child, parent) => child.sizeSectors > parent.sizeSectors),
      childSmaller: pairs((child, parent) => child.sizeSectors < parent.sizeSectors),
      sameSize: pairs((child, parent) => child.sizeSectors === parent.sizeSectors),
      smallerInTheMiddle: layers((layer, chain, index) => {
        const [above, below] = [chain.layers[index - 1], chain.layers[index + 1]];
        return (
          above !== undefined &&
          below !== undefined &&
          layer.sizeSectors < Math.min(above.sizeSectors, below.sizeSectors)
        );
      }),
      partialLastBlock: layers((layer, chain, index) => chain.sizeBytes(index) % layer.blockSizeBytes !== 0),
      manyBlocks: layers((layer, chain, index) => chain.sizeBytes(index) > 3 * layer.blockSizeBytes),
      mixedBlocks: pairs((child, parent) => child.blockSizeBytes !== parent.blockSizeBytes),
      blocksOf32Mib: layers(({ blockSizeBytes }) => blockSizeBytes === 32 * MIB),
      statesOfChildren: Math.min(...([1, 2, 3, 6, 7] as const).map((state) => block('child', state))),
      statesOfBases: Math.min(...([1, 2, 3, 6] as const).map((state) => block('base', state))),
      oldPlaces: Math.min(block('child', 1, true), block('child', 3, true), block('base', 3, true)),
      wholeBlockPainted: layers((layer, chain) =>
        layer.strokes.some(
          (stroke) => !stroke.everyOther && stroke.sectorCount * chain.logicalSectorBytes === layer.blockSizeBytes,
        ),
      ),
      everyOther: layers(({ strokes }) => strokes.some((stroke) => stroke.everyOther && stroke.sectorCount > 2)),
      zeros: layers(({ strokes }) => strokes.some((stroke) => stroke.content === 'zeros')),
      linkage2: layers(({ type, linkedBy }) => type === 'differencing' && linkedBy === 'linkage2'),
      dirtyLogs: layers(({ log }) => log?.state === 'dirty'),
      oldLogs: layers(({ log }) => log?.state === 'clean'),
      wrappingLogs: layers(({ log }) => log?.startBytes === 255 * 4096 && log.state === 'dirty'),
      logsOfEverything: layers(({ log }) => log?.state === 'dirty' && log.holds.length === 4),
      staleBits: layers(({ staleBits }) => staleBits),
      stale: layers(({ leftovers }) => leftovers === 'stale'),
      unknowns: layers(({ unknowns }) => unknowns),
      headers: Math.min(
        ...['first is current', 'other damaged', 'identical'].map((kind) => layers(({ headers }) => headers === kind)),
      ),
    };
    const tooRare = Object.entries(enough).filter(([name, found]) => found < (LEAST[name] ?? 0.1));
    expect(tooRare).toEqual([]);
  });

  test('print as one line per layer', () => {
    const layer: VhdxLayerSpec = {
      type: 'differencing',
      dialect: 'windows',
      sizeSectors: 20,
      blockSizeBytes: 2 * MIB,
      physicalSectorBytes: 4096,
      strokes: [{ firstSector: 3, sectorCount: 5, everyOther: true, content: 'zeros' }],
      blocks: [{ block: 0, state: 3, anchored: true }],
      leftovers: 'stale',
      orderSeed: 4,
      gapsMib: [1],
      slackMib: 0,
      staleBits: true,
      unknowns: false,
      headers: 'identical',
      linkedBy: 'linkage2',
      log: { state: 'dirty', holds: ['bat'], entries: 2, retired: 1, startBytes: 4096, torn: true },
    };
    const { log: _, ...withoutLog } = layer;
    const base: VhdxLayerSpec = {
      ...withoutLog,
      type: 'fixed',
      strokes: [],
      blocks: [],
      orderSeed: 0,
      gapsMib: [],
      staleBits: false,
      headers: 'as usual',
      linkedBy: 'linkage',
    };
    const chain = new VhdxChainSpec(512, [layer, base], 'disk');
    expect(fc.stringify({ chain })).toContain(
      [
        'chain "disk" of 512-byte sectors, leaf first:',
        '  layer 0: differencing (windows), 20 sectors, blocks of 2 MiB; sectors 3..7 every other zero; blocks 0 in 3 with its old place; ' +
          'stale left over; shuffled by 4; gaps 1 MiB; stale bits; headers: identical; linked by linkage2; ' +
          'log holds bat in 2 from 4096 over zeros, 1 retired, one torn',
        '  layer 1: fixed (windows), 20 sectors, blocks of 2 MiB; sectors none; stale left over',
      ].join('\n'),
    );
  });

  test('have sectors of the common content', () => {
    const chain = new VhdxChainSpec(4096, [], 'disk');
    const bytes = bytesOf(chain, 3, { block: 0, firstSector: 77_777, sectorCount: 2, content: 'data' });
    const expected = Buffer.concat(Array.from({ length: 16 }, (_, nth) => sectorContent(3, 77_777 * 8 + nth)));
    expect(Buffer.compare(bytes, expected)).toBe(0);
  });
});

/** Rare, but there. */
const LEAST: Readonly<Record<string, number>> = {
  blocksOf32Mib: 0.03,
  statesOfBases: 0.08,
  oldPlaces: 0.03,
  wrappingLogs: 0.08,
  logsOfEverything: 0.03,
};

describe('merge pairs of VHDX', () => {
  test.prop([vhdxChains({ minDepth: 3, maxDepth: 3 })], { numRuns: 10 })(
    'are all of a source above a destination, and nothing else',
    (chain) => {
      const pairs = fc.sample(vhdxMergePairs(chain), { numRuns: 200, seed: 1 });
      expect(new Set(pairs.map(({ source, destination }) => `${source}→${destination}`))).toEqual(
        new Set(['0→1', '0→2', '0→3', '1→2', '1→3', '2→3']),
      );
    },
  );
});

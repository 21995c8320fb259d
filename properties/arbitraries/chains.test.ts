import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { ChainSpec, chainImages, differencingChains, flatLayers, mergePairs, type Stroke } from './chains.js';

const BLOCK_BYTES = 4096;

describe('random differencing chains', () => {
  test.prop([differencingChains({ minDepth: 2, maxDepth: 4, maxSectors: 50, dialects: ['xen', 'qemu'] })])(
    'keep to what was asked for',
    (chain) => {
      expect(chain.layers.length).toBeGreaterThanOrEqual(3);
      expect(chain.layers.length).toBeLessThanOrEqual(5);
      expect(chain.sizeSectors).toBeLessThanOrEqual(50);
      const base = chain.layers.at(-1);
      expect(['fixed', 'dynamic']).toContain(base?.type);
      for (const child of chain.layers.slice(0, -1))
        expect(child).toMatchObject({ type: 'differencing', dialect: 'xen' });
    },
  );

  test.prop([differencingChains()])('paint inside the disk only', (chain) => {
    for (const { runs } of flatLayers(chain))
      for (const { firstSector } of runs) expect(firstSector).toBeLessThan(chain.sizeSectors);
  });

  test.prop([differencingChains()])('give every layer an identity of its own, that its child names', (chain) => {
    const specs = chainImages(chain).map(({ spec }) => spec);
    expect(new Set(specs.map(({ uniqueId }) => uniqueId)).size).toBe(specs.length);
    specs.forEach((spec, index) => {
      if (spec.type === 'differencing') expect(spec.parent.uniqueId).toBe(specs[index + 1]?.uniqueId);
    });
  });

  test('contain in 1,000 of them everything that a merge may meet', () => {
    const chains = fc.sample(differencingChains(), { numRuns: 1000, seed: 7 });
    const share = (holds: (chain: ChainSpec) => boolean): number => chains.filter(holds).length / chains.length;
    const anyLayer = (holds: (layer: ChainSpec['layers'][number], chain: ChainSpec) => boolean): number =>
      share((chain) => chain.layers.some((layer) => holds(layer, chain)));
    const anyStroke = (holds: (stroke: Stroke) => boolean): number => anyLayer(({ strokes }) => strokes.some(holds));
    expect({
      small: share(({ sizeSectors }) => sizeSectors <= 128) > 0.8,
      depths: [2, 3, 4, 5, 6, 7].every((depth) => share(({ layers }) => layers.length === depth) > 0.02),
      fixedBase: anyLayer(({ type }) => type === 'fixed') > 0.2,
      dynamicBase: anyLayer(({ type }) => type === 'dynamic') > 0.2,
      everyDialect: (['windows', 'xen', 'qemu', 'bare'] as const).every(
        (dialect) => anyLayer((layer) => layer.dialect === dialect) > 0.1,
      ),
      partialLastBlock: anyLayer((layer, { sizeBytes }) => sizeBytes % layer.blockSizeBytes !== 0) > 0.5,
      manyBlocks: anyLayer((layer, { sizeBytes }) => sizeBytes > 4 * layer.blockSizeBytes) > 0.3,
      largeBlocks: anyLayer(({ blockSizeBytes }) => blockSizeBytes === 2048 * 1024) > 0.02,
      mixedBlocks: share(({ layers }) => new Set(layers.map((layer) => layer.blockSizeBytes)).size > 1) > 0.5,
      single: anyStroke(({ sectorCount }) => sectorCount === 1) > 0.3,
      alternating: anyStroke(({ everyOther, sectorCount }) => everyOther && sectorCount > 2) > 0.3,
      zeros: anyStroke(({ content }) => content === 'zeros') > 0.3,
      emptyBlocks: anyLayer(({ alsoAllocated }) => alsoAllocated.length > 0) > 0.3,
      bitsPastEnd: anyLayer(({ bitsPastEnd }) => bitsPastEnd) > 0.3,
      staleBytes: anyLayer(({ leftovers }) => leftovers === 'stale') > 0.3,
    }).toEqual(
      Object.fromEntries(
        [
          ...['small', 'depths', 'fixedBase', 'dynamicBase', 'everyDialect', 'partialLastBlock', 'manyBlocks'],
          ...[
            'largeBlocks',
            'mixedBlocks',
            'single',
            'alternating',
            'zeros',
            'emptyBlocks',
            'bitsPastEnd',
            'staleBytes',
          ],
        ].map((name) => [name, true]),
      ),
    );
  });

  test('print as one line per layer', () => {
    const stroke = { firstSector: 3, sectorCount: 5, everyOther: true, content: 'zeros' } as const;
    const common = {
      blockSizeBytes: BLOCK_BYTES,
      alsoAllocated: [],
      bitsPastEnd: false,
      gapsSectors: [],
      slackSectors: 0,
    };
    const layer = { ...common, dialect: 'windows', leftovers: 'stale', orderSeed: 4 } as const;
    const chain = new ChainSpec(
      20,
      [
        { ...layer, type: 'differencing', strokes: [stroke, { ...stroke, sectorCount: 1, content: 'data' }] },
        { ...layer, type: 'fixed', strokes: [], orderSeed: 0 },
      ],
      'disk',
    );
    expect(fc.stringify({ chain })).toContain(
      [
        'chain "disk" of 20 sectors, leaf first:',
        '  layer 0: differencing (windows), blocks of 4 KiB; sectors 3..7 every other zero, 3; stale left over; shuffled by 4',
        '  layer 1: fixed (windows), blocks of 4 KiB; sectors none; stale left over',
      ].join('\n'),
    );
  });
});

describe('merge pairs', () => {
  test.prop([differencingChains({ minDepth: 3, maxDepth: 3 })])(
    'are all of a source above a destination, and nothing else',
    (chain) => {
      const pairs = fc.sample(mergePairs(chain), { numRuns: 200, seed: 1 });
      expect(new Set(pairs.map(({ source, destination }) => `${source}→${destination}`))).toEqual(
        new Set(['0→1', '0→2', '0→3', '1→2', '1→3', '2→3']),
      );
    },
  );
});

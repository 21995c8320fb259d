/**
 * Random differencing chains of VHD images: 1 to 6 children over a fixed or dynamic base.
 *
 * - Layers go from leaf (0) to base; the content of layer i says "layer i".
 * - All layers have one size, a multiple of 512 and mostly not of a block (VHD sizes must be equal, DESIGN.md §1.4).
 * - Block sizes and writers' dialects are mixed within a chain.
 * - Nearly all chains are tiny, so that a thousand of them are written and read in seconds.
 */
import fc from 'fast-check';
import type { Dialect } from '../models/plain-vhd.js';
import { SECTOR_BYTES } from '../models/sector-content.js';
import { ChainSpec, type LayerSpec, type Stroke } from './chain-spec.js';

export { ChainSpec, type LayerSpec, type Stroke } from './chain-spec.js';
export { chainImages, flatLayers, materialise, type ChainImage, type MaterialisedChain } from './materialise.js';

export type ChainOptions = {
  /** Children over the base: 1 to 6 unless told. */
  readonly minDepth?: number;
  readonly maxDepth?: number;
  /** Disk size in sectors, at most; without it nearly always up to 128 (64 KiB), now and then up to 2,048 (1 MiB). */
  readonly maxSectors?: number;
  /** Without it 4, 8, 16 and 64 KiB, and now and then 512 KiB or 2 MiB. */
  readonly blockSizesBytes?: readonly number[];
  /** What the images may look like; children leave `qemu` out, because QEMU writes none. */
  readonly dialects?: readonly Dialect[];
  readonly baseTypes?: readonly ('fixed' | 'dynamic')[];
};

/** Indexes of layers, leaf = 0: the source lies above the destination. */
export type MergePair = { readonly source: number; readonly destination: number };

const KIB = 1024;
const ALL_DIALECTS: readonly Dialect[] = ['windows', 'xen', 'qemu', 'bare'];
const FILE_STEMS = ['disk', 'web server', 'Größe', '磁盘'];

export const differencingChains = (options: ChainOptions = {}): fc.Arbitrary<ChainSpec> =>
  fc
    .record({
      sizeSectors: sizes(options.maxSectors),
      children: fc.array(rawLayers(options), { minLength: options.minDepth ?? 1, maxLength: options.maxDepth ?? 6 }),
      base: rawLayers(options),
      baseType: fc.constantFrom(...(options.baseTypes ?? (['fixed', 'dynamic'] as const))),
      fileStem: fc.constantFrom(...FILE_STEMS),
    })
    .map(
      ({ sizeSectors, children, base, baseType, fileStem }) =>
        new ChainSpec(
          sizeSectors,
          [
            ...children.map((child) => layer(child, 'differencing', child.childDialect, sizeSectors)),
            layer(base, baseType, base.baseDialect, sizeSectors),
          ],
          fileStem,
        ),
    );

/** Any (source, destination) of the chain with the source above the destination. */
export const mergePairs = (chain: ChainSpec): fc.Arbitrary<MergePair> =>
  fc.constantFrom(
    ...chain.layers.flatMap((_, destination) =>
      Array.from({ length: destination }, (_, source) => ({ source, destination })),
    ),
  );

/** A chain together with a merge of it, for properties that need both. */
export const chainsToMerge = (options: ChainOptions = {}): fc.Arbitrary<MergePair & { readonly chain: ChainSpec }> =>
  differencingChains(options).chain((chain) => mergePairs(chain).map((pair) => ({ chain, ...pair })));

const sizes = (maxSectors: number | undefined): fc.Arbitrary<number> =>
  maxSectors !== undefined
    ? fc.integer({ min: 1, max: maxSectors })
    : fc.oneof(
        { weight: 19, arbitrary: fc.integer({ min: 1, max: 128 }) },
        { weight: 1, arbitrary: fc.integer({ min: 129, max: 2048 }) },
      );

const blockSizes = (given: readonly number[] | undefined): fc.Arbitrary<number> =>
  given !== undefined
    ? fc.constantFrom(...given)
    : fc.oneof(
        { weight: 38, arbitrary: fc.constantFrom(4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB) },
        { weight: 1, arbitrary: fc.constant(512 * KIB) },
        { weight: 1, arbitrary: fc.constant(2048 * KIB) },
      );

/** A stroke before the disk's size and the block size are known: numbers that are taken modulo what there is. */
type RawStroke = {
  readonly shape: 'one sector' | 'some sectors' | 'every other sector' | 'one block' | 'last block' | 'whole disk';
  readonly at: number;
  readonly count: number;
  readonly content: Stroke['content'];
};

const rawStrokes: fc.Arbitrary<RawStroke> = fc.record({
  shape: fc.constantFrom('one sector', 'some sectors', 'every other sector', 'one block', 'last block', 'whole disk'),
  at: fc.nat(2047),
  count: fc.integer({ min: 1, max: 40 }),
  content: fc.oneof(
    { weight: 4, arbitrary: fc.constant('data' as const) },
    { weight: 1, arbitrary: fc.constant('zeros' as const) },
  ),
});

type RawLayer = Omit<LayerSpec, 'type' | 'dialect' | 'strokes'> & {
  readonly childDialect: Dialect;
  readonly baseDialect: Dialect;
  readonly strokes: readonly RawStroke[];
};

const rawLayers = ({ dialects = ALL_DIALECTS, blockSizesBytes }: ChainOptions): fc.Arbitrary<RawLayer> => {
  const childDialects = dialects.filter((dialect) => dialect !== 'qemu');
  return fc.record({
    blockSizeBytes: blockSizes(blockSizesBytes),
    strokes: fc.array(rawStrokes, { maxLength: 5 }),
    childDialect: fc.constantFrom(...(childDialects.length > 0 ? childDialects : (['bare'] as const))),
    baseDialect: fc.constantFrom(...dialects),
    alsoAllocated: fc.array(fc.nat(511), { maxLength: 2 }),
    bitsPastEnd: fc.boolean(),
    leftovers: fc.constantFrom('zeros' as const, 'stale' as const),
    orderSeed: fc.nat(999),
    gapsSectors: fc.array(fc.nat(9), { maxLength: 3 }),
    slackSectors: fc.nat(9),
  });
};

const layer = (raw: RawLayer, type: LayerSpec['type'], dialect: Dialect, sizeSectors: number): LayerSpec => {
  const { blockSizeBytes, strokes, alsoAllocated, bitsPastEnd, leftovers, orderSeed, gapsSectors, slackSectors } = raw;
  const blockCount = Math.ceil((sizeSectors * SECTOR_BYTES) / blockSizeBytes);
  return {
    type,
    dialect,
    blockSizeBytes,
    strokes: strokes.map((stroke) => onDisk(stroke, sizeSectors, blockSizeBytes / SECTOR_BYTES)),
    alsoAllocated: type === 'fixed' ? [] : [...new Set(alsoAllocated.map((index) => index % blockCount))],
    bitsPastEnd,
    leftovers,
    orderSeed,
    gapsSectors,
    slackSectors,
  };
};

const onDisk = ({ shape, at, count, content }: RawStroke, sizeSectors: number, blockSectors: number): Stroke => {
  const start = at % sizeSectors;
  const run = (firstSector: number, length: number, everyOther = false): Stroke => ({
    firstSector,
    sectorCount: Math.min(length, sizeSectors - firstSector),
    everyOther,
    content,
  });
  const blockOf = (sector: number): number => sector - (sector % blockSectors);
  switch (shape) {
    case 'one sector':
      return run(start, 1);
    case 'some sectors':
      return run(start, count);
    case 'every other sector':
      return run(start, count, true);
    case 'one block':
      return run(blockOf(start), blockSectors);
    case 'last block':
      return run(blockOf(sizeSectors - 1), blockSectors);
    case 'whole disk':
      return run(0, sizeSectors);
  }
};

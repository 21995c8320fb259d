/**
 * Random differencing chains of VHDX images: 1 to 4 children over a fixed or dynamic base.
 *
 * - Layers go from leaf (0) to base; the content of layer i says "layer i".
 * - All layers have the same logical sectors; sizes differ, and are mostly no multiple of a block (DESIGN.md 1.4).
 * - Blocks are in every state that there is; block sizes and writers' dialects are mixed within a chain, and so is what files gather in
 *   the course of their lives: logs to be applied, old places, stale bits, gaps.
 * - Disks are of 1 to 6 MiB and mostly empty, so that hundreds of chains are written and read in seconds.
 */
import fc from 'fast-check';
import { CHILD_DIALECTS, METADATA_PARTS, type PlainVhdxDialect, VHDX_DIALECTS } from '../models/plain-vhdx.js';
import type { MergePair } from './chains.js';
import { type BlockSpec, type FileHabits, type Stroke, VhdxChainSpec, type VhdxLayerSpec } from './vhdx-chain-spec.js';

export { type BlockSpec, type FileHabits, VhdxChainSpec, type VhdxLayerSpec } from './vhdx-chain-spec.js';
export {
  flatVhdxLayers,
  materialiseVhdx,
  type MaterialisedVhdxChain,
  vhdxChainImages,
  type VhdxChainImage,
  vhdxView,
  vhdxViews,
} from './vhdx-materialise.js';

export type VhdxChainOptions = {
  /** Children over the base: 1 to 4 unless told. */
  readonly minDepth?: number;
  readonly maxDepth?: number;
  /** The largest disk; 6 MiB unless told. */
  readonly maxSizeBytes?: number;
  /** Without it half of the children have the base's size, and the others are larger or smaller. */
  readonly sizes?: 'equal' | 'any';
  /** Without it 1, 2 and 4 MiB, and now and then 8 or 32. */
  readonly blockSizesBytes?: readonly number[];
  readonly logicalSectorBytes?: 512 | 4096;
  /** What the images may look like; children are of those dialects only that write any. */
  readonly dialects?: readonly PlainVhdxDialect[];
  readonly baseTypes?: readonly ('fixed' | 'dynamic')[];
  /** Whether some images have a log that is to be applied; without it they have. */
  readonly dirtyLogs?: boolean;
};

const MIB = 1024 ** 2;
const FILE_STEMS = ['disk', 'web server', 'Größe', '磁盘'];

export const vhdxChains = (options: VhdxChainOptions = {}): fc.Arbitrary<VhdxChainSpec> =>
  fc
    .record({
      logicalSectorBytes:
        options.logicalSectorBytes === undefined
          ? fc.oneof(
              { weight: 3, arbitrary: fc.constant(512 as const) },
              { weight: 1, arbitrary: fc.constant(4096 as const) },
            )
          : fc.constant(options.logicalSectorBytes),
      children: fc.array(rawLayers(options), { minLength: options.minDepth ?? 1, maxLength: options.maxDepth ?? 4 }),
      base: rawLayers(options),
      baseType: fc.constantFrom(...(options.baseTypes ?? (['fixed', 'dynamic'] as const))),
      fileStem: fc.constantFrom(...FILE_STEMS),
    })
    .map(({ logicalSectorBytes, children, base, baseType, fileStem }) => {
      const most = Math.floor((options.maxSizeBytes ?? 6 * MIB) / logicalSectorBytes);
      const sizes = sizesOf([...children, base], most);
      return new VhdxChainSpec(
        logicalSectorBytes,
        [
          ...children.map((raw, index) =>
            layer(raw, 'differencing', raw.childDialect, sizes[index] ?? 1, logicalSectorBytes),
          ),
          layer(base, baseType, base.baseDialect, sizes.at(-1) ?? 1, logicalSectorBytes),
        ],
        fileStem,
      );
    });

/** Any (source, destination) of the chain with the source above the destination. */
export const vhdxMergePairs = (chain: VhdxChainSpec): fc.Arbitrary<MergePair> =>
  fc.constantFrom(
    ...chain.layers.flatMap((_, destination) =>
      Array.from({ length: destination }, (_, source) => ({ source, destination })),
    ),
  );

/** A chain together with a merge of it, for properties that need both. */
export const vhdxChainsToMerge = (
  options: VhdxChainOptions = {},
): fc.Arbitrary<MergePair & { readonly chain: VhdxChainSpec }> =>
  vhdxChains(options).chain((chain) => vhdxMergePairs(chain).map((pair) => ({ chain, ...pair })));

/** A layer before the disk's size and the block size are known: numbers that are taken modulo what there is. */
type RawLayer = Omit<FileHabits, 'log'> & {
  readonly childDialect: PlainVhdxDialect;
  readonly baseDialect: PlainVhdxDialect;
  readonly blockSizeBytes: number;
  readonly physicalSectorBytes: 512 | 4096;
  readonly ownSize: number | undefined;
  readonly strokes: readonly RawStroke[];
  readonly blocks: readonly BlockSpec[];
  readonly log: FileHabits['log'] | undefined;
};

type RawStroke = {
  readonly shape: 'one sector' | 'some sectors' | 'every other sector' | 'over a border' | 'last sectors' | 'one block';
  readonly at: number;
  readonly count: number;
  readonly content: Stroke['content'];
};

/** `rare` in so many of a hundred cases. */
const seldom = <T, U>(percent: number, rare: fc.Arbitrary<T>, often: U): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: percent, arbitrary: rare }, { weight: 100 - percent, arbitrary: fc.constant(often) });

const rawStrokes: fc.Arbitrary<RawStroke> = fc.record({
  shape: fc.oneof(
    {
      weight: 9,
      arbitrary: fc.constantFrom<RawStroke['shape'][]>(
        'one sector',
        'some sectors',
        'every other sector',
        'over a border',
        'last sectors',
      ),
    },
    { weight: 1, arbitrary: fc.constant('one block' as const) },
  ),
  at: fc.nat(12_287),
  count: fc.integer({ min: 1, max: 24 }),
  content: seldom(20, fc.constant('zeros' as const), 'data' as const),
});

const rawBlocks: fc.Arbitrary<BlockSpec> = fc.record({
  block: fc.nat(7),
  state: fc.constantFrom<BlockSpec['state'][]>(1, 2, 3, 6, 7),
  anchored: fc.boolean(),
});

const logs = (dirty: boolean): fc.Arbitrary<RawLayer['log']> =>
  seldom(
    40,
    fc.record({
      state: dirty ? fc.constantFrom('dirty' as const, 'clean' as const) : fc.constant('clean' as const),
      holds: fc.subarray([...METADATA_PARTS]),
      before: fc.constantFrom('zeros' as const, 'stale' as const),
      entries: fc.integer({ min: 1, max: 3 }),
      retired: fc.nat(2),
      startBytes: fc.oneof(
        fc.constant(0),
        fc.nat(255).map((page) => page * 4096),
        fc.constant(255 * 4096),
      ),
      firstSequence: fc.constantFrom(1n, 2n ** 32n - 2n, 5342780450196683125n),
      torn: fc.boolean(),
    }),
    undefined,
  );

const rawLayers = ({
  dialects = VHDX_DIALECTS,
  blockSizesBytes,
  sizes,
  dirtyLogs = true,
}: VhdxChainOptions): fc.Arbitrary<RawLayer> => {
  const childDialects = dialects.filter((dialect) => CHILD_DIALECTS.includes(dialect));
  return fc.record({
    blockSizeBytes:
      blockSizesBytes === undefined
        ? fc.oneof(
            { weight: 18, arbitrary: fc.constantFrom(MIB, MIB, 2 * MIB, 4 * MIB) },
            { weight: 1, arbitrary: fc.constantFrom(8 * MIB, 32 * MIB) },
          )
        : fc.constantFrom(...blockSizesBytes),
    physicalSectorBytes: fc.constantFrom(512 as const, 4096 as const),
    ownSize: sizes === 'equal' ? fc.constant(undefined) : seldom(50, fc.nat(), undefined),
    strokes: fc.array(rawStrokes, { maxLength: 5 }),
    blocks: fc.array(rawBlocks, { maxLength: 3 }),
    childDialect: fc.constantFrom(...(childDialects.length > 0 ? childDialects : (['windows'] as const))),
    baseDialect: fc.constantFrom(...dialects),
    leftovers: fc.constantFrom('zeros' as const, 'stale' as const),
    orderSeed: fc.nat(999),
    gapsMib: fc.array(fc.nat(2), { maxLength: 3 }),
    slackMib: fc.nat(2),
    staleBits: fc.boolean(),
    unknowns: seldom(20, fc.constant(true), false),
    headers: seldom(
      30,
      fc.constantFrom('first is current' as const, 'other damaged' as const, 'identical' as const),
      'as usual' as const,
    ),
    linkedBy: seldom(15, fc.constant('linkage2' as const), 'linkage' as const),
    log: logs(dirtyLogs),
  });
};

/** Leaf to base, in sectors: a layer without a size of its own has the base's. Half of the own sizes differ little from the one below. */
const sizesOf = (layers: readonly RawLayer[], most: number): readonly number[] => {
  const sizes: number[] = [];
  for (const { ownSize } of [...layers].reverse()) {
    const [base, below] = [sizes.at(-1), sizes[0]];
    const wish = ownSize ?? 0;
    const near = below !== undefined && wish % 2 === 0;
    const own = near ? below + ((wish >> 1) % 41) - 20 : 1 + (wish % most);
    sizes.unshift(ownSize === undefined && base !== undefined ? base : Math.min(most, Math.max(1, own)));
  }
  return sizes;
};

const layer = (
  raw: RawLayer,
  type: VhdxLayerSpec['type'],
  dialect: PlainVhdxDialect,
  sizeSectors: number,
  logicalSectorBytes: number,
): VhdxLayerSpec => {
  const { strokes, blocks, ownSize: _o, childDialect: _c, baseDialect: _b, log, ...habits } = raw;
  const blockCount = Math.ceil((sizeSectors * logicalSectorBytes) / raw.blockSizeBytes);
  const states = new Map(blocks.map((block) => [block.block % blockCount, block]));
  return {
    ...habits,
    type,
    dialect,
    sizeSectors,
    strokes: strokes.map((stroke) => onDisk(stroke, sizeSectors, raw.blockSizeBytes / logicalSectorBytes)),
    blocks: [...states].map(([block, { state, anchored }]) => ({
      block,
      state: state === 7 && type !== 'differencing' ? 6 : state,
      anchored: anchored && (state === 1 || state === 3),
    })),
    ...(log === undefined ? {} : { log }),
  };
};

const onDisk = ({ shape, at, count, content }: RawStroke, sizeSectors: number, blockSectors: number): Stroke => {
  const run = (firstSector: number, length: number, everyOther = false): Stroke => {
    const first = Math.min(Math.max(0, firstSector), sizeSectors - 1);
    return { firstSector: first, sectorCount: Math.min(length, sizeSectors - first), everyOther, content };
  };
  const start = at % sizeSectors;
  const block = start - (start % blockSectors);
  switch (shape) {
    case 'one sector':
      return run(start, 1);
    case 'some sectors':
      return run(start, count);
    case 'every other sector':
      return run(start, count, true);
    case 'over a border':
      return run(block - (count >> 1), count);
    case 'last sectors':
      return run(sizeSectors - count, count);
    case 'one block':
      return run(block, blockSectors);
  }
};

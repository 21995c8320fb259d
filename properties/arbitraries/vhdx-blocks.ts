/**
 * The blocks of a VHDX layer as the plain writer wants them, and the order in which they lie in the file.
 */
import { placeVhdx } from '../models/plain-vhdx-placement.js';
import type { PlainPayload, PlainPlace, PlainRun, PlainSectors, PlainVhdxSpec } from '../models/plain-vhdx.js';
import { staleBytes } from '../models/sector-content.js';
import type { VhdxChainSpec, VhdxLayerSpec } from './vhdx-chain-spec.js';
import { bytesOf, stretchesOf } from './vhdx-stretches.js';

/** The blocks that a stroke touches or that have a state of their own. */
export const vhdxPayload = (
  chain: VhdxChainSpec,
  layer: VhdxLayerSpec,
  number: number,
): ReadonlyMap<number, PlainPayload> => {
  const inBlock = layer.blockSizeBytes / chain.logicalSectorBytes;
  const contents = new Map<number, PlainRun[]>();
  for (const stretch of stretchesOf(chain, layer)) {
    const run = { firstSector: stretch.firstSector % inBlock, bytes: bytesOf(chain, number, stretch) };
    contents.set(stretch.block, [...(contents.get(stretch.block) ?? []), run]);
  }
  const states = new Map(layer.blocks.map((block) => [block.block, block]));
  const touched = layer.type === 'differencing' ? 7 : 6;
  return new Map(
    [...new Set([...contents.keys(), ...states.keys()])].map((block): [number, PlainPayload] => {
      const { state, anchored } = states.get(block) ?? { state: touched, anchored: false };
      const runs = contents.get(block) ?? [];
      const end = Math.min(inBlock, layer.sizeSectors - block * inBlock);
      const staleBits: readonly PlainSectors[] =
        layer.staleBits && layer.type === 'differencing'
          ? state === 7
            ? [{ firstSector: end, sectorCount: inBlock - end }]
            : [{ firstSector: 0, sectorCount: inBlock, step: 3 }]
          : [];
      if (state === 2 || ((state === 1 || state === 3) && !anchored)) return [block, { state, ...bitsOf(staleBits) }];
      if (state === 1 || state === 3)
        return [block, { state, content: [staleRun(chain, 0), ...runs], ...bitsOf(staleBits) }];
      const bits =
        state === 7
          ? runs.map((run) => ({
              firstSector: run.firstSector,
              sectorCount: run.bytes.length / chain.logicalSectorBytes,
            }))
          : [];
      const stale = layer.leftovers === 'stale' ? staleAround(chain, runs, state === 7 ? 0 : end, end, inBlock) : [];
      return [block, { state, content: [...stale, ...runs], ...bitsOf([...bits, ...staleBits]) }];
    }),
  );
};

const bitsOf = (bits: readonly PlainSectors[]): Pick<PlainPayload, 'bits'> => (bits.length === 0 ? {} : { bits });

const staleRun = (chain: VhdxChainSpec, firstSector: number): PlainRun => ({
  firstSector,
  bytes: staleBytes(chain.logicalSectorBytes),
});

/** Stale sectors under clear bits from `from` on: beside what is painted, at the block's and the disk's end. */
const staleAround = (
  chain: VhdxChainSpec,
  runs: readonly PlainRun[],
  from: number,
  diskEnd: number,
  inBlock: number,
): readonly PlainRun[] => {
  const ranges = runs.map(
    ({ firstSector, bytes }) => [firstSector, firstSector + bytes.length / chain.logicalSectorBytes] as const,
  );
  const beside = ranges.flatMap(([first, end]) => [first - 1, end]);
  const starts = new Set(ranges.map(([first]) => first));
  const ends = new Set(ranges.map(([, end]) => end - 1));
  const isPainted = (sector: number): boolean =>
    starts.has(sector) || ends.has(sector) || ranges.some(([first, end]) => sector >= first && sector < end);
  return [...new Set([0, ...beside, diskEnd, inBlock - 1])]
    .filter((sector) => sector >= from && sector < inBlock && !isPainted(sector))
    .map((sector) => staleRun(chain, sector));
};

/** All that has a place, shuffled; Fisher-Yates with a xorshift of 32 bits. Seed 0 leaves the order as it is. */
export const vhdxFileOrder = (spec: PlainVhdxSpec, { orderSeed }: VhdxLayerSpec): Pick<PlainVhdxSpec, 'fileOrder'> => {
  if (orderSeed === 0) return {};
  const { payloadAt, bitmapAt } = placeVhdx(spec);
  const left: PlainPlace[] = [
    ...[...payloadAt.keys()].map((index) => ({ kind: 'payload', index }) as const),
    ...[...bitmapAt.keys()].map((index) => ({ kind: 'bitmap', index }) as const),
  ];
  let state = orderSeed;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return { fileOrder: [...left].flatMap(() => left.splice(random(left.length), 1)) };
};

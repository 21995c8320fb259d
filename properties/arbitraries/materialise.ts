/**
 * From a chain as a value to its files, and to what each layer of it must show.
 */
import { join } from 'node:path';
import { flatDisk, type Layer, type SectorRun } from '../models/flat-disk.js';
import { plainVhdImage, writeImage, type PlainBlock, type PlainImage, type PlainVhdSpec } from '../models/plain-vhd.js';
import { SECTOR_BYTES, sectorContent, staleBytes } from '../models/sector-content.js';
import type { ChainSpec, LayerSpec } from './chain-spec.js';

export type MaterialisedChain = {
  /** Leaf to base. */
  readonly paths: readonly string[];
  /** `views[i]` is what a reader of layer i sees. */
  readonly views: readonly Uint8Array[];
  /** Unique Ids, leaf to base: 5fa21a55-f394-aa4d-9958-1951a67d5540. */
  readonly uniqueIds: readonly string[];
};

/** One file of a chain, not yet written; simulated file systems start from it. */
export type ChainImage = { readonly fileName: string; readonly spec: PlainVhdSpec; readonly image: PlainImage };

/** Writes the chain's files into an existing folder. */
export const materialise = (chain: ChainSpec, folder: string): MaterialisedChain => {
  const images = chainImages(chain);
  for (const { fileName, image } of images) writeImage(join(folder, fileName), image);
  const layers = flatLayers(chain);
  return {
    paths: images.map(({ fileName }) => join(folder, fileName)),
    views: layers.map((_, index) => flatDisk(...layersFrom(layers, index))),
    uniqueIds: images.map(({ spec }) => spec.uniqueId),
  };
};

/** The chain as the flat model sees it, leaf to base: `flatDisk` of the layers from i on is the view from layer i. */
export const flatLayers = (chain: ChainSpec): readonly Layer[] =>
  chain.layers.map((layer, index) => ({ sizeBytes: chain.sizeBytes, runs: runsOf(layer, index) }));

export const chainImages = (chain: ChainSpec): readonly ChainImage[] =>
  chain.layers.map((layer, index) => {
    const spec = vhdSpec(chain, layer, index);
    return { fileName: chain.fileName(index), spec, image: plainVhdImage(spec) };
  });

const layersFrom = (layers: readonly Layer[], index: number): readonly [Layer, ...Layer[]] => {
  const [top, ...below] = layers.slice(index);
  if (top === undefined) throw new Error(`the chain has no layer ${index}`);
  return [top, ...below];
};

/** One run per painted sector, in the order of painting. */
const runsOf = (layer: LayerSpec, number: number): readonly SectorRun[] =>
  layer.strokes.flatMap(({ firstSector, sectorCount, everyOther, content }) => {
    const step = everyOther ? 2 : 1;
    return Array.from({ length: Math.ceil(sectorCount / step) }, (_, nth) => firstSector + nth * step).map(
      (sector) => ({
        firstSector: sector,
        data: content === 'zeros' ? new Uint8Array(SECTOR_BYTES) : sectorContent(number, sector),
      }),
    );
  });

const uniqueIdOf = (chain: ChainSpec, layer: number): string =>
  `c4a10f01-d000-4000-8000-${(chain.sizeSectors * 256 + layer).toString(16).padStart(12, '0')}`;

const vhdSpec = (chain: ChainSpec, layer: LayerSpec, index: number): PlainVhdSpec => {
  const blocks = blocksOf(chain, layer, index);
  const indexes = [...blocks.keys()].sort((a, b) => a - b);
  const common = {
    dialect: layer.dialect,
    sizeBytes: chain.sizeBytes,
    blockSizeBytes: layer.blockSizeBytes,
    blocks,
    uniqueId: uniqueIdOf(chain, index),
    timeStamp: timeStampOf(index),
    fileOrder: shuffled(indexes, layer.orderSeed),
    gapsSectors: indexes.map((_, nth) => layer.gapsSectors[nth % Math.max(1, layer.gapsSectors.length)] ?? 0),
    slackSectors: layer.slackSectors,
    leftovers: layer.leftovers,
  };
  if (layer.type !== 'differencing') return { ...common, type: layer.type };
  const parent = {
    uniqueId: uniqueIdOf(chain, index + 1),
    fileName: chain.fileName(index + 1),
    timeStamp: timeStampOf(index + 1),
  };
  return { ...common, type: layer.type, parent };
};

/** Parents are older than their children; seconds since 2000. */
const timeStampOf = (layer: number): number => 655_986_198 - layer * 3600;

/** Blocks that a stroke touches, and those allocated anyway. A clear bit covers stale bytes only where a parent lies below. */
const blocksOf = (chain: ChainSpec, layer: LayerSpec, number: number): ReadonlyMap<number, PlainBlock> => {
  const blockSectors = layer.blockSizeBytes / SECTOR_BYTES;
  const blocks = new Map<number, { bits: boolean[]; data: Uint8Array }>();
  const block = (index: number): { bits: boolean[]; data: Uint8Array } => {
    const there = blocks.get(index);
    if (there !== undefined) return there;
    const stale = layer.type === 'differencing' && layer.leftovers === 'stale';
    const beyond = chain.sizeSectors - index * blockSectors;
    const made = {
      bits: Array.from({ length: blockSectors }, (_, sector) => layer.bitsPastEnd && sector >= beyond),
      data: stale ? staleBytes(layer.blockSizeBytes) : new Uint8Array(layer.blockSizeBytes),
    };
    blocks.set(index, made);
    return made;
  };
  for (const { firstSector, data } of runsOf(layer, number)) {
    const { bits, data: into } = block(Math.floor(firstSector / blockSectors));
    const sector = firstSector % blockSectors;
    bits[sector] = true;
    into.set(data, sector * SECTOR_BYTES);
  }
  for (const index of layer.alsoAllocated) block(index);
  return blocks;
};

/** Fisher-Yates with a xorshift of 32 bits; seed 0 leaves the order as it is. */
const shuffled = (indexes: readonly number[], seed: number): readonly number[] => {
  if (seed === 0) return indexes;
  let state = seed;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const left = [...indexes];
  return indexes.flatMap(() => left.splice(random(left.length), 1));
};

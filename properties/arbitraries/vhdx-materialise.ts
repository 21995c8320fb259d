/**
 * From a chain of VHDX as a value to its files, and to what each layer of it must show.
 */
import { join } from 'node:path';
import { flatDisk, type Layer, type SectorRun } from '../models/flat-disk.js';
import {
  type PlainItem,
  type PlainVhdxImage,
  plainVhdxImage,
  type PlainVhdxSpec,
  writeImage,
} from '../models/plain-vhdx.js';
import { SECTOR_BYTES } from '../models/sector-content.js';
import { vhdxFileOrder, vhdxPayload } from './vhdx-blocks.js';
import type { VhdxChainSpec, VhdxLayerSpec } from './vhdx-chain-spec.js';
import { bytesOf, stretchesOf } from './vhdx-stretches.js';

/** One file of a chain, not yet written; simulated file systems start from it. */
export type VhdxChainImage = {
  readonly fileName: string;
  readonly spec: PlainVhdxSpec;
  readonly image: PlainVhdxImage;
};

export type MaterialisedVhdxChain = {
  /** Leaf to base. */
  readonly paths: readonly string[];
  readonly dataWriteGuids: readonly string[];
};

/** Writes the chain's files into an existing folder. */
export const materialiseVhdx = (chain: VhdxChainSpec, folder: string): MaterialisedVhdxChain => {
  const images = vhdxChainImages(chain);
  for (const { fileName, image } of images) writeImage(join(folder, fileName), image);
  return {
    paths: images.map(({ fileName }) => join(folder, fileName)),
    dataWriteGuids: images.map(({ spec }) => spec.dataWriteGuid),
  };
};

/** What a reader of layer `index` sees: the whole disk. */
export const vhdxView = (chain: VhdxChainSpec, index = 0): Uint8Array => {
  const [top, ...below] = flatVhdxLayers(chain).slice(index);
  if (top === undefined) throw new Error(`the chain has no layer ${index}`);
  return flatDisk(top, ...below);
};

/** `vhdxViews(chain)[i]` is what a reader of layer i sees; each is made from the one below it. */
export const vhdxViews = (chain: VhdxChainSpec): readonly Uint8Array[] => {
  const views: Uint8Array[] = [];
  for (const layer of [...flatVhdxLayers(chain)].reverse()) {
    const [below] = views;
    const under = below === undefined ? [] : [{ sizeBytes: below.length, runs: [{ firstSector: 0, data: below }] }];
    views.unshift(flatDisk(layer, ...under));
  }
  return views;
};

export const vhdxChainImages = (chain: VhdxChainSpec): readonly VhdxChainImage[] =>
  chain.layers.map((layer, index) => {
    const spec = vhdxSpec(chain, layer, index);
    return { fileName: chain.fileName(index), spec, image: plainVhdxImage(spec) };
  });

/** The chain as the flat model sees it, leaf to base; its sectors are of 512 bytes always. */
export const flatVhdxLayers = (chain: VhdxChainSpec): readonly Layer[] =>
  chain.layers.map((layer, index) => ({ sizeBytes: chain.sizeBytes(index), runs: runsOf(chain, layer, index) }));

/** In the order of painting: whole blocks that are zero by their state, or present with nothing in them, then what the strokes left. */
const runsOf = (chain: VhdxChainSpec, layer: VhdxLayerSpec, number: number): readonly SectorRun[] => {
  const { logicalSectorBytes } = chain;
  const inBlock = layer.blockSizeBytes / logicalSectorBytes;
  const perSector = logicalSectorBytes / SECTOR_BYTES;
  const whole = layer.blocks.filter(({ state }) => state !== 7);
  const zero = new Set(whole.filter(({ state }) => state < 6).map(({ block }) => block));
  return [
    ...whole.map(({ block }) => ({
      firstSector: block * inBlock * perSector,
      data: zeroBytes(Math.min(inBlock, layer.sizeSectors - block * inBlock) * logicalSectorBytes),
    })),
    ...stretchesOf(chain, layer)
      .filter(({ block }) => !zero.has(block))
      .map((stretch) => ({ firstSector: stretch.firstSector * perSector, data: bytesOf(chain, number, stretch) })),
  ];
};

let zeros = new Uint8Array();
/** Zeros that nobody writes to. */
const zeroBytes = (lengthBytes: number): Uint8Array => {
  if (zeros.length < lengthBytes) zeros = new Uint8Array(lengthBytes);
  return zeros.subarray(0, lengthBytes);
};

const guidOf = (chain: VhdxChainSpec, kind: string, layer: number): string => {
  const sizes = chain.layers.reduce((sum, { sizeSectors }) => (sum * 31 + sizeSectors) % 2 ** 32, 7);
  return `c4a10f01-${kind}-4000-8000-${(sizes * 256 + layer).toString(16).padStart(12, '0')}`;
};

const vhdxSpec = (chain: VhdxChainSpec, layer: VhdxLayerSpec, index: number): PlainVhdxSpec => {
  const payload = vhdxPayload(chain, layer, index);
  const sizeBytes = chain.sizeBytes(index);
  const { type, dialect, blockSizeBytes, physicalSectorBytes, gapsMib, slackMib, leftovers, log } = layer;
  const common = {
    dialect,
    sizeBytes,
    blockSizeBytes,
    logicalSectorBytes: chain.logicalSectorBytes,
    physicalSectorBytes,
    payload,
    dataWriteGuid: guidOf(chain, 'd000', index),
    fileWriteGuid: guidOf(chain, 'f000', index),
    virtualDiskId: guidOf(chain, '83d0', 0),
    gapsMib: Array.from({ length: 64 }, (_, nth) => gapsMib[nth % Math.max(1, gapsMib.length)] ?? 0),
    slackMib,
    leftovers,
    ...headersOf(layer),
    ...(layer.unknowns ? unknownsOf(chain, index) : {}),
    ...(log === undefined
      ? {}
      : {
          log: {
            ...log,
            logGuid: guidOf(chain, '1060', index),
            fileShorterByMib: log.state === 'dirty' && leftovers === 'zeros' ? slackMib : 0,
          },
        }),
  };
  if (type !== 'differencing') return { ...common, ...vhdxFileOrder({ ...common, type }, layer), type };
  const parentGuid = guidOf(chain, 'd000', index + 1);
  const parent = {
    fileName: chain.fileName(index + 1),
    ...(layer.linkedBy === 'linkage'
      ? { dataWriteGuid: parentGuid }
      : { dataWriteGuid: guidOf(chain, '01d0', index + 1), linkage2: parentGuid }),
  };
  return { ...common, ...vhdxFileOrder({ ...common, type, parent }, layer), type, parent };
};

const headersOf = ({ headers }: VhdxLayerSpec): Pick<PlainVhdxSpec, 'currentHeader' | 'otherHeader'> => {
  switch (headers) {
    case 'as usual':
      return {};
    case 'first is current':
      return { currentHeader: 0, otherHeader: 'older' };
    case 'other damaged':
      return { otherHeader: 'damaged' };
    case 'identical':
      return { otherHeader: 'identical' };
  }
};

/** Of the items one belongs to the disk, and goes where the disk goes (FORMATS.md B4); its bytes name the layer. */
const unknownsOf = (chain: VhdxChainSpec, index: number): Pick<PlainVhdxSpec, 'items' | 'regions'> => {
  const item = (itemId: string, rest: Omit<PlainItem, 'itemId' | 'bytes'>): PlainItem => ({
    itemId,
    bytes: Buffer.from(`layer ${index}`),
    ...rest,
  });
  return {
    items: [
      item('da02d7bc-3d3a-423c-ac88-2a36ab21479b', { isUser: true, isVirtualDisk: true }),
      item('5eb0bb01-0000-4000-8000-000000000001', {}),
    ],
    regions: [
      {
        guid: '5eb0bb02-0000-4000-8000-000000000002',
        lengthMib: 1,
        bytes: Buffer.from(`layer ${index} of ${chain.fileStem}`),
      },
    ],
  };
};

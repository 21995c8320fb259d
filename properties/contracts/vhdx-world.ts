/** VHDX: disks of up to 3 MiB in blocks of 1 MiB and more, of different sizes in one chain, and blocks in every state that there is. */
import {
  flatVhdxLayers,
  vhdxChainImages,
  vhdxChains,
  type VhdxChainSpec,
  vhdxChainsToMerge,
  vhdxView,
} from '../arbitraries/vhdx-chains.js';
import {
  checkPlainVhdx,
  openPlainVhdx,
  openVhdxChain,
  type PlainVhdx,
  vhdxGuestBytes,
  vhdxSectorPlaces,
} from '../models/plain-vhdx.js';
import { runs } from '../budget.js';
import { SECTOR_BYTES } from '../models/sector-content.js';
import { MemoryFileSystem, type MemoryOptions } from '../simulation/memory-file-system.js';
import { type ChainOnDisk, type DiskWorld, FOLDER, type PresentBlock } from './disk-world.js';

const MIB = 1024 * 1024;
const SMALL = { maxSizeBytes: 3 * MIB, maxDepth: 3, blockSizesBytes: [MIB, MIB, 2 * MIB, 4 * MIB] };

const onMemory = (chain: VhdxChainSpec, options: MemoryOptions = {}): ChainOnDisk => {
  const files = new MemoryFileSystem(options);
  const images = vhdxChainImages(chain);
  for (const { fileName, image } of images) files.put(`${FOLDER}/${fileName}`, image);
  return { files, paths: images.map(({ fileName }) => `${FOLDER}/${fileName}`) };
};

const sizeOf = (chain: VhdxChainSpec, layer: number): number => chain.layers[layer]!.sizeSectors;

export const vhdxWorld: DiskWorld<VhdxChainSpec> = {
  cases: runs(25, 200),
  moreCases: runs(60, 500),
  chains: vhdxChains(SMALL),
  smallChains: vhdxChains({ ...SMALL, logicalSectorBytes: 4096 }),
  merges: vhdxChainsToMerge(SMALL),
  onMemory,
  sectorBytes: ({ logicalSectorBytes }) => logicalSectorBytes,
  sizeSectors: sizeOf,
  viewOf: vhdxView,
  coveredBySources: (chain, source, destination) => {
    const covered = new Set<number>();
    const cover = (from: number, to: number): void => {
      for (let sector = from; sector < Math.min(to, sizeOf(chain, source)); sector += 1) covered.add(sector);
    };
    const perSector = chain.logicalSectorBytes / SECTOR_BYTES;
    flatVhdxLayers(chain)
      .slice(source, destination)
      .forEach(({ runs }, nth) => {
        for (const { firstSector, data } of runs)
          cover(firstSector / perSector, firstSector / perSector + data.length / chain.logicalSectorBytes);
        cover(sizeOf(chain, source + nth), sizeOf(chain, source));
      });
    return covered;
  },
  keepsItsShape: (chain, source, destination) =>
    sizeOf(chain, source) === sizeOf(chain, destination) && chain.layers[destination]!.log?.state !== 'dirty',
  plainView: (files, paths, layer) =>
    vhdxGuestBytes(openVhdxChain(paths.slice(layer).map((path) => files.source(path)))),
  plainDisk: (source) => {
    const vhdx = openPlainVhdx(source);
    const placeOf = vhdxSectorPlaces(vhdx);
    const hasParent = vhdx.parent !== undefined;
    return {
      sizeBytes: vhdx.view.sizeBytes,
      read: (offsetBytes, lengthBytes) => vhdx.view.read(offsetBytes, lengthBytes),
      placeOf,
      mayShow: (sector) => typeof placeOf(sector) === 'number' || (placeOf(sector) === undefined && hasParent),
      presentBlocks: presentBlocks(vhdx),
      hasPlace: (block) => hasPlace(vhdx, block),
      oddities: () => checkPlainVhdx(source).map(({ kind }) => kind),
    };
  },
  healed: ['dirty log', 'header damaged', 'headers disagree', 'region table damaged', 'region tables differ'],
  // The log and the sequence numbers of the headers tell of every session.
  mergedAgain: 'the content',
};

/** What lies beyond the disk in a block is nobody's: it may be cleared, or the place given to another block. */
const presentBlocks = (vhdx: PlainVhdx): readonly PresentBlock[] => {
  const { payloadBlocks, sectorsPerBlock } = vhdx.geometry;
  const sizeSectors = vhdx.sizeBytes / vhdx.logicalSectorBytes;
  return Array.from({ length: payloadBlocks }, (_, block) => block).flatMap((block) => {
    const { state, offsetBytes } = vhdx.payload(block);
    const firstSector = block * sectorsPerBlock;
    const sectorCount = Math.min(sectorsPerBlock, sizeSectors - firstSector);
    return state >= 6 ? [{ firstSector, sectorCount, offsetBytes }] : [];
  });
};

/** An undefined or unmapped block may keep its old place. A fixed disk gets one for each new block when it grows. */
const hasPlace = (vhdx: PlainVhdx, block: number): boolean => {
  if (block >= vhdx.geometry.payloadBlocks) return vhdx.type === 'fixed';
  const { state, offsetBytes } = vhdx.payload(block);
  return state !== 0 && state !== 2 && offsetBytes !== 0;
};

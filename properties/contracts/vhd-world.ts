/** VHD: disks of a few KiB, all of a chain of one size, and blocks that are there or not. */
import { chainImages, chainsToMerge, type ChainSpec, differencingChains, flatLayers } from '../arbitraries/chains.js';
import { flatDisk } from '../models/flat-disk.js';
import { bitmapBytes, UNUSED } from '../models/plain-vhd-layout.js';
import { sectorPlaces } from '../models/plain-vhd-reader.js';
import { checkPlainVhd, guestBytes, imageBytes, openChain, openPlainVhd, type PlainVhd } from '../models/plain-vhd.js';
import { SECTOR_BYTES } from '../models/sector-content.js';
import { MemoryFileSystem, type MemoryOptions } from '../simulation/memory-file-system.js';
import { type ChainOnDisk, type DiskWorld, FOLDER, type PresentBlock } from './disk-world.js';

/** The chain's files on a fresh simulated disk; their paths from leaf to base. */
export const onMemory = (chain: ChainSpec, options: MemoryOptions = {}): ChainOnDisk => {
  const files = new MemoryFileSystem(options);
  const images = chainImages(chain);
  for (const { fileName, image } of images) files.put(`${FOLDER}/${fileName}`, imageBytes(image));
  return { files, paths: images.map(({ fileName }) => `${FOLDER}/${fileName}`) };
};

/** What layer `index` of the chain shows. */
export const viewOf = (chain: ChainSpec, index: number): Uint8Array => {
  const [top, ...below] = flatLayers(chain).slice(index);
  return flatDisk(top!, ...below);
};

/** The view from layer `index` as the plain reader sees it on this disk. */
export const plainView = (files: MemoryFileSystem, paths: readonly string[], index: number): Uint8Array =>
  guestBytes(openChain(paths.slice(index).map((path) => files.source(path))));

export const vhdWorld: DiskWorld<ChainSpec> = {
  cases: {},
  moreCases: {},
  chains: differencingChains(),
  smallChains: differencingChains({ maxSectors: 400 }),
  merges: chainsToMerge(),
  onMemory,
  sectorBytes: () => SECTOR_BYTES,
  sizeSectors: ({ sizeSectors }) => sizeSectors,
  viewOf,
  coveredBySources: (chain, source, destination) =>
    new Set(
      flatLayers(chain)
        .slice(source, destination)
        .flatMap(({ runs }) => runs.map(({ firstSector }) => firstSector)),
    ),
  keepsItsShape: () => true,
  plainView,
  plainDisk: (source) => {
    const vhd = openPlainVhd(source);
    const bat = vhd.table?.bat;
    const placeOf = sectorPlaces(vhd);
    return {
      sizeBytes: source.sizeBytes,
      read: (offsetBytes, lengthBytes) => source.read(offsetBytes, lengthBytes),
      placeOf,
      mayShow: (sector) => placeOf(sector) !== undefined || vhd.parent !== undefined,
      presentBlocks: presentBlocks(vhd),
      hasPlace: (block) => bat?.[block] !== UNUSED,
      oddities: () => checkPlainVhd(source).map(({ kind }) => kind),
    };
  },
  healed: [],
  mergedAgain: 'every byte',
};

/** Whole blocks, also where they reach beyond the disk. */
const presentBlocks = ({ table, sizeBytes }: PlainVhd): readonly PresentBlock[] => {
  if (table === undefined) return [{ firstSector: 0, sectorCount: sizeBytes / SECTOR_BYTES, offsetBytes: 0 }];
  const sectorCount = table.blockSizeBytes / SECTOR_BYTES;
  return table.bat.flatMap((entry, block) =>
    entry === UNUSED
      ? []
      : [
          {
            firstSector: block * sectorCount,
            sectorCount,
            offsetBytes: entry * SECTOR_BYTES + bitmapBytes(table.blockSizeBytes),
          },
        ],
  );
};

/** A child over a parent over a base, where the base has taken the parent's data: the setting of every re-parenting. */
import { expect } from 'vitest';
import type { DiskImage, ReparentImages } from '#application/ports/disk-image';
import { VhdImages } from '../../infrastructure/disk-image/vhd/vhd-images.js';
import { type ChainSpec, differencingChains } from '../arbitraries/chains.js';
import { onMemory, viewOf } from '../contracts/disk-image.contract.js';
import { firstDifference } from '../models/flat-disk.js';
import { type ByteSource, bytesSource, guestBytes, openChain, openPlainVhd } from '../models/plain-vhd.js';
import type { MemoryFileSystem, MemoryOptions } from './memory-file-system.js';
import { mergeInWindows, valueOf } from './window-merge.js';

/** Child, its parent, and the base, which has taken the parent's data: over both the child shows the same. */
export const chains = differencingChains({ minDepth: 2, maxDepth: 2, maxSectors: 40, blockSizesBytes: [4096, 8192] });
export const [CHILD, PARENT, BASE] = [0, 1, 2] as const;

export const merged = async (
  chain: ChainSpec,
): Promise<{ readonly files: MemoryFileSystem; readonly paths: readonly string[] }> => {
  const disk = onMemory(chain);
  await mergeInWindows(imagesOn(disk.files), disk.paths.slice(PARENT), {
    windowBlocks: [4],
    pieceSectors: 64,
    overlapped: false,
  });
  return disk;
};

export const imagesOn = (files: MemoryFileSystem): VhdImages => new VhdImages(files, 'posix');
export const restartedWith = (files: MemoryFileSystem, options: MemoryOptions): MemoryFileSystem =>
  files.restarted(options, () => 1);

export const described = async (files: MemoryFileSystem, path: string): Promise<DiskImage['description']> =>
  valueOf(await imagesOn(files).open(path)).description;

export const planned = async (files: MemoryFileSystem, paths: readonly string[]): Promise<ReparentImages> =>
  valueOf(await imagesOn(files).reparenting(paths[CHILD]!, await described(files, paths[BASE]!))).images;

export const apply = async (files: MemoryFileSystem, child: string, images: ReparentImages): Promise<void> => {
  valueOf(await imagesOn(files).resumeReparenting(child, images).apply());
};

/** What the child shows over the parent that it names by id, for a reader that goes by the tail and for one that goes by the head. */
export const expectBothReadersSee = (chain: ChainSpec, files: MemoryFileSystem, paths: readonly string[]): void => {
  const bytes = files.bytes(paths[CHILD]!);
  const headOnly = new Uint8Array(bytes.length + 512);
  headOnly.set(bytes);
  for (const child of [bytesSource(paths[CHILD]!, bytes), bytesSource(paths[CHILD]!, headOnly)]) {
    expect(
      firstDifference(viewOf(chain, CHILD), guestBytes(openChain(overItsParent(child, files, paths)))),
    ).toBeUndefined();
  }
};

export const overItsParent = (
  child: ByteSource,
  files: MemoryFileSystem,
  paths: readonly string[],
): readonly ByteSource[] => {
  const base = files.source(paths[BASE]!);
  const { parent } = openPlainVhd(child);
  return parent!.uniqueId === openPlainVhd(base).uniqueId ? [child, base] : [child, files.source(paths[PARENT]!), base];
};

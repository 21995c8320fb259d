/**
 * What a format brings to the contract of its adapter: random chains of images on a simulated disk, what they must show, and a plain
 * reader that judges what became of them. Layers go from leaf (0) to base; sectors are logical ones.
 */
import type fc from 'fast-check';
import type { MergePair } from '../arbitraries/chains.js';
import type { ByteSource } from '../models/byte-source.js';
import type { MemoryFileSystem, MemoryOptions } from '../simulation/memory-file-system.js';

export const FOLDER = '/chain';

/** The chain's files; their paths from leaf to base. */
export type ChainOnDisk = { readonly files: MemoryFileSystem; readonly paths: readonly string[] };

export type DiskWorld<Chain> = {
  /** How many cases a property has, when it is not the usual number. */
  readonly cases: { readonly numRuns?: number };
  /** The same of those that few cases come close to, and that are quick. */
  readonly moreCases: { readonly numRuns?: number };
  readonly chains: fc.Arbitrary<Chain>;
  /** Of so few sectors that each can be asked for. */
  readonly smallChains: fc.Arbitrary<Chain>;
  readonly merges: fc.Arbitrary<MergePair & { readonly chain: Chain }>;

  readonly onMemory: (chain: Chain, options?: MemoryOptions) => ChainOnDisk;
  readonly sectorBytes: (chain: Chain) => number;
  readonly sizeSectors: (chain: Chain, layer: number) => number;
  /** What layer `layer` must show. */
  readonly viewOf: (chain: Chain, layer: number) => Uint8Array;
  /** Sectors that a layer from `source` to above `destination` supplies, or hides by its end. */
  readonly coveredBySources: (chain: Chain, source: number, destination: number) => ReadonlySet<number>;
  /** Is all that a reader knows of the destination from its opening as true after the merge, but for tables and bitmaps? */
  readonly keepsItsShape: (chain: Chain, source: number, destination: number) => boolean;

  /** What layer `layer` shows on this disk. Throws when a link of the chain is broken. */
  readonly plainView: (files: MemoryFileSystem, paths: readonly string[], layer: number) => Uint8Array;
  readonly plainDisk: (source: ByteSource) => PlainDisk;
  /** Oddities that no file has after it was merged into. */
  readonly healed: readonly string[];
  /** What a second merge of the same leaves as it is. */
  readonly mergedAgain: 'every byte' | 'the content';
};

/** One image as the plain reader sees it, a log that was not applied counted as applied. */
export type PlainDisk = {
  /** Of the file. */
  readonly sizeBytes: number;
  readonly read: (offsetBytes: number, lengthBytes: number) => Uint8Array;
  /** Where in the file the image has a sector, `zeros` when it reads so by state, undefined when the image does not supply it. */
  readonly placeOf: (sector: number) => number | 'zeros' | undefined;
  /** May the image show something else than zeros there, whatever is below it? */
  readonly mayShow: (sector: number) => boolean;
  /** Blocks whose sectors are in the file. */
  readonly presentBlocks: readonly PresentBlock[];
  /** Has the block a place in the file, or will it have one before a sector is merged into it? */
  readonly hasPlace: (block: number) => boolean;
  /** What is wrong with the file, by its kind. */
  readonly oddities: () => readonly string[];
};

export type PresentBlock = {
  readonly firstSector: number;
  readonly sectorCount: number;
  readonly offsetBytes: number;
};

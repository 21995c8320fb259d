import { join } from 'node:path';
import { followChain, guestSha256, writePlainVhd, type PlainBlock } from '../models/plain-vhd.js';

/** A merge that is to be killed again and again. */
export type ChainToKill = {
  readonly source: string;
  readonly destination: string;
  /** How many blocks of the destination are merged. */
  readonly blocks: number;
  readonly windowBytes: number;
  /** As the command line takes it. */
  readonly rate: string;
  /** SHA-256 of the disk that an image shows, as a reader sees it that is no part of the product. */
  readonly digest: (path: string) => string;
  /** Kills that strike before the first block: as soon as one of these sees in the files what it looks for. */
  readonly early?: readonly (() => boolean)[];
  /** Kills that strike when all blocks are merged, as soon as this event shows. */
  readonly late?: readonly string[];
  /** Looks at the files after each kill, throws when something is not right, and says in a word where it struck. */
  readonly afterKill?: (kill: number) => Promise<string>;
};

/** A VHD merge of 220 MiB. */
export const MERGED_MIB = 220;
const BLOCK_BYTES = 512 * 1024;
const BLOCKS = (MERGED_MIB * 1024 * 1024) / BLOCK_BYTES;
/** Room for both: blocks that the base has, and blocks that it gets. */
const DISK_BLOCKS = BLOCKS + 40;

export const vhdToKill = (folder: string): ChainToKill => {
  const { base, child } = writeChain(folder);
  return {
    source: child,
    destination: base,
    blocks: BLOCKS,
    windowBytes: 2 * BLOCK_BYTES,
    rate: '60M',
    digest: (path) => guestSha256(followChain(path)),
  };
};

const writeChain = (folder: string): { readonly base: string; readonly child: string } => {
  const base = join(folder, 'base.vhd');
  const child = join(folder, 'child.vhd');
  const common = {
    dialect: 'windows',
    sizeBytes: DISK_BLOCKS * BLOCK_BYTES,
    blockSizeBytes: BLOCK_BYTES,
    timeStamp: 1,
  } as const;
  const baseId = 'aaaaaaaa-0000-4000-8000-000000000001';
  const bits = Array.from({ length: BLOCK_BYTES / 512 }, () => true);
  const block = (seed: number): PlainBlock => ({ bits, data: contentOf(seed) });
  // The base has every other block, so that a merge both overwrites and appends.
  const ofBase = new Map(Array.from({ length: DISK_BLOCKS / 2 }, (_, n) => [n * 2, block(1_000_000 + n)]));
  writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: baseId, blocks: ofBase });
  const ofChild = new Map(Array.from({ length: BLOCKS }, (_, n) => [n + 20, block(n)]));
  writePlainVhd(child, {
    ...common,
    type: 'differencing',
    uniqueId: 'aaaaaaaa-0000-4000-8000-000000000002',
    blocks: ofChild,
    parent: { uniqueId: baseId, fileName: 'base.vhd', timeStamp: 1 },
  });
  return { base, child };
};

/** Every sector says which block it is of and where. */
const contentOf = (seed: number): Uint8Array => {
  const data = new Uint8Array(BLOCK_BYTES);
  const words = new Uint32Array(data.buffer);
  for (let word = 0; word < words.length; word++) words[word] = (seed * 2_654_435_761 + word) >>> 0;
  return data;
};

import { join } from 'node:path';
import { writePlainVhd, type PlainBlock } from '../models/plain-vhd.js';

/** Disks of a few blocks whose every sector is known, for cases that are spelled out. */

export const BLOCK_BYTES = 4096;
export const BLOCKS = 12;
export const SIZE_BYTES = BLOCKS * BLOCK_BYTES;
export const id = (n: number): string => `cccccccc-0000-4000-8000-00000000000${n}`;

export const block = (fill: number): PlainBlock => ({
  bits: Array.from({ length: 8 }, () => true),
  data: new Uint8Array(BLOCK_BYTES).fill(fill),
});
export const common = { dialect: 'windows', sizeBytes: SIZE_BYTES, blockSizeBytes: BLOCK_BYTES, timeStamp: 7 } as const;
export const child = (n: number, parent: number, parentName: string, blocks: ReadonlyMap<number, PlainBlock>) =>
  ({
    ...common,
    type: 'differencing',
    uniqueId: id(n),
    parent: { uniqueId: id(parent), fileName: parentName, timeStamp: 7 },
    blocks,
  }) as const;
/** A base with one block, and a child over it with two: one that the base has, and one that it gets. */
export const smallPair = (folder: string): { readonly base: string; readonly source: string } => {
  const base = join(folder, 'base.vhd');
  const source = join(folder, 'child.vhd');
  writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map([[0, block(1)]]) });
  const blocks = new Map([
    [0, block(9)],
    [5, block(8)],
  ]);
  writePlainVhd(source, child(2, 1, 'base.vhd', blocks));
  return { base, source };
};

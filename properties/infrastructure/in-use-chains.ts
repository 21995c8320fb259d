/** Small chains in both formats for the matrix of decision 0021: which of their files a merge writes, and what the merge must show. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { followChain, guestSha256, type PlainBlock, writePlainVhd } from '../models/plain-vhd.js';
import { MIB, pathOf, writeDisks } from './vhdx-disks.js';
import { modelDigest } from './vhdx-judges.js';

export type Role = 'child of the source' | 'source' | 'middle' | "destination's child" | 'destination' | 'below';

export interface ChainInUse {
  readonly folder: string;
  readonly source: string;
  readonly destination: string;
  readonly files: readonly { readonly role: Role; readonly path: string; readonly written: boolean }[];
  /** SHA-256 of what an image shows, by a reader that is no part of the product. */
  readonly shows: (path: string) => string;
}

export type Format = 'VHD' | 'VHDX';
export const FORMATS: readonly Format[] = ['VHD', 'VHDX'];

export const chainInUse = (format: Format, scratch: string): ChainInUse => {
  const folder = mkdtempSync(join(scratch, 'in-use-'));
  return format === 'VHD' ? vhdInUse(folder) : vhdxInUse(folder);
};

export const VHD_SIZE_BYTES = 4 * MIB;
const BLOCK_BYTES = 64 * 1024;

/** The destination is fixed: its file is the disk, so that a file system in it can be mounted. */
const vhdInUse = (folder: string): ChainInUse => {
  const names = ['source.vhd', 'middle.vhd', 'destination.vhd'];
  const [source, middle, destination] = names.map((name) => join(folder, name)) as [string, string, string];
  const common = { dialect: 'windows', sizeBytes: VHD_SIZE_BYTES, blockSizeBytes: BLOCK_BYTES, timeStamp: 7 } as const;
  const id = (layer: number): string => `1a1a1a1a-0000-4000-8000-00000000000${String(layer)}`;
  const block = (fill: number): PlainBlock => ({
    bits: Array.from({ length: BLOCK_BYTES / 512 }, (_, sector) => sector % 3 === 0),
    data: new Uint8Array(BLOCK_BYTES).fill(fill),
  });
  writePlainVhd(destination, { ...common, type: 'fixed', uniqueId: id(3), blocks: new Map([[1, block(1)]]) });
  for (const [layer, path] of [
    [2, middle],
    [1, source],
  ] as const)
    writePlainVhd(path, {
      ...common,
      type: 'differencing',
      uniqueId: id(layer),
      parent: { uniqueId: id(layer + 1), fileName: names[layer]!, timeStamp: 7 },
      blocks: new Map([1, 2 + layer, 50].map((at) => [at, block(10 * layer + at)])),
    });
  return {
    folder,
    source,
    destination,
    files: [
      { role: 'source', path: source, written: false },
      { role: 'middle', path: middle, written: false },
      { role: 'destination', path: destination, written: true },
    ],
    shows: (path) => guestSha256(followChain(path)),
  };
};

const VHDX_FILES: readonly (readonly [Role, boolean])[] = [
  ['child of the source', true],
  ['source', false],
  ['middle', false],
  ["destination's child", true],
  ['destination', true],
  ['below', false],
];

/** The whole length of a chain: a child that is re-parented, and a base below the destination. */
const vhdxInUse = (folder: string): ChainInUse => {
  writeDisks(folder, {
    sectorBytes: 512,
    layers: VHDX_FILES.map(([role], layer) => ({
      type: role === 'below' ? 'dynamic' : 'differencing',
      sizeBytes: 3 * MIB,
      blockMib: 1,
      data: [
        [8 * layer, 24],
        [2048 + 64 * layer, 8],
      ],
    })),
  });
  const at = (wanted: Role): string =>
    pathOf(
      folder,
      VHDX_FILES.findIndex(([role]) => role === wanted),
    );
  return {
    folder,
    source: at('source'),
    destination: at('destination'),
    files: VHDX_FILES.map(([role, written]) => ({ role, path: at(role), written })),
    shows: modelDigest,
  };
};

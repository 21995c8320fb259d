/**
 * Small chains of VHDX disks for tests that spell out what the guest sees: each disk as the sectors that it holds and the states of
 * its blocks, and the expected view as sectors, too. Sectors are logical ones, counted on the disk.
 */
import { join } from 'node:path';
import type { PayloadState } from '../models/plain-vhdx-layout.js';
import {
  NIL_GUID,
  type PlainPayload,
  type PlainRun,
  type PlainSectors,
  type PlainVhdxSpec,
  writePlainVhdx,
} from '../models/plain-vhdx.js';
import { SECTOR_BYTES, sectorContent, staleBytes } from '../models/sector-content.js';

export const MIB = 1024 * 1024;

/** Sectors [first, first + count). */
export type Sectors = readonly [first: number, count: number];

/** Sectors of the expected view and the layer (0 is the leaf) whose content they have. What is in no entry is zero. */
export type Shown = readonly [first: number, count: number, layer: number];

export type Disk = Pick<
  PlainVhdxSpec,
  'log' | 'batMib' | 'logMib' | 'items' | 'slackMib' | 'leftovers' | 'otherHeader' | 'damagedRegionTable' | 'dialect'
> & {
  readonly type: 'fixed' | 'dynamic' | 'differencing';
  readonly sizeBytes: number;
  readonly blockMib: number;
  /** What the layer holds. In a differencing disk the bits of these sectors are set, in a block of state 7. */
  readonly data?: readonly Sectors[];
  /** Blocks in another state than the data makes them; 1 and 3 with `anchored` have an old place with old bytes. */
  readonly states?: Readonly<Record<number, PayloadState>>;
  readonly anchored?: boolean;
};

/** Without it: Windows' habits. */
export type NewDisk = Omit<Disk, 'dialect'> & Partial<Pick<Disk, 'dialect'>>;

export type Disks = { readonly sectorBytes: 512 | 4096; readonly layers: readonly NewDisk[] };

export const identityOf = (layer: number): string => `d15c0000-0000-4000-8000-${layer.toString(16).padStart(12, '0')}`;

export const pathOf = (folder: string, layer: number): string => join(folder, `disk-${layer}.vhdx`);

/** Writes the chain, leaf first; the paths in the same order. */
export const writeDisks = (folder: string, disks: Disks): readonly string[] =>
  disks.layers.map((_, layer) => {
    writePlainVhdx(pathOf(folder, layer), specOf(disks, layer));
    return pathOf(folder, layer);
  });

export const specOf = ({ sectorBytes, layers }: Disks, layer: number): PlainVhdxSpec => {
  const disk = layers[layer]!;
  const { type, blockMib, data: _data, states: _states, anchored: _anchored, ...rest } = disk;
  const common = {
    dialect: 'windows' as const,
    ...rest,
    blockSizeBytes: blockMib * MIB,
    logicalSectorBytes: sectorBytes,
    payload: payloadOf(disk, sectorBytes, layer),
    dataWriteGuid: identityOf(layer),
    fileWriteGuid: `f11e0000-0000-4000-8000-${layer.toString(16).padStart(12, '0')}`,
    virtualDiskId: 'd15c1d00-0000-4000-8000-000000000000',
  };
  if (type !== 'differencing') return { ...common, type };
  const parent = { dataWriteGuid: identityOf(layer + 1), linkage2: NIL_GUID, fileName: `disk-${layer + 1}.vhdx` };
  return { ...common, type, parent };
};

type Content = Pick<NewDisk, 'type' | 'blockMib' | 'data' | 'states' | 'anchored'>;

const payloadOf = (
  { type, blockMib, data = [], states = {}, anchored = false }: Content,
  sectorBytes: number,
  layer: number,
): ReadonlyMap<number, PlainPayload> => {
  const inBlock = (blockMib * MIB) / sectorBytes;
  const parts = new Map<number, { readonly run: PlainRun; readonly bits: PlainSectors }[]>();
  for (const [first, count] of data)
    for (let at = first; at < first + count;) {
      const block = Math.floor(at / inBlock);
      const sectorCount = Math.min(first + count, (block + 1) * inBlock) - at;
      const firstSector = at % inBlock;
      const part = {
        run: { firstSector, bytes: contentOf(layer, at, sectorCount, sectorBytes) },
        bits: { firstSector, sectorCount },
      };
      parts.set(block, [...(parts.get(block) ?? []), part]);
      at += sectorCount;
    }
  const blocks = new Set([...parts.keys(), ...Object.keys(states).map(Number)]);
  return new Map(
    [...blocks].map((block): [number, PlainPayload] => {
      const state = states[block] ?? (type === 'differencing' ? 7 : 6);
      const of = parts.get(block) ?? [];
      const old = [{ firstSector: 0, bytes: staleBytes(8 * 4096) }];
      if (state < 6) return [block, { state, ...((state === 1 || state === 3) && anchored ? { content: old } : {}) }];
      const content = of.map(({ run }) => run);
      return [block, { state, content, ...(state === 7 ? { bits: of.map(({ bits }) => bits) } : {}) }];
    }),
  );
};

/** What a layer has in `sectorCount` sectors from `first` on: unlike any other layer's, and any other sector's. */
export const contentOf = (layer: number, first: number, sectorCount: number, sectorBytes: number): Buffer => {
  const parts = sectorBytes / SECTOR_BYTES;
  return Buffer.concat(
    Array.from({ length: sectorCount * parts }, (_, n) => sectorContent(layer + 1, first * parts + n)),
  );
};

/** The whole disk as the guest is to see it. */
export const viewOf = (sizeBytes: number, sectorBytes: number, shown: readonly Shown[]): Buffer => {
  const view = Buffer.alloc(sizeBytes);
  for (const [first, count, layer] of shown)
    contentOf(layer, first, count, sectorBytes).copy(view, first * sectorBytes);
  return view;
};

import { type Case, child, full, M } from './vhdx-merge-case.js';
import { MIB } from './vhdx-disks.js';

/** Disks of different sizes in one chain. */
export const SIZE_CASES: readonly Case[] = [
  {
    title: 'a child that was made smaller and larger again: what lies beyond the small size is gone',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[5 * M + 7, 2]] }),
      child({ sizeBytes: 2 * MIB + 4096, blockMib: 1, data: [[100, 8]] }),
      full('dynamic'),
    ],
    shows: [
      [0, 2 * M + 8, 2],
      [100, 8, 1],
      [5 * M + 7, 2, 0],
    ],
  },
  {
    title: 'the same into a fixed disk, and with a size that ends within a page',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[5 * M + 7, 2]] }),
      child({ sizeBytes: 2 * MIB + 512, blockMib: 1, data: [[100, 8]] }),
      full('fixed'),
    ],
    shows: [
      [0, 2 * M + 1, 2],
      [100, 8, 1],
      [5 * M + 7, 2, 0],
    ],
  },
  {
    title: 'a chain whose middle disk is the smallest, into a differencing disk over a larger base',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[4 * M + 7, 2]] }),
      child({ sizeBytes: 3 * MIB - 512, blockMib: 1, data: [[100, 8]] }),
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[3 * M, M]] }),
      full('dynamic', { sizeBytes: 8 * MIB, data: [[0, 8 * M]] }),
    ],
    into: 2,
    shows: [
      [0, 3 * M - 1, 3],
      [100, 8, 1],
      [4 * M + 7, 2, 0],
    ],
  },
  {
    title: 'a middle disk that ends below the first disk, three levels into the base',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 5 * MIB, blockMib: 2, data: [[0, 8]] }),
      child({ sizeBytes: MIB, blockMib: 1, data: [[8, 8]] }),
      child({ sizeBytes: 6 * MIB, blockMib: 4, data: [[16, 3 * M]] }),
      full('dynamic', { blockMib: 8 }),
    ],
    shows: [
      [16, M - 16, 2],
      [0, 8, 0],
      [8, 8, 1],
    ],
  },
  {
    title: 'a child larger than its parent, whose BAT has room: the last block is not shown beyond the old end',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 20 * MIB, blockMib: 1, data: [[19 * M, 5]], states: { 10: 2 } }),
      {
        type: 'dynamic',
        sizeBytes: 3 * MIB - 1024,
        blockMib: 2,
        data: [[0, 3 * M]], // two sectors of it lie beyond the end
      },
    ],
    shows: [
      [0, 3 * M - 2, 1],
      [19 * M, 5, 0],
    ],
  },
  {
    title: 'a child larger than its fixed parent, which grows by whole blocks',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 7 * MIB, blockMib: 1, data: [[6 * M, 5]] }),
      { type: 'fixed', sizeBytes: 3 * MIB - 1024, blockMib: 2, data: [[0, 3 * M]] },
    ],
    shows: [
      [0, 3 * M - 2, 1],
      [6 * M, 5, 0],
    ],
    blocks: { 0: 6, 1: 6, 2: 6, 3: 6 },
  },
  {
    title: 'a child larger than a differencing parent, over a base larger than both',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 7 * MIB, blockMib: 1, data: [[6 * M, 5]] }),
      child({ sizeBytes: 3 * MIB - 1024, blockMib: 2, data: [[5, 5]] }),
      full('dynamic', { sizeBytes: 8 * MIB, data: [[0, 8 * M]] }),
    ],
    into: 1,
    shows: [
      [0, 3 * M - 2, 2],
      [5, 5, 1],
      [6 * M, 5, 0],
    ],
  },
  {
    title: 'a child smaller than its parent, which shrinks',
    sectorBytes: 512,
    layers: [child({ sizeBytes: 2 * MIB + 1024, blockMib: 1, data: [[10, 5]] }), full('dynamic')],
    shows: [
      [0, 2 * M + 2, 1],
      [10, 5, 0],
    ],
  },
  {
    title: 'a child smaller than its fixed parent',
    sectorBytes: 512,
    layers: [child({ sizeBytes: MIB, blockMib: 1, data: [[10, 5]] }), full('fixed')],
    shows: [
      [0, M, 1],
      [10, 5, 0],
    ],
  },
  {
    title: 'a child smaller than its differencing parent',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 2 * MIB + 1024, blockMib: 1, data: [[10, 5]] }),
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[3, 3 * M]] }),
      full('dynamic'),
    ],
    into: 1,
    shows: [
      [0, 3, 2],
      [3, 2 * M - 1, 1],
      [10, 5, 0],
    ],
  },
];

import { type Case, child, full, M } from './vhdx-merge-case.js';
import { MIB } from './vhdx-disks.js';

/** Sectors and blocks of other sizes, and logs that are to be applied. */
export const LAYOUT_CASES: readonly Case[] = [
  {
    title: 'sectors of 4096 bytes',
    sectorBytes: 4096,
    layers: [
      child({
        sizeBytes: 6 * MIB,
        blockMib: 1,
        data: [
          [3, 1],
          [511, 3],
          [1024, 256],
        ],
        states: { 3: 2 },
      }),
      { type: 'dynamic', sizeBytes: 5 * MIB + 4096, blockMib: 2, data: [[0, 1281]] },
    ],
    shows: [
      [0, 768, 1],
      [1024, 257, 1],
      [3, 1, 0],
      [511, 3, 0],
      [1024, 256, 0],
    ],
  },
  {
    title: 'sectors of 4096 bytes into a differencing disk',
    sectorBytes: 4096,
    layers: [
      child({
        sizeBytes: 6 * MIB,
        blockMib: 2,
        data: [
          [3, 1],
          [511, 3],
        ],
        states: { 2: 2 },
      }),
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[4, 2]] }),
      { type: 'fixed', sizeBytes: 6 * MIB, blockMib: 1, data: [[0, 1536]] },
    ],
    into: 1,
    shows: [
      [0, 1024, 2],
      [4, 2, 1],
      [3, 1, 0],
      [511, 3, 0],
    ],
  },
  {
    title: 'small blocks into large ones, of which each gets a few sectors',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 40 * MIB, blockMib: 1, data: Array.from({ length: 39 }, (_, n) => [n * M + n, 3] as const) }),
      { type: 'dynamic', sizeBytes: 40 * MIB, blockMib: 32, data: [[0, 40]] },
    ],
    shows: [[0, 40, 1], ...Array.from({ length: 39 }, (_, n) => [n * M + n, 3, 0] as const)],
  },
  {
    title: 'large blocks into small ones',
    sectorBytes: 512,
    layers: [
      child({
        sizeBytes: 40 * MIB,
        blockMib: 32,
        data: [
          [5, 8 * M],
          [33 * M, 1],
        ],
      }),
      { type: 'dynamic', sizeBytes: 40 * MIB, blockMib: 1, data: [[6 * M, 4 * M]] },
    ],
    shows: [
      [6 * M, 4 * M, 1],
      [5, 8 * M, 0],
      [33 * M, 1, 0],
    ],
  },
  {
    title: 'all three with dirty logs that hold their tables',
    sectorBytes: 512,
    layers: [
      child({
        sizeBytes: 6 * MIB,
        blockMib: 1,
        data: [[M + 3, 9]],
        log: {
          state: 'dirty',
          logGuid: '10610610-0000-4000-8000-000000000000',
          holds: ['bat', 'bitmaps', 'metadata', 'region tables'],
          before: 'stale',
          entries: 3,
          startBytes: 1024 * 1024 - 8192,
        },
      }),
      child({
        sizeBytes: 6 * MIB,
        blockMib: 1,
        data: [[4 * M + 3, 9]],
        otherHeader: 'damaged',
        log: {
          state: 'dirty',
          logGuid: '10610610-0000-4000-8000-000000000001',
          holds: ['bat', 'bitmaps'],
          before: 'stale',
          torn: true,
          retired: 2,
        },
      }),
      full('dynamic', {
        damagedRegionTable: 0,
        log: {
          state: 'dirty',
          logGuid: '10610610-0000-4000-8000-000000000002',
          holds: ['bat', 'metadata'],
          before: 'stale',
          entries: 2,
        },
      }),
    ],
    shows: [
      [0, 6 * M, 2],
      [4 * M + 3, 9, 1],
      [M + 3, 9, 0],
    ],
  },
];

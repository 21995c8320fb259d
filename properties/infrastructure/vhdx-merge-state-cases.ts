import { type Case, child, full, M } from './vhdx-merge-case.js';
import { MIB, type Shown } from './vhdx-disks.js';

/** A child with a block in each of the states that read as zero, an untouched one, and one with two sectors. */
const zeroes = child({
  sizeBytes: 6 * MIB,
  blockMib: 1,
  states: { 0: 2, 1: 3, 2: 1 },
  anchored: true,
  data: [
    [4 * M, 1],
    [5 * M - 1, 1],
  ],
});
const afterZeroes = (base: number): readonly Shown[] => [
  [3 * M, 3 * M, base],
  [4 * M, 1, 0],
  [5 * M - 1, 1, 0],
];

/** Block states of source and destination, each with the other. */
export const STATE_CASES: readonly Case[] = [
  {
    title: 'blocks in ZERO, UNMAPPED and UNDEFINED over data of a dynamic disk',
    sectorBytes: 512,
    layers: [zeroes, full('dynamic')],
    shows: afterZeroes(1),
    blocks: { 0: 2, 1: 2, 2: 2, 3: 6, 4: 6 },
  },
  {
    title: 'the same over data of a fixed disk, which keeps all its blocks',
    sectorBytes: 512,
    layers: [zeroes, full('fixed')],
    shows: afterZeroes(1),
    blocks: { 0: 6, 1: 6, 2: 6, 3: 6, 4: 6, 5: 6 },
  },
  {
    title: 'the same into a differencing disk whose parent has data: it must not show',
    sectorBytes: 512,
    layers: [
      zeroes,
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [[0, 5]], states: { 1: 6, 4: 0 } }),
      full('dynamic'),
    ],
    into: 1,
    shows: afterZeroes(2),
    blocks: { 0: 2, 1: 2, 2: 2, 3: 0, 4: 7, 5: 0 },
  },
  {
    title: 'data into a differencing disk, block by block in each state',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 6 * MIB, blockMib: 1, data: [0, 1, 2, 3, 4, 5].map((block) => [block * M + 9, 3] as const) }),
      child({
        sizeBytes: 6 * MIB,
        blockMib: 1,
        data: [
          [4 * M, 20],
          [5 * M, 20],
        ],
        states: { 1: 1, 2: 2, 3: 3, 4: 6, 5: 7 },
        anchored: true,
      }),
      full('fixed'),
    ],
    into: 1,
    shows: [
      [0, M, 2],
      [5 * M, M, 2],
      [4 * M, 20, 1],
      [5 * M, 20, 1],
      ...[0, 1, 2, 3, 4, 5].map((block) => [block * M + 9, 3, 0] as const),
    ],
    blocks: { 0: 7, 1: 6, 2: 6, 3: 6, 4: 6, 5: 7 },
  },
  {
    title: 'data into a dynamic disk, block by block in each state',
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 5 * MIB, blockMib: 1, data: [0, 1, 2, 3, 4].map((block) => [block * M + 9, 3] as const) }),
      {
        type: 'dynamic',
        sizeBytes: 5 * MIB,
        blockMib: 1,
        data: [[4 * M, 20]],
        states: { 1: 1, 2: 2, 3: 3 },
        anchored: true,
        slackMib: 3,
        leftovers: 'stale',
      },
    ],
    shows: [[4 * M, 20, 1], ...[0, 1, 2, 3, 4].map((block) => [block * M + 9, 3, 0] as const)],
    blocks: { 0: 6, 1: 6, 2: 6, 3: 6, 4: 6 },
  },
  {
    title: "into QEMU's fixed disk, whose blocks are ZERO without a place",
    sectorBytes: 512,
    layers: [
      child({ sizeBytes: 4 * MIB, blockMib: 1, data: [[M + 9, 3]], states: { 3: 2 } }),
      { type: 'fixed', dialect: 'qemu', sizeBytes: 4 * MIB, blockMib: 1 },
    ],
    shows: [[M + 9, 3, 0]],
    mayComplain: 'fixed block without a place',
  },
];

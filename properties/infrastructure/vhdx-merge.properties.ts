import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { VhdxComplaintKind } from '../models/plain-vhdx-check.js';
import {
  checkPlainVhdx,
  followVhdxChain,
  openPlainVhdx,
  vhdxGuestBytes,
  vhdxGuestRange,
} from '../models/plain-vhdx.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { run } from './built-program.js';
import { contentOf, type Disks, MIB, type NewDisk, type Shown, viewOf, writeDisks } from './vhdx-disks.js';
import { expectDone, expectShows, expectSound, fingerprint, mergeVhdx, programDigest, sha256 } from './vhdx-judges.js';

/** Chains written by hand, merged by the built program (CHAINFOLD_BIN): what every sector must show is spelled out. */

/** Sectors of 512 bytes in a MiB. */
const M = 2048;

const child = (rest: Omit<NewDisk, 'type'>): NewDisk => ({ type: 'differencing', ...rest });

type Case = Disks & {
  readonly title: string;
  /** Leaf to destination. Without it the last. */
  readonly into?: number;
  readonly shows: readonly Shown[];
  /** States of the destination's blocks afterwards, where they matter. */
  readonly blocks?: Readonly<Record<number, number>>;
  /** A destination that was not quite in order before. */
  readonly mayComplain?: VhdxComplaintKind;
};

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
const full = (type: NewDisk['type'], rest: Partial<NewDisk> = {}): NewDisk => ({
  type,
  sizeBytes: 6 * MIB,
  blockMib: 1,
  data: [[0, 6 * M]],
  ...rest,
});
const afterZeroes = (base: number): readonly Shown[] => [
  [3 * M, 3 * M, base],
  [4 * M, 1, 0],
  [5 * M - 1, 1, 0],
];

const CASES: readonly Case[] = [
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

describe.concurrent(
  'a merge leaves the destination with every sector as the source showed it',
  { timeout: 120_000 },
  () => {
    const scratch = scratchFolder();

    test.each(CASES.map((given) => [given.title, given] as const))('%s', async (_, given) => {
      const folder = mkdtempSync(join(scratch(), 'm-'));
      const journal = join(mkdtempSync(join(scratch(), 'j-')), 'journal.db');
      const paths = writeDisks(folder, given);
      const into = given.into ?? paths.length - 1;
      const [source, destination] = [paths[0]!, paths[into]!];
      const sizeBytes = given.layers[0]!.sizeBytes;
      const view = viewOf(sizeBytes, given.sectorBytes, given.shows);
      expectSameBytes(vhdxGuestBytes(followVhdxChain(source)), view, 'the source, as the case describes it');
      expect(await programDigest(source)).toBe(sha256(view));
      const before = paths.slice(0, into - 1).map((path) => fingerprint(path));

      expectDone(await mergeVhdx(source, destination, journal, '--verify', 'full'));

      const merged = followVhdxChain(destination);
      expectSameBytes(vhdxGuestBytes(merged), view, 'the destination');
      expectSameBytes(vhdxGuestBytes(followVhdxChain(source)), view, 'the source afterwards');
      expect(merged[0]!.sizeBytes).toBe(sizeBytes);
      const states = Object.keys(given.blocks ?? {}).map((block) => [block, merged[0]!.payload(Number(block)).state]);
      expect(Object.fromEntries(states)).toEqual(given.blocks ?? {});
      await expectShows(destination, sha256(view), given.mayComplain);
      // The direct child of the destination has been written; a source farther away has not, its dirty log included.
      const child = paths[into - 1]!;
      expect(checkPlainVhdx(child)).toEqual([]);
      expect(paths.slice(0, into - 1).map((path) => fingerprint(path))).toEqual(before);
    });

    test('a child of 200 GiB, for which the BAT of its parent of 4 MiB must move', async () => {
      const folder = mkdtempSync(join(scratch(), 'm-'));
      const sizeBytes = 200 * 1024 * MIB;
      const at = 199 * 1024 * M; // the first sector of what the child has
      const [source, destination] = writeDisks(folder, {
        sectorBytes: 512,
        layers: [
          child({ sizeBytes, blockMib: 32, data: [[at, 3]] }),
          // 204,800 blocks are 1.6 MiB of BAT; it has one.
          { type: 'dynamic', sizeBytes: 4 * MIB, blockMib: 1, data: [[0, 4 * M]] },
        ],
      }) as [string, string];
      const before = openPlainVhdx(destination).regions.bat;

      expectDone(await mergeVhdx(source, destination, join(mkdtempSync(join(scratch(), 'j-')), 'journal.db')));

      const merged = followVhdxChain(destination);
      const [image] = merged;
      expect([image!.sizeBytes, image!.geometry.payloadBlocks]).toEqual([sizeBytes, 204_800]);
      expect(image!.regions.bat.offsetBytes).not.toBe(before.offsetBytes);
      expect(image!.regions.bat.lengthBytes).toBe(2 * MIB);
      expectSameBytes(vhdxGuestRange(merged, 0, 5 * MIB), viewOf(5 * MIB, 512, [[0, 4 * M, 1]]), 'the first 5 MiB');
      const around = Buffer.concat([Buffer.alloc(512), contentOf(0, at, 3, 512), Buffer.alloc(512)]);
      expectSameBytes(vhdxGuestRange(merged, at * 512 - 512, 5 * 512), around, 'what the child had');
      const states = Array.from({ length: 204_800 }, (_, block) => image!.payload(block).state);
      expect(states.filter((state) => state === 6)).toHaveLength(5);
      expect(states.slice(4).filter((state) => state !== 6 && state !== 2)).toEqual([]);
      expectSound(destination);
      expect((await run(['validate', destination])).code).toBe(0);
      const chunked = await Promise.all([source, destination].map((path) => run(['digest', path, '--chunked'])));
      expect(new Set(chunked.map(({ stdout }) => stdout.split(' ')[0])).size).toBe(1);
    });
  },
);

/** Power lost before every single call of a merge into a VHDX: `surviving-destination.ts` says how. */
import { describe, expect, test } from 'vitest';
import type { BlockToWrite, MergeDestination, SuppliedRun } from '#application/ports/disk-image';
import type { PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import { awaitedLater } from '../../../properties/simulation/awaited-later.js';
import { type Story, survives } from '../../../properties/simulation/surviving-destination.js';
import {
  before,
  data,
  diskWith,
  firstDifferenceOf,
  found,
  mergedOver,
  MIB,
  opened,
  ours,
  shown,
  tinyVhdx,
  toWrite,
  writeAll,
  zeros,
} from '../../../properties/simulation/tiny-vhdx-destination.js';

/** Windows of blocks as they are planned here: each next one is written while the one before commits. */
const mergeOf =
  (windows: readonly (readonly (readonly [block: number, runs: readonly SuppliedRun[]])[])[]) =>
  (into: MergeDestination): readonly (readonly BlockToWrite[])[] =>
    windows.map((blocks) => blocks.map(([block, runs]) => toWrite(into, block, runs)));

const mergeStory = (spec: PlainVhdxSpec, plan: ReturnType<typeof mergeOf>): Story => {
  const geometry = { mergeBlockSectors: MIB / spec.logicalSectorBytes } as MergeDestination;
  const old = shown(found(diskWith(spec)));
  const blocks = plan(geometry).flat();
  const merged = mergedOver(old, blocks);
  const covered = new Set(
    blocks.flatMap(({ runs }) =>
      runs.flatMap(({ start, count }) => Array.from({ length: count }, (_, n) => start + n)),
    ),
  );
  return {
    spec,
    run: async (files, nthRun, committed) => {
      const into = await opened(files, nthRun);
      let committing = awaitedLater(Promise.resolve());
      for (const window of plan(into)) {
        const opening = await into.openWindow(window);
        await writeAll(into, opening, window);
        await committing();
        committing = awaitedLater(
          opening.commit(ours).then(() => {
            committed(window);
          }),
        );
      }
      await committing();
      await into.rest();
    },
    expectUnharmed: (image, committed) => {
      const names = shown(image);
      const mustBe = mergedOver(old, committed);
      const known = new Set(committed.map(({ block }) => block));
      const isOpen = (sector: number): boolean =>
        covered.has(sector) && !known.has(Math.floor(sector / geometry.mergeBlockSectors));
      expect(
        firstDifferenceOf(
          mustBe,
          names.map((name, n) => (isOpen(n) ? old[n]! : name)),
        ),
      ).toBeUndefined();
    },
    expectDone: (image) => {
      expect(firstDifferenceOf(merged, shown(image))).toBeUndefined();
    },
  };
};

describe('a merge that loses its power before any call', () => {
  test('of blocks of a chunk that has no sector bitmap yet, in two windows', async () => {
    const spec = tinyVhdx(
      'differencing',
      new Map([
        [1, { state: 6, content: before(1, [2, 9, 700]) }],
        [3, { state: 3, content: before(3, [1, 800]) }],
        [4, { state: 6, content: before(4, [1, 400]) }],
      ]),
      { sizeBytes: 4.25 * MIB },
    );
    const plan = mergeOf([
      [
        [0, [data(4), zeros(9, 2)]],
        [1, [zeros(2), data(8), data(40)]],
      ],
      [
        [2, [data(7)]],
        [3, [data(5)]],
        [4, [zeros(0, 512)]],
      ],
    ]);
    await survives(mergeStory(spec, plan));
  }, 120_000);

  test('of blocks that have bits, and of blocks that go over what an earlier crash left', async () => {
    const bits = [{ firstSector: 1, sectorCount: 1 }];
    const spec = tinyVhdx(
      'differencing',
      new Map([
        [0, { state: 7, content: before(0, [1, 40], 4096), bits }],
        [1, { state: 0, bits: [{ firstSector: 0, sectorCount: 60 }] }],
        [2, { state: 2 }],
        [3, { state: 7, content: before(3, [1], 4096), bits }],
      ]),
      { sizeBytes: 3.25 * MIB, logicalSectorBytes: 4096, slackMib: 2, leftovers: 'stale' },
    );
    const plan = mergeOf([
      [
        [0, [data(0), data(2), zeros(50, 3)]],
        [1, [data(3)]],
      ],
      [
        [2, [data(3), zeros(9)]],
        [3, [data(0, 64)]],
      ],
    ]);
    await survives(mergeStory(spec, plan));
  }, 120_000);

  test('into a disk without parent, whose log was not applied', async () => {
    const log = {
      state: 'dirty',
      logGuid: 'c4a10f01-d000-4000-8000-0000000000ee',
      holds: ['bat', 'metadata'],
    } as const;
    const spec = tinyVhdx(
      'dynamic',
      new Map([
        [0, { state: 6, content: before(0, [1, 30]) }],
        [2, { state: 6, content: before(2, [1, 30]) }],
      ]),
      { log, slackMib: 1, leftovers: 'stale' },
    );
    const plan = mergeOf([
      [
        [0, [data(0), zeros(30)]],
        [1, [data(9)]],
        [2, [zeros(0, 512)]],
      ],
    ]);
    await survives(mergeStory(spec, plan));
  }, 120_000);
});

/**
 * What every adapter of the disk-image port promises, against random chains. The judges are models that share no code with it.
 */
import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { DiskImages, DiskItem, SuppliedRun } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import { endOf } from '#domain/sector-run';
import { firstDifference } from '../models/flat-disk.js';
import type { MemoryFileSystem } from '../simulation/memory-file-system.js';
import {
  mergeInWindows,
  mergeOpened,
  type MergeShape,
  openToMerge,
  plannedBlocks,
  shownBy,
  valueOf,
} from '../simulation/window-merge.js';
import type { DiskWorld, PlainDisk } from './disk-world.js';

export { FOLDER } from './disk-world.js';
export { onMemory, plainView, viewOf } from './vhd-world.js';

export const mergeShapes: fc.Arbitrary<MergeShape> = fc.record({
  windowBlocks: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  pieceSectors: fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constant(4096)),
  overlapped: fc.boolean(),
});

export const diskImageContract = <Chain>(
  name: string,
  imagesOn: (files: FileSystem) => DiskImages,
  world: DiskWorld<Chain>,
): void => {
  const { cases, moreCases, chains, smallChains, merges, onMemory, viewOf, plainView, plainDisk } = world;

  describe(`${name}, read`, () => {
    test.prop({ chain: chains }, cases)(
      'a chain shows what its layers hold, and nothing is written',
      async ({ chain }) => {
        const { files, paths } = onMemory(chain);
        const images = imagesOn(files);
        const opened = [];
        for (const path of paths) opened.push(valueOf(await images.open(path)));
        for (const index of paths.keys()) {
          expect(firstDifference(viewOf(chain, index), await shownBy(opened.slice(index)))).toBeUndefined();
        }
        expect(files.calls).toEqual([]);
      },
    );

    test.prop({ chain: chains, from: fc.nat(12_287), count: fc.integer({ min: 1, max: 3000 }) }, cases)(
      'an image supplies exactly the sectors that it holds, as data or as zeros, in joined ascending runs clipped to range and disk',
      async ({ chain, from, count }) => {
        const { files, paths } = onMemory(chain);
        for (const [index, path] of paths.entries()) {
          const start = from % world.sizeSectors(chain, index);
          const end = Math.min(start + count, world.sizeSectors(chain, index));
          const image = valueOf(await imagesOn(files).open(path));
          const runs = await image.supplied({ start, count });
          for (const [n, run] of runs.entries()) {
            expect(run.start).toBeGreaterThanOrEqual(n === 0 ? start : leastStartAfter(runs[n - 1]!, run));
            expect(endOf(run)).toBeLessThanOrEqual(end);
          }
          const { placeOf } = plainDisk(files.source(path));
          const kindOf = (sector: number): string => kindAt(placeOf(sector));
          const supplied = new Array<string>(end - start).fill('nothing');
          for (const run of runs) supplied.fill(run.kind, run.start - start, endOf(run) - start);
          const wrong = supplied.flatMap((kind, n) =>
            kind === kindOf(start + n) ? [] : [{ sector: start + n, supplied: kind, holds: kindOf(start + n) }],
          );
          expect(wrong).toEqual([]);
        }
      },
    );

    test.prop({ chain: smallChains }, cases)(
      'no supplied sector is passed over on the way to the next one, and none with data on the way to data',
      async ({ chain }) => {
        const { files, paths } = onMemory(chain);
        for (const [index, path] of paths.entries()) {
          const sectors = world.sizeSectors(chain, index);
          const image = valueOf(await imagesOn(files).open(path));
          const { placeOf } = plainDisk(files.source(path));
          const isSupplied = (sector: number): boolean => placeOf(sector) !== undefined;
          const hasData = (sector: number): boolean => kindAt(placeOf(sector)) === 'data';
          expect(await passedOver(sectors, isSupplied, (from) => image.nextSupplied(from))).toEqual([]);
          expect(await passedOver(sectors, hasData, (from) => image.nextData(from))).toEqual([]);
        }
      },
    );

    test.prop({ chain: chains }, cases)('a sound image has no finding that is an error', async ({ chain }) => {
      const { files, paths } = onMemory(chain);
      for (const path of paths) {
        const findings = await valueOf(await imagesOn(files).open(path)).validate();
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      }
    });
  });

  describe(`${name}, merged into`, () => {
    test.prop({ merge: merges, shape: mergeShapes }, cases)(
      'it is the source’s disk afterwards, whatever the windows and pieces; no view through the source changes, and it is sound',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const involved = paths.slice(source, destination + 1);
        const before = new Map(involved.map((path) => [path, plainDisk(files.source(path)).oddities()]));
        const images = imagesOn(files);
        const items = await itemsOf(images, paths[source]!);
        await mergeInWindows(images, involved, shape);
        expectSource(chain, { files, paths }, source, destination);
        expect(await itemsOf(images, paths[destination]!)).toEqual(items);
        const [child, merged] = [destination - 1, destination].map(async (n) => valueOf(await images.open(paths[n]!)));
        expect((await child!).description.parentIdentities).toEqual([(await merged!).description.identity]);
        for (const [path, known] of before) {
          const isAllowed = (kind: string): boolean =>
            known.includes(kind) && !(path === paths[destination] && world.healed.includes(kind));
          expect(
            plainDisk(files.source(path))
              .oddities()
              .filter((kind) => !isAllowed(kind)),
          ).toEqual([]);
        }
      },
    );

    test.prop({ merge: merges, shape: mergeShapes }, cases)(
      'no byte changes in a sector that no source covers, of a block that it had before',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const path = paths[destination]!;
        const before = plainDisk(files.source(path));
        await mergeInWindows(imagesOn(files), paths.slice(source, destination + 1), shape);
        const after = plainDisk(files.source(path));
        const covered = world.coveredBySources(chain, source, destination);
        const sectorBytes = world.sectorBytes(chain);
        const changed: unknown[] = [];
        for (const { firstSector, sectorCount, offsetBytes } of before.presentBlocks) {
          const [was, is] = [before, after].map(({ read }) => read(offsetBytes, sectorCount * sectorBytes));
          for (let n = 0; n < sectorCount; n += 1) {
            if (covered.has(firstSector + n)) continue;
            const [from, to] = [n * sectorBytes, (n + 1) * sectorBytes];
            if (Buffer.compare(was!.subarray(from, to), is!.subarray(from, to)) !== 0)
              changed.push({ firstSector, sector: n });
          }
        }
        expect(changed).toEqual([]);
      },
    );

    test.prop({ merge: merges, shape: mergeShapes }, cases)(
      'merged again it has the same content in a file of the same size: a merge is idempotent',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const involved = paths.slice(source, destination + 1);
        await mergeInWindows(imagesOn(files), involved, shape);
        const once = files.source(paths[destination]!);
        await mergeInWindows(imagesOn(files), involved, shape);
        const twice = files.source(paths[destination]!);
        expect(twice.sizeBytes).toBe(once.sizeBytes);
        expectSource(chain, { files, paths }, source, destination);
        if (world.mergedAgain === 'every byte')
          expect(twice.read(0, twice.sizeBytes).equals(once.read(0, once.sizeBytes))).toBe(true);
      },
    );

    test.prop({ merge: merges, shape: mergeShapes }, moreCases)(
      'it says beforehand which blocks are new, and at most how much the file grows',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const images = imagesOn(files);
        const involved = paths.slice(source, destination + 1);
        const { sources, destination: into } = await openToMerge(images, involved);
        const before = plainDisk(files.source(paths[destination]!));
        const answers = new Map<number, boolean>();
        for (const planned of await plannedBlocks(sources, into))
          answers.set(planned.block, await into.needsNewBlock(planned));
        const newBlocks = [...answers.values()].filter((isNew) => isNew).length;
        const { virtualSizeBytes } = sources[0]!.description;
        const most = into.fileEndAfter(newBlocks, virtualSizeBytes) - before.sizeBytes;
        await mergeInWindows(images, involved, shape);
        const after = plainDisk(files.source(paths[destination]!));
        for (const [block, isNew] of answers)
          expect({ block, isNew }).toEqual({ block, isNew: !before.hasPlace(block) && after.hasPlace(block) });
        expect(after.sizeBytes - before.sizeBytes).toBeLessThanOrEqual(most);
      },
    );

    test.prop({ merge: merges, shape: mergeShapes }, cases)(
      'what it reads and supplies after it was settled is what is in the file then',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const images = imagesOn(files);
        const opened = await openToMerge(images, paths.slice(source, destination + 1));
        const below = [];
        for (const path of paths.slice(destination + 1)) below.push(valueOf(await images.open(path)));
        const reader = valueOf(await images.open(paths[destination]!));
        await shownBy([opened.destination, ...below]);
        await shownBy([reader, ...below]);
        await mergeOpened(images, opened, shape);
        const readers = world.keepsItsShape(chain, source, destination) ? [reader] : [];
        for (const image of [opened.destination, ...readers]) {
          expect(await image.settle()).toBe('dropped');
          expect(firstDifference(viewOf(chain, source), await shownBy([image, ...below]))).toBeUndefined();
        }
      },
    );

    test.prop({ merge: merges }, cases)(
      "no sector that may show something else than zeros, its own or its parent's, is passed over on the way to the next one",
      async ({ merge: { chain, destination } }) => {
        const { files, paths } = onMemory(chain);
        const path = paths[destination]!;
        const into = valueOf(await imagesOn(files).openDestination(path));
        const { mayShow } = plainDisk(files.source(path));
        const sectors = world.sizeSectors(chain, destination);
        expect(await passedOver(sectors, mayShow, (from) => into.nextShowing(from))).toEqual([]);
        expect(files.calls).toEqual([]);
      },
    );
  });

  /** What the source showed, the destination shows now, and the source still. */
  const expectSource = (
    chain: Chain,
    { files, paths }: { readonly files: MemoryFileSystem; readonly paths: readonly string[] },
    source: number,
    destination: number,
  ): void => {
    const expected = viewOf(chain, source);
    expect(firstDifference(expected, plainView(files, paths, destination))).toBeUndefined();
    expect(firstDifference(expected, plainView(files, paths, source))).toBeUndefined();
  };
};

const kindAt = (place: ReturnType<PlainDisk['placeOf']>): 'data' | 'zero' | 'nothing' =>
  place === undefined ? 'nothing' : place === 'zeros' ? 'zero' : 'data';

/** What goes where the disk goes, in no order. */
const itemsOf = async (images: DiskImages, path: string): Promise<readonly DiskItem[]> => {
  const items = await valueOf(await images.open(path)).diskItems();
  return [...items].sort((a, b) => (a.itemId < b.itemId ? -1 : 1));
};

/** Runs of one kind that touch are one run. */
const leastStartAfter = (last: SuppliedRun, run: SuppliedRun): number =>
  last.kind === run.kind ? endOf(last) + 1 : endOf(last);

/**
 * Where `next` names no sector though there is one that is wanted, one behind it, or one that is not on the disk. Every sector of a
 * small disk is asked for; of a larger one those beside the borders of what is wanted, and some.
 */
const passedOver = async (
  sectors: number,
  isWanted: (sector: number) => boolean,
  next: (from: number) => Promise<number | null>,
): Promise<readonly unknown[]> => {
  // From the end: the nearest sector at or after `from` that is wanted is known at every step.
  let nearest: number | null = null;
  const wrong: unknown[] = [];
  for (let from = sectors; from >= 0; from -= 1) {
    const wasNearest = nearest;
    if (from < sectors && isWanted(from)) nearest = from;
    const isBorder = (nearest === from) !== (wasNearest === from + 1);
    if (sectors > 1000 && !isBorder && from % 64 > 1) continue;
    const found = await next(from);
    const isRight = found === null ? nearest === null : from <= found && found <= (nearest ?? sectors);
    if (!isRight) wrong.push({ from, found, nearest });
  }
  return wrong;
};

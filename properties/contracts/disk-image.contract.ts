/**
 * What every adapter of the disk-image port promises, against random chains. The judges are models that share no code with it.
 */
import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { DiskImages } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import { endOf } from '#domain/sector-run';
import { chainImages, chainsToMerge, type ChainSpec, differencingChains, flatLayers } from '../arbitraries/chains.js';
import { firstDifference, flatDisk } from '../models/flat-disk.js';
import { checkPlainVhd, guestBytes, imageBytes, openChain, openPlainVhd } from '../models/plain-vhd.js';
import { bitmapBytes } from '../models/plain-vhd-layout.js';
import { sectorPlaces } from '../models/plain-vhd-reader.js';
import { SECTOR_BYTES } from '../models/sector-content.js';
import { MemoryFileSystem, type MemoryOptions } from '../simulation/memory-file-system.js';
import { type MergeShape, mergeInWindows, plannedBlocks, shownBy, valueOf } from '../simulation/window-merge.js';

export const FOLDER = '/chain';

/** The chain's files on a fresh simulated disk; their paths from leaf to base. */
export const onMemory = (
  chain: ChainSpec,
  options: MemoryOptions = {},
): { readonly files: MemoryFileSystem; readonly paths: readonly string[] } => {
  const files = new MemoryFileSystem(options);
  const images = chainImages(chain);
  for (const { fileName, image } of images) files.put(`${FOLDER}/${fileName}`, imageBytes(image));
  return { files, paths: images.map(({ fileName }) => `${FOLDER}/${fileName}`) };
};

/** What layer `index` of the chain shows. */
export const viewOf = (chain: ChainSpec, index: number): Uint8Array => {
  const [top, ...below] = flatLayers(chain).slice(index);
  return flatDisk(top!, ...below);
};

export const mergeShapes: fc.Arbitrary<MergeShape> = fc.record({
  windowBlocks: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  pieceSectors: fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constant(4096)),
  overlapped: fc.boolean(),
});

/** The view from layer `index` as the plain reader sees it on this disk. */
export const plainView = (files: MemoryFileSystem, paths: readonly string[], index: number): Uint8Array =>
  guestBytes(openChain(paths.slice(index).map((path) => files.source(path))));

export const diskImageContract = (name: string, imagesOn: (files: FileSystem) => DiskImages): void => {
  describe(`${name}, read`, () => {
    test.prop({ chain: differencingChains() })(
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

    test.prop({ chain: differencingChains(), from: fc.nat(2047), count: fc.integer({ min: 1, max: 3000 }) })(
      'an image supplies exactly the sectors that it holds, in joined ascending runs clipped to range and disk',
      async ({ chain, from, count }) => {
        const { files, paths } = onMemory(chain);
        const start = from % chain.sizeSectors;
        for (const path of paths) {
          const image = valueOf(await imagesOn(files).open(path));
          const runs = await image.supplied({ start, count });
          for (const [n, run] of runs.entries()) {
            expect(run.start).toBeGreaterThan(n === 0 ? start - 1 : endOf(runs[n - 1]!));
            expect(endOf(run)).toBeLessThanOrEqual(Math.min(start + count, chain.sizeSectors));
          }
          const placeOf = sectorPlaces(openPlainVhd(files.source(path)));
          const end = Math.min(start + count, chain.sizeSectors);
          const all = Array.from({ length: end - start }, (_, n) => start + n);
          const supplied = runs.flatMap((run) => Array.from({ length: run.count }, (_, n) => run.start + n));
          expect(supplied).toEqual(all.filter((sector) => placeOf(sector) !== undefined));
        }
      },
    );

    test.prop({ chain: differencingChains({ maxSectors: 400 }) })(
      'no supplied sector is passed over on the way to the next one',
      async ({ chain }) => {
        const { files, paths } = onMemory(chain);
        for (const path of paths) {
          const image = valueOf(await imagesOn(files).open(path));
          const placeOf = sectorPlaces(openPlainVhd(files.source(path)));
          // From the end: the nearest sector at or after `from` that the image holds is known at every step.
          let nearest: number | null = null;
          const passedOver: unknown[] = [];
          for (let from = chain.sizeSectors; from >= 0; from -= 1) {
            if (from < chain.sizeSectors && placeOf(from) !== undefined) nearest = from;
            const next = await image.nextSupplied(from);
            const isRight = next === null ? nearest === null : from <= next && next <= (nearest ?? chain.sizeSectors);
            if (!isRight) passedOver.push({ from, next, nearest });
          }
          expect(passedOver).toEqual([]);
        }
      },
    );

    test.prop({ chain: differencingChains() })('a sound image has no finding that is an error', async ({ chain }) => {
      const { files, paths } = onMemory(chain);
      for (const path of paths) {
        const findings = await valueOf(await imagesOn(files).open(path)).validate();
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      }
    });
  });

  describe(`${name}, merged into`, () => {
    test.prop({ merge: chainsToMerge(), shape: mergeShapes })(
      'it shows the source afterwards, whatever the windows and pieces; no view through the source changes, and it is sound',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const before = checkPlainVhd(files.source(paths[destination]!));
        await mergeInWindows(imagesOn(files), paths.slice(source, destination + 1), shape);
        const expected = viewOf(chain, source);
        expect(firstDifference(expected, plainView(files, paths, destination))).toBeUndefined();
        expect(firstDifference(expected, plainView(files, paths, source))).toBeUndefined();
        const after = checkPlainVhd(files.source(paths[destination]!));
        expect(after.filter(({ kind }) => before.every((complaint) => complaint.kind !== kind))).toEqual([]);
      },
    );

    test.prop({ merge: chainsToMerge(), shape: mergeShapes })(
      'no byte changes in a sector that no source covers, of a block that it had before',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const path = paths[destination]!;
        const before = files.bytes(path);
        const { table } = openPlainVhd(files.source(path));
        await mergeInWindows(imagesOn(files), paths.slice(source, destination + 1), shape);
        const after = files.bytes(path);
        const covered = coveredBySources(chain, source, destination);
        const blockSectors = table === undefined ? chain.sizeSectors : table.blockSizeBytes / SECTOR_BYTES;
        const changed: unknown[] = [];
        for (const [block, entry] of (table?.bat ?? [0]).entries()) {
          if (entry === 0xffffffff) continue;
          const data = table === undefined ? 0 : entry * SECTOR_BYTES + bitmapBytes(table.blockSizeBytes);
          for (let n = 0; n < blockSectors; n += 1) {
            if (covered.has(block * blockSectors + n)) continue;
            const at = data + n * SECTOR_BYTES;
            const [was, is] = [before, after].map((bytes) => bytes.subarray(at, at + SECTOR_BYTES));
            if (Buffer.compare(was!, is!) !== 0) changed.push({ block, sector: n });
          }
        }
        expect(changed).toEqual([]);
      },
    );

    test.prop({ merge: chainsToMerge(), shape: mergeShapes })(
      'merged again it has the same bytes: a merge is idempotent',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const involved = paths.slice(source, destination + 1);
        await mergeInWindows(imagesOn(files), involved, shape);
        const once = files.bytes(paths[destination]!);
        await mergeInWindows(imagesOn(files), involved, shape);
        expect(Buffer.from(files.bytes(paths[destination]!)).equals(once)).toBe(true);
      },
    );

    test.prop({ merge: chainsToMerge(), shape: mergeShapes })(
      'it says beforehand which blocks are new, and at most how much the file grows',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const images = imagesOn(files);
        const into = valueOf(await images.openDestination(paths[destination]!));
        const sources = [];
        for (const path of paths.slice(source, destination)) sources.push(valueOf(await images.open(path)));
        const { table } = openPlainVhd(files.source(paths[destination]!));
        let count = 0;
        for (const { block } of await plannedBlocks(sources, into)) {
          const isNew = table?.bat[block] === 0xffffffff;
          expect(await into.needsNewBlock(block)).toBe(isNew);
          if (isNew) count += 1;
        }
        const before = files.bytes(paths[destination]!).length;
        const most = into.spaceForNewBlocks(count);
        await mergeInWindows(images, paths.slice(source, destination + 1), shape);
        expect(files.bytes(paths[destination]!).length - before).toBeLessThanOrEqual(most);
      },
    );

    test.prop({ merge: chainsToMerge(), shape: mergeShapes })(
      'what it reads and supplies after it was settled is what is in the file then',
      async ({ merge: { chain, source, destination }, shape }) => {
        const { files, paths } = onMemory(chain);
        const images = imagesOn(files);
        const view = [];
        for (const path of paths.slice(destination)) view.push(valueOf(await images.open(path)));
        await shownBy(view);
        await mergeInWindows(images, paths.slice(source, destination + 1), shape);
        expect(await view[0]!.settle()).toBe('dropped');
        expect(firstDifference(viewOf(chain, source), await shownBy(view))).toBeUndefined();
      },
    );
  });
};

/** Sectors that a layer from `source` to above `destination` supplies. */
export const coveredBySources = (chain: ChainSpec, source: number, destination: number): ReadonlySet<number> =>
  new Set(
    flatLayers(chain)
      .slice(source, destination)
      .flatMap(({ runs }) => runs.map(({ firstSector }) => firstSector)),
  );

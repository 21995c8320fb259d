/**
 * Power lost before every single call (in `npm test` every third) of a merge, of a repair and of a re-parenting, with what was not flushed dropped, kept and
 * torn; then the same again, lost once more on the way. CRASH-TESTS.md 2.1, 2.2.
 */
import { powerLosses } from '../../../properties/budget.js';
import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { chainsToMerge } from '../../../properties/arbitraries/chains.js';
import { mergeShapes, onMemory, plainView, viewOf } from '../../../properties/contracts/disk-image.contract.js';
import { firstDifference } from '../../../properties/models/flat-disk.js';
import { bytesSource, checkPlainVhd, guestBytes, openChain } from '../../../properties/models/plain-vhd.js';
import { SECTOR_BYTES } from '../../../properties/models/sector-content.js';
import { drawnFrom, someDraws } from '../../../properties/simulation/draws.js';
import type { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { mergeInWindows, type PlannedBlock } from '../../../properties/simulation/window-merge.js';
import { VhdImages } from './vhd-images.js';

const imagesOn = (files: MemoryFileSystem): VhdImages => new VhdImages(files, 'posix');

/** Runs until the power goes; false when it did not. */
const untilPowerLoss = async (files: MemoryFileSystem, work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work();
  } catch (error) {
    if (!files.isOff) throw error;
  }
  return files.isOff;
};

/** The view of a reader that goes by the copy of the footer in sector 0, as QEMU does. */
const viewByHead = (files: MemoryFileSystem, paths: readonly string[]): Uint8Array =>
  guestBytes(
    openChain(
      paths.map((path) => {
        const bytes = files.bytes(path);
        const isFixed = bytes[bytes.length - 512 + 63] === 2;
        return bytesSource(path, isFixed ? bytes : withoutTail(bytes));
      }),
    ),
  );

const withoutTail = (bytes: Uint8Array): Uint8Array => {
  const longer = new Uint8Array(bytes.length + 512);
  longer.set(bytes);
  return longer;
};

const tinyMerges = chainsToMerge({ maxSectors: 48, maxDepth: 3, blockSizesBytes: [4096, 8192] });

describe('a merge that loses its power before any call', () => {
  test.prop({ merge: tinyMerges, shape: mergeShapes, seed: fc.nat(1_000_000) }, { numRuns: 15 })(
    'leaves every view through the source as it was, what was committed in place, and can be done again',
    async ({ merge: { chain, source, destination }, shape, seed }) => {
      const expected = viewOf(chain, source);
      const whole = onMemory(chain);
      const involved = whole.paths.slice(source, destination + 1);
      await mergeInWindows(imagesOn(whole.files), involved, shape);
      for (const call of powerLosses(0, whole.files.calls.length)) {
        const { files, paths } = onMemory(chain, { powerLossAt: call });
        const committed: PlannedBlock[] = [];
        const lost = await untilPowerLoss(files, () =>
          mergeInWindows(imagesOn(files), involved, shape, (block) => committed.push(block)),
        );
        expect(lost).toBe(true);
        for (const draw of someDraws(3, seed + call)) {
          const left = files.restarted({ powerLossAt: draw(2 * whole.files.calls.length) }, draw);
          expectUnharmed(left, paths, source, destination, expected, committed);
          await untilPowerLoss(left, () => mergeInWindows(imagesOn(left), involved, shape));
          const again = left.restarted({}, drawnFrom(seed + call));
          expectUnharmed(again, paths, source, destination, expected, committed);
          await mergeInWindows(imagesOn(again), involved, shape);
          expect(firstDifference(expected, plainView(again, paths, destination))).toBeUndefined();
          expect(checkPlainVhd(again.source(paths[destination]!))).toEqual([]);
        }
      }
    },
    120_000,
  );
});

const expectUnharmed = (
  files: MemoryFileSystem,
  paths: readonly string[],
  source: number,
  destination: number,
  expected: Uint8Array,
  committed: readonly PlannedBlock[],
): void => {
  expect(firstDifference(expected, plainView(files, paths, source))).toBeUndefined();
  expect(firstDifference(expected, viewByHead(files, paths.slice(source)))).toBeUndefined();
  const merged = plainView(files, paths, destination);
  for (const { runs } of committed) {
    for (const { start } of runs) {
      const [want, have] = [expected, merged].map((view) =>
        view.subarray(start * SECTOR_BYTES, (start + 1) * SECTOR_BYTES),
      );
      expect(have).toEqual(want);
    }
  }
};

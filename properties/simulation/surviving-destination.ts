/**
 * A VHDX destination that loses its power before any call of what it does, with what was not flushed dropped, kept, torn, and kept by
 * whole writes; then does the same again, loses its power once more on the way, and does it a third time. CRASH-TESTS.md 2.1, 2.2
 */
import { powerLosses } from '../budget.js';
import { expect } from 'vitest';
import type { BlockToWrite } from '#application/ports/disk-image';
import { openVhdx } from '../../infrastructure/disk-image/vhdx/open-vhdx.js';
import { checkPlainVhdx, type PlainVhdx, type PlainVhdxSpec } from '../models/plain-vhdx.js';
import { drawnFrom, keepAll, keepNothing } from './draws.js';
import type { Draw } from './memory-file.js';
import type { MemoryFileSystem } from './memory-file-system.js';
import { diskWith, found, opened, PATH, untilPowerLoss } from './tiny-vhdx-destination.js';
import { wholeWrites } from './vhdx-sessions.js';
import { valueOf } from './window-merge.js';

export interface Story {
  readonly spec: PlainVhdxSpec;
  /** From opening the destination to the end; says what it has committed. */
  readonly run: (
    files: MemoryFileSystem,
    nthRun: number,
    committed: (blocks: readonly BlockToWrite[]) => void,
  ) => Promise<void>;
  /** What must hold at any time. */
  readonly expectUnharmed: (image: PlainVhdx, committed: readonly BlockToWrite[]) => void;
  /** What must hold at the end. */
  readonly expectDone: (image: PlainVhdx) => void;
}

export const survives = async ({ spec, run, expectUnharmed, expectDone }: Story): Promise<void> => {
  const whole = diskWith(spec);
  await run(whole, 1, () => undefined);
  expectDone(found(whole));
  expect(checkPlainVhdx(whole.source(PATH))).toEqual([]);
  for (const call of powerLosses(await firstCallOf(spec), whole.calls.length)) {
    const files = diskWith(spec, { powerLossAt: call });
    const committed: BlockToWrite[] = [];
    expect(await untilPowerLoss(files, () => run(files, 1, (blocks) => committed.push(...blocks)))).toBe(true);
    const left = async (after: MemoryFileSystem): Promise<MemoryFileSystem> => {
      valueOf(await openVhdx(await after.open(PATH, 'read'), PATH, 'posix'));
      expectUnharmed(found(after), committed);
      return after;
    };
    for (const draw of [keepNothing, lastWriteOnly(files), ...wholeWrites(files)])
      await left(files.restarted({}, draw));
    for (const draw of [keepAll, drawnFrom(call)]) {
      const second = await left(files.restarted({ powerLossAt: draw(2 * whole.calls.length) }, draw));
      await untilPowerLoss(second, () => run(second, 2, (blocks) => committed.push(...blocks)));
      const third = await left(second.restarted({}, drawnFrom(call + 1)));
      await run(third, 3, () => undefined);
      expectDone(found(third));
      expect(checkPlainVhdx(third.source(PATH))).toEqual([]);
    }
  }
};

/** Of all that was not flushed the last call alone has reached the disk. */
const lastWriteOnly = ({ calls }: MemoryFileSystem): Draw => {
  const pending = calls.slice(calls.findLastIndex(({ operation }) => operation === 'flush') + 1);
  const sectorsBefore = pending.slice(0, -1).reduce((sum, { bytes }) => sum + Math.ceil((bytes?.length ?? 1) / 512), 0);
  let asked = 0;
  return () => (asked++ < sectorsBefore ? 0 : 1);
};

/** Of what happens when the session has begun, which has tests of its own; a log that is not empty makes more of it. */
const firstCallOf = async (spec: PlainVhdxSpec): Promise<number> => {
  if (spec.log !== undefined) return 0;
  const files = diskWith(spec);
  await opened(files);
  return files.calls.length;
};

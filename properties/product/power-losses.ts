import fc from 'fast-check';
import { expect } from 'vitest';
import type { BlockMerged } from '../../domain/merge-job/events.js';
import type { MemoryFileSystem } from '../simulation/memory-file-system.js';
import type { Loss, SimulatedRun } from './simulated-merge.js';

/** Where in a run the power goes, as a share of it; a second loss strikes the run after. */
export const powerLosses = () =>
  fc.array(
    fc.record({
      share: fc.integer({ min: 0, max: 9999 }).map((n) => n / 10_000),
      committed: fc.boolean(),
      seed: fc.integer(),
    }),
    { minLength: 1, maxLength: 3 },
  );

/** A call or an append of the uninterrupted run, at this share of its length; a run after a loss is shorter, and may end unharmed. */
export const lossAt = (share: number, committed: boolean, whole: SimulatedRun): Loss => {
  const steps = whole.files.calls.length + whole.appendedAfter.length;
  const step = Math.floor(share * steps);
  return step < whole.files.calls.length ? { call: step } : { append: step - whole.files.calls.length, committed };
};

export const exists = (files: MemoryFileSystem, path: string): boolean => {
  try {
    files.source(path);
    return true;
  } catch {
    return false;
  }
};

export const expectEachBlockOnce = (events: readonly { readonly type: string; readonly data: unknown }[]): void => {
  const blocks = events
    .filter((event) => event.type === 'BlockMerged')
    .map((event) => (event.data as BlockMerged).block);
  expect(new Set(blocks).size).toBe(blocks.length);
};

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { EventJson } from '#infrastructure/event-store/event-json';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import type { RunIdentity } from '#domain/merge-job/events';
import { evolve } from '#domain/merge-job/merge-job';
import { initialState } from '#domain/merge-job/state';
import { jobHistories } from '../../properties/product/job-histories.js';
import { sealed, unsealed } from '../../properties/product/recorded-events.js';
import { lastRunOf, runsOf } from './last-run.js';

const STREAM = 'merge-1';

/** Counts the events that are read, which is what a long stream costs. */
class CountingStore extends MemoryEventStore {
  events = 0;

  override async *read(...given: Parameters<MemoryEventStore['read']>): ReturnType<MemoryEventStore['read']> {
    for await (const event of super.read(...given)) {
      this.events += 1;
      yield event;
    }
  }
}

const journalOf = async (history: Parameters<Parameters<ReturnType<typeof jobHistories>['map']>[0]>[0]) => {
  const codec = new EventJson();
  let state = initialState;
  let epoch = 1;
  const events = history.map((event) => {
    state = evolve(state, event);
    if ('epoch' in state) epoch = state.epoch;
    const { type, ...data } = event;
    const plain = unsealed(data, type);
    return { ...plain, meta: { ...plain.meta, leaseEpoch: epoch } };
  });
  const store = new CountingStore();
  await store.append(STREAM, NO_STREAM, sealed(STREAM, events));
  return { store, codec };
};

describe('the runs of a job', () => {
  test.prop([jobHistories().filter((history) => history.length > 0)], { numRuns: 300 })(
    'are found by halving as by reading every event',
    async (history) => {
      const reader = await journalOf(history);
      const expected = history.flatMap((event) => ('run' in event ? [event.run] : []));
      const byEpoch = new Map(expected.map((run): [number, RunIdentity] => [run.epoch, run]));
      const found: RunIdentity[] = [];
      for await (const run of runsOf(STREAM, reader)) found.push(run);
      expect(found.map(({ epoch }) => epoch)).toEqual([...byEpoch.keys()].sort((a, b) => a - b));
      expect(await lastRunOf(STREAM, reader)).toEqual(found.at(-1) ?? null);
    },
  );

  test('of a long stream cost a few dozen events', async () => {
    const [history] = fc.sample(
      jobHistories().filter((events) => events.some(({ type }) => type === 'MergeRecovered')),
      { numRuns: 1, seed: 1 },
    );
    const { store, codec } = await journalOf(history!);
    const before = (await store.head(STREAM))!;
    const block = { ...unsealed({}, 'BlockMerged') };
    const epoch = (await store.readLast(STREAM))!.meta.leaseEpoch;
    const many = Array.from({ length: 20_000 }, () => ({ ...block, meta: { ...block.meta, leaseEpoch: epoch } }));
    await store.append(STREAM, before.revision, sealed(STREAM, many, before));
    store.events = 0;
    await lastRunOf(STREAM, { store, codec });
    expect(store.events).toBeLessThan(40);
  });
});

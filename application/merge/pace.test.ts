import { describe, expect, test } from 'vitest';
import { MemoryEventStore } from '#infrastructure/event-store/memory-event-store';
import { EventJson } from '#infrastructure/event-store/event-json';
import { Pace } from './pace.js';
import { StopRequests } from './stop-requests.js';

/** A clock that goes only while somebody sleeps. */
const sleepersClock = () => {
  const clock = {
    at: 0,
    now: () => clock.at,
    monotonic: () => clock.at,
    sleep: async (milliseconds: number) => {
      clock.at += milliseconds;
    },
  };
  return clock;
};

const paceAt = async (bytesPerSecond: number) => {
  const clock = sleepersClock();
  const stop = await StopRequests.forJob('1', { store: new MemoryEventStore(), codec: new EventJson(), clock });
  return { clock, pace: new Pace(bytesPerSecond, clock, stop, () => undefined) };
};

describe('the rate of a merge', () => {
  test('is held over all that was moved', async () => {
    const { clock, pace } = await paceAt(1000);
    for (let times = 0; times < 20; times += 1) await pace.moved(500);
    expect(clock.at).toBeCloseTo(10_000, 3);
  });

  test('is not made up for at once when the merge stood still for long: a second of it and the block under way at most', async () => {
    const { clock, pace } = await paceAt(1000);
    await pace.moved(500);
    clock.at += 60_000;
    const before = clock.at;
    for (let times = 0; times < 10; times += 1) await pace.moved(500);
    expect(clock.at - before).toBeGreaterThanOrEqual(3499);
    expect(clock.at - before).toBeLessThanOrEqual(5000);
  });
});

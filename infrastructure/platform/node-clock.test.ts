import { expect, test } from 'vitest';
import { NodeClock } from './node-clock.js';

const clock = new NodeClock();

test('now is the time of day in milliseconds since 1970, monotonic only grows', () => {
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
  const before = clock.monotonic();
  expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
});

test('sleep lasts as long as asked', async () => {
  const before = clock.monotonic();
  await clock.sleep(30);
  expect(clock.monotonic() - before).toBeGreaterThanOrEqual(28);
});

test('a signal ends a sleep early and without an error, also one that had aborted before', async () => {
  const before = clock.monotonic();
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 10);
  await clock.sleep(60_000, stop.signal);
  await clock.sleep(60_000, stop.signal);
  expect(clock.monotonic() - before).toBeLessThan(30_000);
});

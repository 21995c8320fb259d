import { END, eventTypeFilter, jsonEvent, NO_STREAM, streamNameFilter } from '@kurrent/kurrentdb-client';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { kurrentServers, nextOf, numbered } from './client-steps.js';

const { startAndConnect } = kurrentServers();
const STREAM = 'merge-1';
const places = (...revisions: number[]): string[] => revisions.map((revision) => `${STREAM}@${revision}`);

test('a subscription is confirmed, gives what is there, says that it has caught up, and goes on with new events', async () => {
  const { client } = await startAndConnect();
  await client.appendToStream(STREAM, numbered(2), { streamState: NO_STREAM });
  const subscription = client.subscribeToStream(STREAM);
  const order: string[] = [];
  subscription.on('confirmation', () => order.push('confirmation'));
  subscription.on('data', ({ event }) => order.push(`event ${String(event?.revision)}`));
  subscription.on('caughtUp', () => order.push('caughtUp'));
  await once(subscription, 'caughtUp');
  const live = nextOf(subscription, 3);
  await client.appendToStream(STREAM, numbered(3), { streamState: 1n });
  expect(await live).toEqual(places(2, 3, 4));
  expect(order).toEqual(['confirmation', 'event 0', 'event 1', 'caughtUp', 'event 2', 'event 3', 'event 4']);
});

test('a subscription from a revision begins behind it; one from the end gives only what is new', async () => {
  const { client } = await startAndConnect();
  await client.appendToStream(STREAM, numbered(4), { streamState: NO_STREAM });
  const fromRevision = client.subscribeToStream(STREAM, { fromRevision: 1n });
  const fromEnd = client.subscribeToStream(STREAM, { fromRevision: END });
  const both = Promise.all([nextOf(fromRevision, 3), nextOf(fromEnd, 1)]);
  await Promise.all([once(fromRevision, 'caughtUp'), once(fromEnd, 'caughtUp')]);
  await client.appendToStream(STREAM, numbered(1), { streamState: 3n });
  expect(await both).toEqual([places(2, 3, 4), places(4)]);
});

test('a subscription waits for a stream that is still to come', async () => {
  const { client } = await startAndConnect();
  const subscription = client.subscribeToStream(STREAM);
  const events = nextOf(subscription, 1);
  await once(subscription, 'caughtUp');
  await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
  expect(await events).toEqual(places(0));
});

test('a subscriber that takes its time gets every event once', async () => {
  const { client } = await startAndConnect();
  await client.appendToStream(STREAM, numbered(1500), { streamState: NO_STREAM });
  const seen: number[] = [];
  for await (const { event } of client.subscribeToStream(STREAM)) {
    seen.push(Number(event?.revision));
    if (seen.length % 250 === 0) await setTimeout(20);
    if (seen.length === 700) await client.appendToStream(STREAM, numbered(500), { streamState: 1499n });
    if (seen.length === 2000) break;
  }
  expect(seen).toEqual(Array.from({ length: 2000 }, (_, revision) => revision));
});

test('a subscription to all streams gives those that its filter wants', async () => {
  const { client } = await startAndConnect();
  const byName = client.subscribeToAll({ filter: streamNameFilter({ prefixes: ['merge-', 'lease-'] }) });
  const byType = client.subscribeToAll({ filter: eventTypeFilter({ regex: '^Other' }) });
  const both = Promise.all([nextOf(byName, 3), nextOf(byType, 1)]);
  for (const stream of ['merge-1', 'control-1', 'lease-1', 'merge-2'])
    await client.appendToStream(stream, stream === 'lease-1' ? jsonEvent({ type: 'Other', data: {} }) : numbered(1));
  expect(await both).toEqual([['merge-1@0', 'lease-1@0', 'merge-2@0'], ['lease-1@0']]);
});

test('a subscription to a stream with a tombstone ends with an error', async () => {
  const { client } = await startAndConnect();
  await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
  await client.tombstoneStream(STREAM);
  await expect(nextOf(client.subscribeToStream(STREAM), 1)).rejects.toMatchObject({ type: 'stream-deleted' });
});

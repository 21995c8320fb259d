import { ANY, jsonEvent, NO_STREAM, STREAM_EXISTS } from '@kurrent/kurrentdb-client';
import { describe, expect, test } from 'vitest';
import { kurrentServers, numbered, revisionsOf } from './client-steps.js';

const { startAndConnect } = kurrentServers();
const STREAM = 'merge-1';

describe.each([
  { path: 'in batches', batchAppend: true },
  { path: 'by the unary call', batchAppend: false },
])('an append $path', ({ batchAppend }) => {
  test('at the right revision is answered with the revision and the position of its last event', async () => {
    const { client, server } = await startAndConnect({ batchAppend });
    const first = await client.appendToStream(STREAM, numbered(2), { streamState: NO_STREAM });
    const second = await client.appendToStream(STREAM, numbered(3), { streamState: 1n });
    expect([first.nextExpectedRevision, second.nextExpectedRevision]).toEqual([1n, 4n]);
    expect(second.position?.commit).toBeGreaterThan(first.position?.commit ?? 0n);
    expect(server.log.eventsOf(STREAM).map((event) => event.revision)).toEqual([0, 1, 2, 3, 4]);
  });

  test('repeated at the same revision succeeds as the first time, also when others have followed', async () => {
    const { client, server } = await startAndConnect({ batchAppend });
    const events = numbered(3);
    await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
    const first = await client.appendToStream(STREAM, events, { streamState: 0n });
    await client.appendToStream(STREAM, numbered(2), { streamState: 3n });
    const again = await client.appendToStream(STREAM, events, { streamState: 0n });
    expect([again.nextExpectedRevision, again.position]).toEqual([first.nextExpectedRevision, first.position]);
    expect(server.log.eventsOf(STREAM)).toHaveLength(6);
  });

  test.each([
    { what: 'other events', again: () => numbered(2) },
    { what: 'events of which only the first are there', again: (there: Events) => [...there, ...numbered(1)] },
    { what: 'events in another order', again: (there: Events) => [...there].reverse() },
  ])('of $what behind the head is refused, with the actual revision', async ({ again }) => {
    const { client, server } = await startAndConnect({ batchAppend });
    const there = numbered(2);
    await client.appendToStream(STREAM, there, { streamState: NO_STREAM });
    await expect(client.appendToStream(STREAM, again(there), { streamState: NO_STREAM })).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: STREAM,
      expectedState: NO_STREAM,
      actualState: 1n,
    });
    expect(server.log.eventsOf(STREAM)).toHaveLength(2);
  });

  test('beyond the head, or at a revision of a stream that is not there, is refused', async () => {
    const { client } = await startAndConnect({ batchAppend });
    await expect(client.appendToStream(STREAM, numbered(1), { streamState: 4n })).rejects.toMatchObject({
      type: 'wrong-expected-version',
      expectedState: 4n,
      actualState: 'no_stream',
    });
    await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
    await expect(client.appendToStream(STREAM, numbered(1), { streamState: 1n })).rejects.toMatchObject({
      type: 'wrong-expected-version',
      actualState: 0n,
    });
  });

  test('at any revision goes by the ids: known ones are there already, a mixture is refused', async () => {
    const { client, server } = await startAndConnect({ batchAppend });
    const events = numbered(2);
    await client.appendToStream(STREAM, events, { streamState: ANY });
    await client.appendToStream(STREAM, numbered(1), { streamState: ANY });
    expect((await client.appendToStream(STREAM, events, { streamState: ANY })).nextExpectedRevision).toBe(1n);
    for (const mixture of [
      [...events, ...numbered(1)],
      [events[0]!, ...numbered(1), events[1]!],
    ])
      await expect(client.appendToStream(STREAM, mixture, { streamState: ANY })).rejects.toMatchObject({
        type: 'wrong-expected-version',
        expectedState: ANY,
      });
    expect(server.log.eventsOf(STREAM)).toHaveLength(3);
  });

  test('to a stream that must be there is refused when it is not', async () => {
    const { client } = await startAndConnect({ batchAppend });
    const append = () => client.appendToStream(STREAM, numbered(1), { streamState: STREAM_EXISTS });
    await expect(append()).rejects.toMatchObject({
      type: 'wrong-expected-version',
      expectedState: STREAM_EXISTS,
      actualState: 'no_stream',
    });
    await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
    expect((await append()).nextExpectedRevision).toBe(1n);
  });

  test('that is larger than the server takes is refused whole, and the next one is not harmed', async () => {
    const { client, server } = await startAndConnect({ batchAppend, maxAppendBytes: 10_000 });
    const large = ['x'.repeat(9_000), 'y'.repeat(9_000)].map((text) => jsonEvent({ type: 'Large', data: { text } }));
    await expect(client.appendToStream(STREAM, large, { streamState: NO_STREAM })).rejects.toMatchObject({
      type: 'maximum-append-size-exceeded',
      maxAppendSize: 10_000,
      // Only the unary call fails by a gRPC status; this also shows that the client took the path meant here.
      code: batchAppend ? undefined : 3,
    });
    expect(server.log.eventsOf(STREAM)).toEqual([]);
    await client.appendToStream(STREAM, large.slice(1), { streamState: NO_STREAM });
    expect(server.log.eventsOf(STREAM)).toHaveLength(1);
  });

  test('in several messages is one append', async () => {
    const { client } = await startAndConnect({ batchAppend });
    const events = numbered(100);
    await client.appendToStream(STREAM, events, { streamState: NO_STREAM, batchAppendSize: 500 });
    expect(await revisionsOf(client, STREAM)).toEqual(events.map((_, index) => index));
  });

  test('of many that race for one revision wins alone', async () => {
    const { client, server } = await startAndConnect({ batchAppend });
    const racers = Array.from({ length: 20 }, () =>
      client.appendToStream(STREAM, numbered(2), { streamState: NO_STREAM }),
    );
    const outcomes = await Promise.allSettled(racers);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(server.log.eventsOf(STREAM)).toHaveLength(2);
  });

  test('to a soft-deleted stream goes on with its next revision', async () => {
    const { client } = await startAndConnect({ batchAppend });
    await client.appendToStream(STREAM, numbered(3), { streamState: NO_STREAM });
    await client.deleteStream(STREAM, { expectedRevision: 2n });
    const append = await client.appendToStream(STREAM, numbered(2), { streamState: NO_STREAM });
    expect(append.nextExpectedRevision).toBe(4n);
    expect(await revisionsOf(client, STREAM)).toEqual([3, 4]);
  });

  test('to a stream with a tombstone is refused for ever', async () => {
    const { client } = await startAndConnect({ batchAppend });
    await client.appendToStream(STREAM, numbered(3), { streamState: NO_STREAM });
    await client.tombstoneStream(STREAM, { expectedRevision: 2n });
    for (const streamState of [2n, NO_STREAM, ANY] as const)
      await expect(client.appendToStream(STREAM, numbered(1), { streamState })).rejects.toMatchObject({
        type: 'stream-deleted',
        streamName: STREAM,
      });
  });
});

test('a deletion at another revision than the last is refused', async () => {
  const { client } = await startAndConnect();
  await client.appendToStream(STREAM, numbered(3), { streamState: NO_STREAM });
  await expect(client.deleteStream(STREAM, { expectedRevision: 1n })).rejects.toMatchObject({
    type: 'wrong-expected-version',
    actualState: 2n,
  });
  expect(await revisionsOf(client, STREAM)).toEqual([0, 1, 2]);
});

type Events = ReturnType<typeof numbered>;

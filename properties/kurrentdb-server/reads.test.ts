import { BACKWARDS, binaryEvent, END, jsonEvent, NO_STREAM, START } from '@kurrent/kurrentdb-client';
import { test as property, fc } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { kurrentServers, numbered, readAllOf, revisionsOf } from './client-steps.js';
import { uuidMessage, uuidText } from './identifiers.js';

const { startAndConnect } = kurrentServers();
const STREAM = 'merge-1';

const withTen = async () => {
  const { client, server } = await startAndConnect();
  await client.appendToStream(STREAM, numbered(10), { streamState: NO_STREAM });
  return { client, server };
};

describe('a read of a stream', () => {
  test('gives back ids, types, JSON data and metadata as they were appended', async () => {
    const { client, server } = await startAndConnect();
    const data = { text: 'Größe', list: [1, null, { deep: true }] };
    const event = jsonEvent({ type: 'Told', data, metadata: { $causationId: 'c', hash: 'ab' } });
    const before = Date.now();
    await client.appendToStream('merge-ä', [event], { streamState: NO_STREAM });
    const [read] = await readAllOf(client, 'merge-ä');
    expect(read).toMatchObject({ id: event.id, type: 'Told', isJson: true, data, metadata: event.metadata });
    expect(read).toMatchObject({ streamId: 'merge-ä', revision: 0n });
    expect(read?.position?.commit).toBe(BigInt(server.log.position));
    // The bridge cuts to whole seconds.
    expect(read?.created.getTime()).toBeGreaterThan(before - 1000);
  });

  test('gives back bytes that are no JSON', async () => {
    const { client } = await startAndConnect();
    const data = Uint8Array.of(0, 255, 128, 10);
    await client.appendToStream(STREAM, [binaryEvent({ type: 'Bytes', data, metadata: data })], {
      streamState: NO_STREAM,
    });
    const [read] = await readAllOf(client, STREAM);
    expect(read?.isJson).toBe(false);
    expect([...(read?.data as Uint8Array)]).toEqual([...data]);
    expect([...(read?.metadata as Uint8Array)]).toEqual([...data]);
  });

  test('goes forwards from a revision, both ends included, up to a count', async () => {
    const { client } = await withTen();
    expect(await revisionsOf(client, STREAM)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await revisionsOf(client, STREAM, { fromRevision: 7n })).toEqual([7, 8, 9]);
    expect(await revisionsOf(client, STREAM, { fromRevision: 2n, maxCount: 3 })).toEqual([2, 3, 4]);
    expect(await revisionsOf(client, STREAM, { fromRevision: START, maxCount: 1 })).toEqual([0]);
  });

  test('goes backwards from the end or from a revision', async () => {
    const { client } = await withTen();
    const backwards = { direction: BACKWARDS } as const;
    expect(await revisionsOf(client, STREAM, { ...backwards, fromRevision: END, maxCount: 3 })).toEqual([9, 8, 7]);
    expect(await revisionsOf(client, STREAM, { ...backwards, fromRevision: 2n })).toEqual([2, 1, 0]);
    expect(await revisionsOf(client, STREAM, { ...backwards, fromRevision: 99n, maxCount: 1 })).toEqual([9]);
  });

  test('from beyond the end is empty', async () => {
    const { client } = await withTen();
    expect(await revisionsOf(client, STREAM, { fromRevision: 10n })).toEqual([]);
    expect(await revisionsOf(client, STREAM, { fromRevision: 10n, maxCount: 1 })).toEqual([]);
  });

  test('that is not there, or was soft-deleted, says so', async () => {
    const { client } = await withTen();
    await expect(readAllOf(client, 'merge-2')).rejects.toMatchObject({ type: 'stream-not-found' });
    await client.deleteStream(STREAM);
    await expect(readAllOf(client, STREAM)).rejects.toMatchObject({ type: 'stream-not-found', streamName: STREAM });
  });

  test('with a tombstone says so', async () => {
    const { client } = await withTen();
    await client.tombstoneStream(STREAM);
    await expect(readAllOf(client, STREAM)).rejects.toMatchObject({ type: 'stream-deleted', streamName: STREAM });
  });

  test.each([
    { metadata: { maxCount: 3 }, left: [7, 8, 9] },
    { metadata: { truncateBefore: 8 }, left: [8, 9] },
    { metadata: { maxCount: 100 }, left: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
  ])('with $metadata in its metadata gives what that leaves', async ({ metadata, left }) => {
    const { client } = await withTen();
    await client.setStreamMetadata(STREAM, metadata);
    expect((await client.getStreamMetadata(STREAM)).metadata).toEqual(metadata);
    expect(await revisionsOf(client, STREAM)).toEqual(left);
    expect(await revisionsOf(client, STREAM, { direction: BACKWARDS, fromRevision: END })).toEqual(left.reverse());
  });

  test('of five thousand events gives each once, in order', async () => {
    const { client } = await startAndConnect();
    for (let from = 0; from < 5000; from += 500)
      await client.appendToStream(STREAM, numbered(500, from), {
        streamState: from === 0 ? NO_STREAM : BigInt(from - 1),
      });
    const numbers = (await readAllOf(client, STREAM)).map((event) => (event.data as { number: number }).number);
    expect(numbers).toEqual(Array.from({ length: 5000 }, (_, index) => index));
  });
});

test('a read of all streams goes in the order of the appends, from any position', async () => {
  const { client } = await startAndConnect();
  for (const stream of ['a', 'b', 'a', 'c']) await client.appendToStream(stream, numbered(1));
  const places = async (options?: Parameters<typeof client.readAll>[0]) => {
    const events = [];
    for await (const { event } of client.readAll(options)) if (event !== undefined) events.push(event);
    return events;
  };
  const all = await places();
  const named = (events: typeof all) => events.map((event) => `${event.streamId}@${event.revision}`);
  expect(named(all)).toEqual(['a@0', 'b@0', 'a@1', 'c@0']);
  const third = all[2]!.position;
  expect(named(await places({ fromPosition: third }))).toEqual(['a@1', 'c@0']);
  expect(named(await places({ fromPosition: third, direction: BACKWARDS }))).toEqual(['b@0', 'a@0']);
  expect(named(await places({ fromPosition: END, direction: BACKWARDS, maxCount: 1 }))).toEqual(['c@0']);
});

property.prop([fc.uuid(), fc.constantFrom('text' as const, 'halves' as const)])(
  'every UUID survives both forms on the wire',
  (uuid, form) => {
    expect(uuidText(uuidMessage(uuid, form))).toBe(uuid);
  },
);

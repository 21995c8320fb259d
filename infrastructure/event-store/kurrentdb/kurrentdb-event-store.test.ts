import { setTimeout as sleep } from 'node:timers/promises';
import { KurrentDBClient, jsonEvent } from '@kurrent/kurrentdb-client';
import { afterEach, describe, expect, test } from 'vitest';
import { UnreadableEvent } from '#application/ports/event-codec';
import { NO_STREAM, type EventStoreFaultKind } from '#application/ports/event-store';
import { STREAM, allOf } from '../../../properties/contracts/event-store.steps.js';
import {
  KurrentProtocolServer,
  type KurrentServerOptions,
} from '../../../properties/kurrentdb-server/kurrent-protocol-server.js';
import { blockMerged, numbered, sealed, unsealed } from '../../../properties/product/recorded-events.js';
import { KurrentDbEventStore, type KurrentDbOptions } from './kurrentdb-event-store.js';

const events = numbered(STREAM, 6);
const cleanups: (() => Promise<void>)[] = [];

const startServer = async (options?: KurrentServerOptions): Promise<KurrentProtocolServer> => {
  const server = await KurrentProtocolServer.start(options);
  cleanups.push(() => server.stop());
  return server;
};

const open = async (server: KurrentProtocolServer, more: Partial<KurrentDbOptions> = {}) => {
  const store = await KurrentDbEventStore.open({ url: server.url, mode: 'read-write', ...more });
  cleanups.push(() => store.close());
  return store;
};

/** The server as its administrator uses it. */
const administrator = ({ url }: KurrentProtocolServer): KurrentDBClient => {
  const client = KurrentDBClient.connectionString(`${url}&discoveryInterval=20`);
  cleanups.push(() => client.dispose());
  return client;
};

const fault = (kind: EventStoreFaultKind, saying: string) => ({
  name: 'EventStoreFault',
  kind,
  message: expect.stringContaining(saying) as string,
});

const named = async (store: KurrentDbEventStore): Promise<string[]> => {
  const names: string[] = [];
  for await (const { stream } of store.list('')) names.push(stream);
  return names;
};

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each([{ batchAppend: true }, { batchAppend: false }])('a server that appends with %j', (options) => {
  test.each(['loseNextAppend', 'loseNextReply'] as const)(
    'and fails under %s is asked again, and the events are there once',
    async (loss) => {
      const server = await startServer(options);
      const store = await open(server);
      server.faults[loss]();
      expect(await store.append(STREAM, NO_STREAM, events.slice(0, 2))).toEqual({ outcome: 'appended', revision: 1 });
      server.faults[loss]();
      expect(await store.append(STREAM, 1, events.slice(2))).toEqual({ outcome: 'appended', revision: 5 });
      expect(await allOf(store.read(STREAM))).toEqual(events);
      expect(server.log.eventsOf(STREAM).length).toBe(6);
    },
  );

  test('and is stalled makes all of many appends unreachable in time, and nothing of them is left over', async () => {
    const server = await startServer(options);
    const store = await open(server, { timeoutMs: 400 });
    server.faults.stall();
    const streams = Array.from({ length: 40 }, (_, at) => `merge-${String(at)}`);
    const began = Date.now();
    const answers = await Promise.allSettled(
      streams.map((stream) => store.append(stream, NO_STREAM, numbered(stream, 2))),
    );
    expect(Date.now() - began).toBeLessThan(6000);
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 'rejected', reason: fault('unreachable', 'no answer in 400 ms') });
    server.faults.goOn();
    for (const stream of streams)
      expect(await store.append(stream, NO_STREAM, numbered(stream, 2))).toEqual({ outcome: 'appended', revision: 1 });
    // Late answers to calls that were given up: an unhandled rejection would fail this run.
    await sleep(50);
  });

  test('refuses what is too large for it with what to do, and goes on with less', async () => {
    const server = await startServer({ ...options, maxAppendBytes: 20_000 });
    const store = await open(server);
    const large = sealed(STREAM, [unsealed('x'.repeat(30_000))]);
    await expect(store.append(STREAM, NO_STREAM, large)).rejects.toMatchObject(fault('failed', 'Raise MaxAppendSize'));
    expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 5 });
  });

  test('and is not the leader names the leader, to whom the store turns', async () => {
    const follower = await startServer(options);
    const leader = await startServer({ ...options, log: follower.log });
    const store = await open(follower);
    follower.faults.notLeader({ host: '127.0.0.1', port: leader.port });
    expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 5 });
    expect(await allOf(store.read(STREAM))).toEqual(events);
    // And back, when that one dies.
    follower.faults.notLeader(null);
    await leader.stop();
    expect(await store.append(STREAM, 4, events.slice(5))).toEqual({ outcome: 'appended', revision: 5 });
    expect(await allOf(store.read(STREAM))).toEqual(events);
  });

  test('and is not ready is unreachable until it is', async () => {
    const server = await startServer(options);
    const store = await open(server);
    server.faults.notReady(true);
    await expect(store.append(STREAM, NO_STREAM, events)).rejects.toMatchObject(fault('unreachable', 'Not Ready'));
    await expect(store.head(STREAM)).rejects.toMatchObject(fault('unreachable', 'Check that the server runs'));
    server.faults.notReady(false);
    expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 5 });
  });
});

describe('opening', () => {
  test('a server that is away or silent is an unreachable fault at once, after one attempt', async () => {
    const server = await startServer();
    server.faults.stall();
    const began = Date.now();
    await expect(open(server, { timeoutMs: 400 })).rejects.toMatchObject(fault('unreachable', 'no answer in 400 ms'));
    expect(Date.now() - began).toBeLessThan(2 * 400);
    await server.stop();
    await expect(open(server)).rejects.toMatchObject(fault('unreachable', 'can be reached'));
  });

  test('to read makes nothing, and an append there is a bug', async () => {
    const server = await startServer();
    const store = await open(server, { mode: 'read-only' });
    expect(await named(store)).toEqual([]);
    await expect(store.append(STREAM, NO_STREAM, events)).rejects.toThrow('Bug');
    expect(server.log.all).toEqual([]);
  });

  test('a store that was closed in the middle of a call ends that call, too', async () => {
    const server = await startServer();
    const store = await open(server);
    server.faults.stall();
    const calls = [store.append(STREAM, NO_STREAM, events), store.head(STREAM), allOf(store.read(STREAM))];
    const ended = Promise.allSettled(calls);
    await sleep(20);
    await store.close();
    for (const answer of await ended) expect(answer).toMatchObject({ reason: fault('failed', 'was closed') });
  });
});

describe('an append', () => {
  test('of nothing writes nothing', async () => {
    const server = await startServer();
    const answer = await (await open(server)).append(STREAM, NO_STREAM, []);
    expect([answer.outcome, server.log.all]).toEqual(['appended', []]);
  });

  test('to a stream that was deleted is not taken for a new one', async () => {
    const server = await startServer();
    const store = await open(server);
    await store.append(STREAM, NO_STREAM, events);
    await administrator(server).deleteStream(STREAM);
    expect(await store.head(STREAM)).toBeNull();
    const anew = sealed(STREAM, [unsealed('anew')]);
    await expect(store.append(STREAM, NO_STREAM, anew)).rejects.toMatchObject(fault('failed', 'was deleted'));
    await expect(allOf(store.read(STREAM))).rejects.toThrow(UnreadableEvent);
  });

  test('to a stream that was deleted for good fails, as reading it does, and it is listed no more', async () => {
    const server = await startServer();
    const store = await open(server);
    await store.append(STREAM, NO_STREAM, events);
    await store.append('merge-other', NO_STREAM, numbered('merge-other', 1));
    await administrator(server).tombstoneStream(STREAM);
    await expect(store.append(STREAM, 5, numbered(STREAM, 7).slice(6))).rejects.toMatchObject(
      fault('failed', 'deleted for good'),
    );
    await expect(store.head(STREAM)).rejects.toMatchObject(fault('failed', 'deleted for good'));
    expect(await named(store)).toEqual(['merge-other']);
  });
});

describe('reading', () => {
  test.each([
    ['$maxCount', { maxCount: 4 }, 'keeps only its last 4 events'],
    ['$tb', { truncateBefore: 2 }, 'cut off before revision 2'],
  ])('a stream that %s has shortened never passes over what is missing', async (_, limit, finding) => {
    const server = await startServer();
    const store = await open(server);
    await store.append(STREAM, NO_STREAM, events);
    await administrator(server).setStreamMetadata(STREAM, limit);
    await expect(allOf(store.read(STREAM))).rejects.toMatchObject({ name: 'UnreadableEvent', revision: 0 });
    await expect(allOf(store.read(STREAM, { direction: 'backwards' }))).rejects.toMatchObject({ revision: 1 });
    await expect(allOf(store.read(STREAM, { fromRevision: 1 }))).rejects.toMatchObject({ revision: 1 });
    await expect(allOf(store.subscribe(STREAM, 0, AbortSignal.timeout(5000)))).rejects.toMatchObject({ revision: 0 });
    expect(await allOf(store.read(STREAM, { fromRevision: 2 }))).toEqual(events.slice(2));
    expect(await store.checkBeside(STREAM)).toEqual([expect.stringContaining(finding)]);
    await expect(store.readLast(STREAM, 'MergeStarted')).rejects.toThrow(UnreadableEvent);
  });

  test('hands out once what is delivered twice, in both directions', async () => {
    const server = await startServer();
    const store = await open(server);
    server.faults.duplicateDelivery(true);
    await store.append(STREAM, NO_STREAM, events);
    expect(await allOf(store.read(STREAM))).toEqual(events);
    expect(await allOf(store.read(STREAM, { direction: 'backwards' }))).toEqual(events.toReversed());
  });

  test("another program's event is not passed over either", async () => {
    const server = await startServer();
    const store = await open(server);
    await store.append(STREAM, NO_STREAM, events.slice(0, 2));
    await administrator(server).appendToStream(STREAM, jsonEvent({ type: 'Other', data: { a: 1 } }), {
      streamState: 1n,
    });
    await expect(allOf(store.read(STREAM))).rejects.toMatchObject({ name: 'UnreadableEvent', revision: 2 });
    await expect(store.head(STREAM)).rejects.toThrow('of another program');
    await expect(allOf(store.subscribe(STREAM, 2, AbortSignal.timeout(5000)))).rejects.toThrow(UnreadableEvent);
  });

  test('finds the last block of a long stream though much has followed it', async () => {
    const server = await startServer();
    const store = await open(server);
    const long = sealed(
      STREAM,
      Array.from({ length: 581 }, (_, at) => (at > 560 ? unsealed(at) : blockMerged(at))),
    );
    for (let at = 0; at < long.length; at += 300) await store.append(STREAM, at - 1, long.slice(at, at + 300));
    expect(await store.readLast(STREAM, 'BlockMerged')).toEqual(long[560]);
    expect(await allOf(store.read(STREAM, { direction: 'backwards' }))).toEqual(long.toReversed());
    expect(await allOf(store.read(STREAM, { fromRevision: 100, limit: 300 }))).toEqual(long.slice(100, 400));
    const backwards = { fromRevision: 500, limit: 300, direction: 'backwards' } as const;
    expect(await allOf(store.read(STREAM, backwards))).toEqual(long.slice(201, 501).reverse());
    expect(await allOf(store.read(STREAM, { limit: 0 }))).toEqual([]);
  });
});

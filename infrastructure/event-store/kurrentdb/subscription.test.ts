import { setTimeout as sleep } from 'node:timers/promises';
import { KurrentDBClient } from '@kurrent/kurrentdb-client';
import { afterEach, describe, expect, test } from 'vitest';
import type { RecordedEvent } from '#application/journal/recorded-event';
import { NO_STREAM } from '#application/ports/event-store';
import { STREAM, allOf, firstOf } from '../../../properties/contracts/event-store.steps.js';
import { KurrentProtocolServer } from '../../../properties/kurrentdb-server/kurrent-protocol-server.js';
import { numbered } from '../../../properties/product/recorded-events.js';
import { KurrentDbEventStore } from './kurrentdb-event-store.js';

const events = numbered(STREAM, 40);
const cleanups: (() => Promise<void>)[] = [];

const setUp = async (timeoutMs = 2000) => {
  const server = await KurrentProtocolServer.start();
  cleanups.push(() => server.stop());
  const store = await KurrentDbEventStore.open({ url: server.url, mode: 'read-write', timeoutMs });
  cleanups.push(() => store.close());
  return { server, store };
};

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a subscription', () => {
  test('goes on where it was when the server is killed and started, again and again', async () => {
    const { server, store } = await setUp();
    const watched = firstOf(40, store, 0);
    for (let at = 0; at < 40; at += 10) {
      await store.append(STREAM, at - 1, events.slice(at, at + 10));
      await sleep(at);
      await server.faults.stop();
      await server.faults.start();
    }
    expect(await watched).toEqual(events);
  });

  test('drops what is delivered twice, also across a restart', async () => {
    const { server, store } = await setUp();
    server.faults.duplicateDelivery(true);
    await store.append(STREAM, NO_STREAM, events.slice(0, 20));
    const watched = firstOf(35, store, 5);
    await sleep(50);
    await server.faults.stop();
    await server.faults.start();
    for (let at = 20; at < 40; at += 1) await store.append(STREAM, at - 1, events.slice(at, at + 1));
    expect(await watched).toEqual(events.slice(5));
  });

  test('to a server that does not answer begins when it does', async () => {
    const { server, store } = await setUp(400);
    await store.append(STREAM, NO_STREAM, events);
    server.faults.stall();
    const watched = firstOf(40, store, 0);
    await sleep(500);
    server.faults.goOn();
    expect(await watched).toEqual(events);
  });

  test('goes on when another call of the store was given up, and its client with it', async () => {
    const { server, store } = await setUp(400);
    await store.append(STREAM, NO_STREAM, events.slice(0, 5));
    const watched = firstOf(40, store, 0);
    await sleep(100);
    server.faults.stall();
    await expect(store.head(STREAM)).rejects.toMatchObject({ kind: 'unreachable' });
    server.faults.goOn();
    await store.append(STREAM, 4, events.slice(5));
    expect(await watched).toEqual(events);
  });

  test('that is aborted while the server is away ends at once and without an error', async () => {
    const { server, store } = await setUp();
    await server.stop();
    const began = Date.now();
    expect(await allOf(store.subscribe(STREAM, 0, AbortSignal.timeout(60)))).toEqual([]);
    expect(Date.now() - began).toBeLessThan(1000);
  });

  test('gives nothing more after it was aborted, though more was there', async () => {
    const { store } = await setUp();
    await store.append(STREAM, NO_STREAM, events);
    const enough = new AbortController();
    const seen: RecordedEvent[] = [];
    for await (const event of store.subscribe(STREAM, 0, enough.signal)) {
      seen.push(event);
      if (seen.length === 3) enough.abort();
    }
    expect(seen).toEqual(events.slice(0, 3));
  });

  test('to a stream that is deleted for good fails, and one whose store is closed does', async () => {
    const { server, store } = await setUp();
    await store.append(STREAM, NO_STREAM, events);
    const administrator = KurrentDBClient.connectionString(server.url);
    cleanups.push(() => administrator.dispose());
    const watched = allOf(store.subscribe('merge-later', 0, new AbortController().signal));
    await administrator.tombstoneStream(STREAM);
    await expect(allOf(store.subscribe(STREAM, 0, AbortSignal.timeout(5000)))).rejects.toThrow('deleted for good');
    await Promise.all([expect(watched).rejects.toThrow('was closed'), store.close()]);
  });
});

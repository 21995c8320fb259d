import { KurrentDBClient, jsonEvent } from '@kurrent/kurrentdb-client';
import { afterEach, describe, expect, test } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { STREAM } from '../../../properties/contracts/event-store.steps.js';
import { KurrentProtocolServer } from '../../../properties/kurrentdb-server/kurrent-protocol-server.js';
import { numbered } from '../../../properties/product/recorded-events.js';
import { KurrentDbEventStore } from './kurrentdb-event-store.js';
import { INDEX_STREAM } from './stream-index.js';

const events = numbered(STREAM, 6);
const cleanups: (() => Promise<void>)[] = [];

const setUp = async () => {
  const server = await KurrentProtocolServer.start();
  const open = async () => {
    const store = await KurrentDbEventStore.open({ url: server.url, mode: 'read-write' });
    cleanups.push(() => store.close());
    return store;
  };
  const administrator = KurrentDBClient.connectionString(server.url);
  cleanups.push(
    () => server.stop(),
    () => administrator.dispose(),
  );
  return { server, open, administrator };
};

const named = async (store: KurrentDbEventStore): Promise<string[]> => {
  const names: string[] = [];
  for await (const { stream } of store.list('')) names.push(stream);
  return names;
};

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the index of streams', () => {
  test('has a name before its stream has an event, and once however often it is noted', async () => {
    const { server, open } = await setUp();
    await (await open()).append(STREAM, NO_STREAM, events);
    await (await open()).append(STREAM, NO_STREAM, events);
    expect(server.log.all.map(({ stream }) => stream)).toEqual([INDEX_STREAM, ...events.map(() => STREAM)]);
  });

  test('may name a stream that never came to be, and one twice', async () => {
    const { open, administrator } = await setUp();
    const store = await open();
    for (const stream of ['merge-none', STREAM, STREAM])
      await administrator.appendToStream(INDEX_STREAM, jsonEvent({ type: 'StreamOpened', data: { stream } }));
    await store.append(STREAM, NO_STREAM, events);
    expect(await named(store)).toEqual([STREAM]);
  });

  test('that was shortened or holds something else is not read as a shorter list', async () => {
    const { open, administrator } = await setUp();
    const store = await open();
    for (const name of ['merge-1', 'merge-2', 'merge-3']) await store.append(name, NO_STREAM, numbered(name, 1));
    await administrator.appendToStream(INDEX_STREAM, jsonEvent({ type: 'Other', data: {} }));
    await expect(named(store)).rejects.toThrow('expected StreamOpened with a name, found Other');
    await administrator.setStreamMetadata(INDEX_STREAM, { truncateBefore: 1 });
    await expect(named(store)).rejects.toMatchObject({ name: 'UnreadableEvent', revision: 0 });
  });
});

import { NO_STREAM } from '@kurrent/kurrentdb-client';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { kurrentServers, nextOf, numbered, outcomeWithin, readAllOf, revisionsOf } from './client-steps.js';

const { start, connect, startAndConnect } = kurrentServers();
const STREAM = 'merge-1';

describe.each([
  { path: 'in batches', batchAppend: true },
  { path: 'by the unary call', batchAppend: false },
])('an append $path', ({ batchAppend }) => {
  const withOne = async () => {
    const { client, server } = await startAndConnect({ batchAppend });
    await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
    return {
      client,
      server,
      append: (events = numbered(1)) => client.appendToStream(STREAM, events, { streamState: 0n }),
    };
  };

  test('that is lost before its commit has changed nothing, and the next one is served', async () => {
    const { server, append } = await withOne();
    server.faults.loseNextAppend();
    await expect(append()).rejects.toMatchObject({ type: 'unavailable' });
    expect(server.log.eventsOf(STREAM)).toHaveLength(1);
    expect((await append()).nextExpectedRevision).toBe(1n);
  });

  test('whose reply is lost is committed, and its repetition succeeds without a second event', async () => {
    const { server, append } = await withOne();
    server.faults.loseNextReply();
    const events = numbered(2);
    await expect(append(events)).rejects.toMatchObject({ type: 'unavailable' });
    expect(server.log.eventsOf(STREAM)).toHaveLength(3);
    expect((await append(events)).nextExpectedRevision).toBe(2n);
    expect(server.log.eventsOf(STREAM)).toHaveLength(3);
  });

  test('to a stalled server has no answer until it goes on', async () => {
    const { server, append } = await withOne();
    server.faults.stall();
    const stalled = append();
    expect(await outcomeWithin(stalled, 300)).toBe('pending');
    expect(server.log.eventsOf(STREAM)).toHaveLength(1);
    server.faults.goOn();
    expect((await stalled).nextExpectedRevision).toBe(1n);
  });

  test('that stalled is committed after all when the server goes on, though its caller is gone', async () => {
    const { client, server, append } = await withOne();
    server.faults.stall();
    const abandoned = outcomeWithin(append(), 5000);
    expect(await outcomeWithin(abandoned, 200)).toBe('pending');
    await client.dispose();
    server.faults.goOn();
    await expect.poll(() => server.log.eventsOf(STREAM).length).toBe(2);
    await server.stop();
    await abandoned;
  });

  test('that stalled when the server was killed is never committed', async () => {
    const { server, append } = await withOne();
    server.faults.stall();
    const killed = append();
    expect(await outcomeWithin(killed, 200)).toBe('pending');
    await Promise.all([expect(killed).rejects.toMatchObject({ type: 'unavailable' }), server.stop()]);
    server.faults.goOn();
    await server.start();
    expect((await append()).nextExpectedRevision).toBe(1n);
    expect(server.log.eventsOf(STREAM)).toHaveLength(2);
  });

  test('under way while the server is killed is committed by then or never', async () => {
    for (let turns = 0; turns < 20; turns += 1) {
      const { client, server } = await startAndConnect({ batchAppend });
      await client.appendToStream(STREAM, numbered(1), { streamState: NO_STREAM });
      const racing = Promise.allSettled(
        Array.from({ length: 10 }, (_, n) =>
          client.appendToStream(`lease-${n}`, numbered(1), { streamState: NO_STREAM }),
        ),
      );
      for (let turn = 0; turn < turns; turn += 1) await setImmediate();
      await server.stop();
      const committed = server.log.all.length;
      await racing;
      expect(server.log.all).toHaveLength(committed);
    }
  });

  test('to a killed server fails at once; started again it is at the same port and has its events', async () => {
    const { client, server, append } = await withOne();
    const { port } = server;
    await server.faults.stop();
    await expect(append()).rejects.toMatchObject({ code: 14 });
    await server.faults.start();
    expect(server.port).toBe(port);
    expect((await append()).nextExpectedRevision).toBe(1n);
    expect(await revisionsOf(client, STREAM)).toEqual([0, 1]);
  });

  test('to a server that is not the leader is refused with the name of the leader, where the client then goes', async () => {
    const { server, append } = await withOne();
    const leader = await start({ batchAppend, log: server.log });
    server.faults.notLeader({ host: '127.0.0.1', port: leader.port });
    await expect(append()).rejects.toMatchObject({
      type: 'not-leader',
      leader: { address: '127.0.0.1', port: leader.port },
    });
    expect((await append()).nextExpectedRevision).toBe(1n);
  });

  test('to a server that is not ready is refused, and served when it is', async () => {
    const { server, append } = await withOne();
    server.faults.notReady(true);
    await expect(append()).rejects.toMatchObject(
      // The real server hides this reason in an answer that the client does not know.
      batchAppend ? { type: 'unknown', message: 'Could not recognize Server Is Not Ready' } : { type: 'unavailable' },
    );
    server.faults.notReady(false);
    expect((await append()).nextExpectedRevision).toBe(1n);
  });
});

describe('a read', () => {
  const withEvents = async (count: number) => {
    const { client, server } = await startAndConnect();
    await client.appendToStream(STREAM, numbered(count), { streamState: NO_STREAM });
    return { client, server };
  };

  test('from a stalled server has no answer until it goes on', async () => {
    const { client, server } = await withEvents(3);
    server.faults.stall();
    const stalled = revisionsOf(client, STREAM);
    expect(await outcomeWithin(stalled, 800)).toBe('pending');
    server.faults.goOn();
    expect(await stalled).toEqual([0, 1, 2]);
  });

  test('breaks off when the server is killed in the middle of it', async () => {
    const { client, server } = await withEvents(5000);
    let seen = 0;
    const reading = async () => {
      for await (const _ of client.readStream(STREAM)) {
        seen += 1;
        if (seen === 100) await server.stop();
      }
    };
    await expect(reading()).rejects.toMatchObject({ type: 'unavailable' });
    expect(seen).toBeLessThan(5000);
  });

  test('is refused by a server that is not ready or not the leader', async () => {
    const { client, server } = await withEvents(3);
    server.faults.notReady(true);
    await expect(readAllOf(client, STREAM)).rejects.toMatchObject({ type: 'unavailable' });
    server.faults.notReady(false);
    server.faults.notLeader({ host: '127.0.0.1', port: 1 });
    await expect(readAllOf(client, STREAM)).rejects.toMatchObject({ type: 'not-leader', leader: { port: 1 } });
    server.faults.notLeader(null);
    expect(await revisionsOf(connect(server.url), STREAM)).toEqual([0, 1, 2]);
  });

  test('delivers some events twice while the server is told to', async () => {
    const { client, server } = await withEvents(7);
    server.faults.duplicateDelivery(true);
    expect(await revisionsOf(client, STREAM)).toEqual([0, 1, 2, 1, 2, 3, 4, 5, 4, 5, 6]);
    server.faults.duplicateDelivery(false);
    expect(await revisionsOf(client, STREAM)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe('a subscription', () => {
  const live = async () => {
    const { client, server } = await startAndConnect();
    await client.appendToStream(STREAM, numbered(2), { streamState: NO_STREAM });
    const subscription = client.subscribeToStream(STREAM, { fromRevision: 1n });
    const next = (count: number) => nextOf(subscription, count);
    return { client, server, subscription, next };
  };

  test('hears nothing from a stalled server, and everything when it goes on', async () => {
    const { client, server, subscription, next } = await live();
    const events = next(2);
    await once(subscription, 'caughtUp');
    server.faults.stall();
    const append = client.appendToStream(STREAM, numbered(2), { streamState: 1n });
    expect(await outcomeWithin(events, 300)).toBe('pending');
    server.faults.goOn();
    await append;
    expect(await events).toEqual([`${STREAM}@2`, `${STREAM}@3`]);
  });

  test('ends with an error when the server is killed', async () => {
    const { server, subscription, next } = await live();
    const events = next(1);
    await once(subscription, 'caughtUp');
    await Promise.all([expect(events).rejects.toMatchObject({ type: 'unavailable' }), server.stop()]);
  });

  test('delivers some events twice while the server is told to', async () => {
    const { client, server, next } = await live();
    server.faults.duplicateDelivery(true);
    const events = next(6);
    await client.appendToStream(STREAM, numbered(4), { streamState: 1n });
    expect(await events).toEqual([2, 3, 4, 3, 4, 5].map((revision) => `${STREAM}@${revision}`));
  });
});

test('a client that discovers its cluster finds this server', async () => {
  const server = await start();
  const client = connect(server.url.replace('kurrentdb:', 'kurrentdb+discover:'));
  await client.appendToStream(STREAM, numbered(2), { streamState: NO_STREAM });
  expect(await revisionsOf(client, STREAM)).toEqual([0, 1]);
});

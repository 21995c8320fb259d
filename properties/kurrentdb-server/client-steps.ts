/** What the tests of the server do with the real client. */
import {
  jsonEvent,
  KurrentDBClient,
  type AllStreamSubscription,
  type StreamSubscription,
} from '@kurrent/kurrentdb-client';
import { afterEach } from 'vitest';
import { KurrentProtocolServer, type KurrentServerOptions } from './kurrent-protocol-server.js';

/** Servers and clients for the tests of one file; what a test opens is gone after it. */
export const kurrentServers = () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const start = async (options?: KurrentServerOptions): Promise<KurrentProtocolServer> => {
    const server = await KurrentProtocolServer.start(options);
    ends.push(() => server.stop());
    return server;
  };
  const connect = (url: string): KurrentDBClient => {
    const client = KurrentDBClient.connectionString(url);
    ends.push(() => client.dispose());
    return client;
  };
  const startAndConnect = async (options?: KurrentServerOptions) => {
    const server = await start(options);
    return { server, client: connect(server.url) };
  };
  return { start, connect, startAndConnect };
};

/** Events with the numbers from `from` on, each with an id of its own. */
export const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) =>
    jsonEvent({ type: 'Numbered', data: { number: from + index }, metadata: { $correlationId: 'test' } }),
  );

type ReadOptions = Parameters<KurrentDBClient['readStream']>[1];

export const readAllOf = async (client: KurrentDBClient, stream: string, options?: ReadOptions) => {
  const events = [];
  for await (const { event } of client.readStream(stream, options)) if (event !== undefined) events.push(event);
  return events;
};

export const revisionsOf = async (client: KurrentDBClient, stream: string, options?: ReadOptions): Promise<number[]> =>
  (await readAllOf(client, stream, options)).map((event) => Number(event.revision));

/** The next `count` events of a subscription, as `stream@revision`. */
export const nextOf = (subscription: StreamSubscription | AllStreamSubscription, count: number): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const seen: string[] = [];
    const look = (resolved: { event?: { streamId: string; revision: bigint } }): void => {
      if (resolved.event !== undefined) seen.push(`${resolved.event.streamId}@${resolved.event.revision}`);
      if (seen.length < count) return;
      subscription.off('data', look);
      resolve(seen);
    };
    subscription.on('data', look);
    subscription.on('error', reject);
  });

/** How a call ends; `pending` when it does not end within the time. */
export const outcomeWithin = async (call: Promise<unknown>, timeoutMs: number): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'pending');
  });
  const outcome = call.then(
    () => 'done',
    (error: unknown) => error,
  );
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
};

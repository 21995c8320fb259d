import { describe, expect, test } from 'vitest';
import { guaranteeTitled } from '../contracts/event-store.contract.js';
import { endsInTime } from '../contracts/event-store.fault-steps.js';
import { journalOf } from '../contracts/event-store.wiring.js';
import type { Journal } from '../contracts/journal.js';
import { NAIVE_SCHEMA, NaivePostgres, type PostgresSlip } from '../contracts/naive-postgres.js';
import { PostgresProxy } from '../product/postgres-proxy.js';
import { bySql, describeWithPostgres, type PostgresServer } from '../product/postgres-server.js';

const REPLY_LOST = 'an append whose answer was lost is there once, and the same append again counts as success';
const APPEND_LOST =
  'an append that was lost on its way is made again or said to be unknown, and the same append then succeeds';
const STALLED =
  'a server that does not answer makes every call end in time as unreachable; when it goes on, the same append succeeds once';
const AWAY = 'a server that is away makes every call unreachable, and the same store goes on when it is back';
const KEPT = 'what was acknowledged is there when the server was killed and started';
const WATCHED = 'a subscriber that waits while the server is killed and started gets every event once and in order';

interface SeenSlip {
  readonly fault: string;
  readonly slip: PostgresSlip;
  readonly seenBy: string;
}

/** Each switch of the proxy, and a slip that nobody would see without it. These are about connections of one proxy, */
const SLIPS_WITH_CONNECTIONS: readonly SeenSlip[] = [
  { fault: 'loseNextReply', slip: 'tries again without a look at what is there', seenBy: REPLY_LOST },
  { fault: 'loseNextAppend', slip: 'takes a broken connection for success', seenBy: APPEND_LOST },
  { fault: 'stall', slip: 'has no timer of its own', seenBy: STALLED },
];

/** and these kill the server that all proxies share. */
const SLIPS_WITH_SERVERS: readonly SeenSlip[] = [
  { fault: 'stop', slip: 'acknowledges before it is written', seenBy: KEPT },
  { fault: 'start', slip: 'keeps the connection it has', seenBy: AWAY },
  { fault: 'stop and start', slip: 'ends its subscription with the connection', seenBy: WATCHED },
];

describeWithPostgres('a naive adapter of PostgreSQL', (server) => {
  const seesAll = (slips: readonly SeenSlip[]): void => {
    test.each(slips)('is seen under $fault when it $slip', async ({ slip, seenBy }) => {
      const journal = await inDatabaseOfItsOwn(server(), slip);
      await expect(endsInTime(guaranteeTitled(seenBy).holds(journal))).rejects.toThrow();
      await journal.cleanup();
    });

    test.each([...new Set(slips.map(({ seenBy }) => seenBy))])('holds without a slip: %s', async (title) => {
      const journal = await inDatabaseOfItsOwn(server(), null);
      await endsInTime(guaranteeTitled(title).holds(journal));
      await journal.cleanup();
    });
  };

  describe.concurrent('beside others', () => seesAll(SLIPS_WITH_CONNECTIONS));
  describe('one after the other', () => seesAll(SLIPS_WITH_SERVERS));
});

const inDatabaseOfItsOwn = async (server: PostgresServer, slip: PostgresSlip | null): Promise<Journal> => {
  const database = await server.newDatabase();
  await bySql(database, NAIVE_SCHEMA);
  const proxy = await PostgresProxy.before(server);
  const url = proxy.through(database);
  return journalOf({
    make: ({ timeoutMs }) => new NaivePostgres(url, slip, timeoutMs).reached(),
    faults: proxy,
    forget: () => proxy.close(),
  });
};

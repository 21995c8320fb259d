import { afterEach, beforeAll, beforeEach } from 'vitest';
import type { Ask, ConnectionOptions } from '#infrastructure/event-store/postgres/postgres-connection';
import { PostgresEventStore } from '#infrastructure/event-store/postgres/postgres-event-store';
import { Client } from 'pg';
import { bySql, type PostgresServer } from './postgres-server.js';

/**
 * One database for the tests of one file, without a journal before each of them: a database for each would cost a quarter of a second, and
 * a server that is killed flushes all that it has. Every store and session is closed after its test.
 */
export const postgresJournals = (server: () => PostgresServer) => {
  let database = '';
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    database = await server().newDatabase();
  });
  beforeEach(() => bySql(database, 'DROP SCHEMA IF EXISTS chainfold CASCADE'));
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  return {
    url: (): string => database,
    sql: (statements: string) => bySql(database, statements),
    open: async (options: Partial<ConnectionOptions> = {}): Promise<PostgresEventStore> => {
      const store = await PostgresEventStore.open({ url: database, mode: 'read-write', timeoutMs: 1000, ...options });
      closing.push(() => store.close());
      return store;
    },
    /** Another program's session, which may leave a transaction open. */
    session: async (): Promise<Ask> => {
      const client = new Client({ connectionString: database });
      await client.connect();
      closing.push(() => client.end());
      return async (text, values = []) =>
        (await client.query<Record<string, unknown>>(text, values.length === 0 ? undefined : [...values])).rows;
    },
  };
};

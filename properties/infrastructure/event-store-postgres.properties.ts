import { afterAll, beforeAll } from 'vitest';
import { eventStoreContract } from '../contracts/event-store.contract.js';
import { PostgresProxy } from '../product/postgres-proxy.js';
import { describeWithPostgres } from '../product/postgres-server.js';
import { inPostgres, type MakeJournal } from './event-store-journals.js';

describeWithPostgres('with a PostgreSQL server', (server) => {
  let proxy: PostgresProxy;
  let makeJournal: MakeJournal;
  beforeAll(async () => {
    proxy = await PostgresProxy.before(server());
    makeJournal = inPostgres(proxy.through(await server().newDatabase()), proxy);
  });
  afterAll(() => proxy.close());

  eventStoreContract('PostgreSQL', () => makeJournal(), ['faults']);
});

import { afterAll, beforeAll, describe, test } from 'vitest';
import { eventStoreContract } from '../contracts/event-store.contract.js';
import { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';
import { onProtocolServer, onRealKurrentDb } from './event-store-journals.js';

describe.each([
  { append: 'batch append', batchAppend: true },
  { append: 'unary append', batchAppend: false },
])('with the KurrentDB client and $append', ({ append, batchAppend }) => {
  let server: KurrentProtocolServer;
  beforeAll(async () => {
    server = await KurrentProtocolServer.start({ batchAppend });
  });
  afterAll(() => server.stop());

  eventStoreContract(`KurrentDB's protocol, ${append}`, () => onProtocolServer(server)(), [
    'faults',
    'duplicate delivery',
  ]);
});

const { KURRENTDB_URL } = process.env;
if (KURRENTDB_URL === undefined || KURRENTDB_URL === '') {
  const reason = 'the event store contract on a real KurrentDB: KURRENTDB_URL names none';
  console.warn(`left out: ${reason}`);
  test.skip(`left out: ${reason}`);
} else eventStoreContract('a real KurrentDB, without faults', onRealKurrentDb(KURRENTDB_URL));

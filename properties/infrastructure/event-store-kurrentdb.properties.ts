import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  EVENT_STORE_GUARANTEES,
  eventStoreContract,
  GUARANTEES_OF_APPENDING,
} from '../contracts/event-store.contract.js';
import { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';
import { onProtocolServer, onRealKurrentDb } from './event-store-journals.js';

describe.each([
  { append: 'batch append', batchAppend: true, guarantees: EVENT_STORE_GUARANTEES },
  // Reading is the same call with both; `npm run test:long` asks everything of both all the same.
  {
    append: 'unary append',
    batchAppend: false,
    guarantees: process.env.CHAINFOLD_BUDGET === 'long' ? EVENT_STORE_GUARANTEES : GUARANTEES_OF_APPENDING,
  },
])('with the KurrentDB client and $append', ({ append, batchAppend, guarantees }) => {
  let server: KurrentProtocolServer;
  beforeAll(async () => {
    server = await KurrentProtocolServer.start({ batchAppend });
  });
  afterAll(() => server.stop());

  eventStoreContract(
    `KurrentDB's protocol, ${append}`,
    () => onProtocolServer(server)(),
    ['faults', 'duplicate delivery'],
    guarantees,
  );
});

const { KURRENTDB_URL } = process.env;
if (KURRENTDB_URL === undefined || KURRENTDB_URL === '') {
  const reason = 'the event store contract on a real KurrentDB: KURRENTDB_URL names none';
  console.warn(`left out: ${reason}`);
  test.skip(`left out: ${reason}`);
} else eventStoreContract('a real KurrentDB, without faults', onRealKurrentDb(KURRENTDB_URL));

import { describe, expect, test } from 'vitest';
import { guaranteeTitled } from '../contracts/event-store.contract.js';
import { endsInTime } from '../contracts/event-store.fault-steps.js';
import { journalOf } from '../contracts/event-store.wiring.js';
import type { Journal } from '../contracts/journal.js';
import { NaiveKurrentDb, type KurrentSlip } from '../contracts/naive-kurrentdb.js';
import { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';

const REPLY_LOST = 'an append whose answer was lost is there once, and the same append again counts as success';
const APPEND_LOST =
  'an append that was lost on its way is made again or said to be unknown, and the same append then succeeds';
const STALLED =
  'a server that does not answer makes every call end in time as unreachable; when it goes on, the same append succeeds once';
const AWAY = 'a server that is away makes every call unreachable, and the same store goes on when it is back';
const KEPT = 'what was acknowledged is there when the server was killed and started';
const WATCHED = 'a subscriber that waits while the server is killed and started gets every event once and in order';
const KILLED =
  'of eight writers one wins each revision, and nothing is lost or there twice, while the server is killed again and again';
const TWICE = 'events that the server delivers twice reach readers and subscribers once';

/** Each switch of the server, and a slip that nobody would see without it. */
const SLIPS: readonly { readonly fault: string; readonly slip: KurrentSlip; readonly seenBy: string }[] = [
  { fault: 'loseNextReply', slip: 'gives an event another id at every attempt', seenBy: REPLY_LOST },
  { fault: 'loseNextAppend', slip: 'takes a broken connection for success', seenBy: APPEND_LOST },
  { fault: 'stall', slip: 'has no timer of its own', seenBy: STALLED },
  { fault: 'goOn', slip: 'gives an event another id at every attempt', seenBy: STALLED },
  { fault: 'stop', slip: 'reads a server that is away as streams without events', seenBy: AWAY },
  { fault: 'stop', slip: 'acknowledges before it is written', seenBy: KEPT },
  { fault: 'stop and start', slip: 'ends its subscription with the connection', seenBy: WATCHED },
  { fault: 'stop and start', slip: 'subscribes from its beginning again after an outage', seenBy: WATCHED },
  { fault: 'stop and start', slip: 'after a failure appends wherever the stream ends', seenBy: KILLED },
  { fault: 'duplicateDelivery', slip: 'hands on what the server delivers twice', seenBy: TWICE },
];

const onServerOfItsOwn = async (slip: KurrentSlip | null): Promise<Journal> => {
  const server = await KurrentProtocolServer.start();
  return journalOf({
    make: ({ timeoutMs }) => new NaiveKurrentDb(server.url, slip, timeoutMs).reached(),
    faults: server.faults,
    forget: () => server.stop(),
  });
};

describe.concurrent('a naive adapter of KurrentDB', () => {
  test.each(SLIPS)('is seen under $fault when it $slip', async ({ slip, seenBy }) => {
    const journal = await onServerOfItsOwn(slip);
    await expect(endsInTime(guaranteeTitled(seenBy).holds(journal))).rejects.toThrow();
    await journal.cleanup();
  });

  test.each([...new Set(SLIPS.map(({ seenBy }) => seenBy))])('holds without a slip: %s', async (title) => {
    const journal = await onServerOfItsOwn(null);
    await endsInTime(guaranteeTitled(title).holds(journal));
    await journal.cleanup();
  });
});

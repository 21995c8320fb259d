/**
 * How many events a second do the event stores take? Appends the blocks of a dense disk one append after the other, as a run does,
 * with 32 and with 256 events each, to every store in turn, round by round, so that what else the machine does meets all of
 * them. Prints the median of the rounds with the lowest and the highest. Nothing passes or fails; the figures are for people.
 *
 * Run: npm run bench:stores [ROUNDS]
 */
import { cpus, release, totalmem } from 'node:os';
import type { RecordedEvent } from '#application/journal/recorded-event';
import type { EventStore } from '#application/ports/event-store';
import type { Journal } from '../properties/contracts/journal.js';
import {
  inMemory,
  inPostgres,
  inSqlite,
  onProtocolServer,
  onRealKurrentDb,
  type MakeJournal,
} from '../properties/infrastructure/event-store-journals.js';
import { KurrentProtocolServer } from '../properties/kurrentdb-server/kurrent-protocol-server.js';
import { PostgresServer, postgresOrReason } from '../properties/product/postgres-server.js';
import { blockMerged, sealed } from '../properties/product/recorded-events.js';

const ROUNDS = Number(process.argv[2] ?? 7);
const EVENTS_PER_APPEND = [32, 256] as const;
const APPENDS = 24;

interface Contender {
  readonly name: string;
  readonly makeJournal: MakeJournal;
  readonly end: () => Promise<void>;
}

const nothing = async (): Promise<void> => undefined;

const onProtocol = async (name: string, batchAppend: boolean): Promise<Contender> => {
  const server = await KurrentProtocolServer.start({ batchAppend });
  return { name, makeJournal: onProtocolServer(server), end: () => server.stop() };
};

const onPostgres = async (): Promise<Contender[]> => {
  const reason = postgresOrReason();
  if (typeof reason === 'string') {
    console.log(`left out: PostgreSQL: ${reason}`);
    return [];
  }
  const server = await PostgresServer.make();
  return [{ name: 'PostgreSQL', makeJournal: inPostgres(await server.newDatabase()), end: () => server.remove() }];
};

const realKurrentDb = (): Contender[] => {
  const { KURRENTDB_URL: url } = process.env;
  if (url !== undefined && url !== '')
    return [{ name: 'KurrentDB (KURRENTDB_URL)', makeJournal: onRealKurrentDb(url), end: nothing }];
  console.log('left out: a real KurrentDB: KURRENTDB_URL names none');
  return [];
};

/** Events a second, without the time to make them. */
const measure = async ({ makeJournal }: Contender, eventsPerAppend: number): Promise<number> => {
  const journal: Journal = await makeJournal();
  try {
    const stream = `${journal.prefix}merge-bench`;
    const blocks = Array.from({ length: APPENDS * eventsPerAppend }, (_, block) => blockMerged(block));
    const events = sealed(stream, blocks);
    const store = await journal.open();
    // The first append of a stream does more than those that follow.
    await appendAll(store, stream, events.slice(0, eventsPerAppend), eventsPerAppend);
    const rest = events.slice(eventsPerAppend);
    const from = performance.now();
    await appendAll(store, stream, rest, eventsPerAppend);
    return rest.length / ((performance.now() - from) / 1000);
  } finally {
    await journal.cleanup();
  }
};

const appendAll = async (
  store: EventStore,
  stream: string,
  events: readonly RecordedEvent[],
  eventsPerAppend: number,
): Promise<void> => {
  for (let at = 0; at < events.length; at += eventsPerAppend) {
    const window = events.slice(at, at + eventsPerAppend);
    const { outcome } = await store.append(stream, window[0]!.revision - 1, window);
    if (outcome !== 'appended') throw new Error(`An append to ${stream} answered ${outcome}.`);
  }
};

const spread = (rates: readonly number[]): string => {
  const sorted = [...rates].sort((a, b) => a - b);
  const at = (index: number): string => Math.round(sorted[index] ?? Number.NaN).toLocaleString('en');
  return `${at(Math.floor(sorted.length / 2))} (${at(0)}–${at(sorted.length - 1)})`;
};

const contenders: readonly Contender[] = [
  { name: 'memory', makeJournal: inMemory, end: nothing },
  { name: 'SQLite', makeJournal: inSqlite, end: nothing },
  ...(await onPostgres()),
  await onProtocol('KurrentDB protocol server, batch append', true),
  await onProtocol('KurrentDB protocol server, unary append', false),
  ...realKurrentDb(),
];
const rates = new Map<string, number[]>();
const ratesOf = (name: string, eventsPerAppend: number): number[] => {
  const key = `${name} ${String(eventsPerAppend)}`;
  const known = rates.get(key) ?? [];
  rates.set(key, known);
  return known;
};
try {
  // Round 0 warms up and does not count.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const contender of contenders) {
      for (const eventsPerAppend of EVENTS_PER_APPEND) {
        const rate = await measure(contender, eventsPerAppend);
        if (round > 0) ratesOf(contender.name, eventsPerAppend).push(rate);
      }
    }
  }
} finally {
  for (const { end } of contenders) await end();
}

console.log(`
${cpus()[0]?.model ?? 'unknown processor'}, ${String(cpus().length)} threads, ${String(Math.round(totalmem() / 2 ** 30))} GiB, ${process.platform} ${release()}
Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, ${String(ROUNDS)} rounds of ${String(APPENDS - 1)} appends, one after the other
The KurrentDB protocol server is the tests' own: in memory, in this same process. Its figures are of the client and the adapter, and
say nothing of a real server. PostgreSQL is a real server of its own, on this machine, with fsync on.

| events/s: median (lowest–highest) | ${EVENTS_PER_APPEND.map((count) => `${String(count)} per append`).join(' | ')} |
| --- |${' ---: |'.repeat(EVENTS_PER_APPEND.length)}`);
for (const { name } of contenders)
  console.log(`| ${name} | ${EVENTS_PER_APPEND.map((count) => spread(ratesOf(name, count))).join(' | ')} |`);

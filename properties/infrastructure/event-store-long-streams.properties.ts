import { describe, expect, test } from 'vitest';
import { readJobState } from '#application/jobs/read-job-state';
import type { RecordedEvent } from '#application/journal/recorded-event';
import type { EventStore } from '#application/ports/event-store';
import { committedOf } from '#domain/merge-job/state';
import { EventJson } from '#infrastructure/event-store/event-json';
import { PATIENCE_MS, runs } from '../budget.js';
import { brokenAfter, streamOf } from '../contracts/event-store.steps.js';
import { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';
import { describeWithPostgres } from '../product/postgres-server.js';
import { tools } from '../product/recorded-events.js';
import { inMemory, inPostgres, inSqlite, onProtocolServer, type MakeJournal } from './event-store-journals.js';
import { EVENTS_BEFORE_BLOCKS, appendsOfJob } from '../product/long-job.js';

const { numRuns: EVENTS_READ } = runs(5_000, 100_000);
const { numRuns: BLOCKS_OF_A_JOB } = runs(5_000, 1_000_000);

/** A million events take many times as long to read, and a busy machine less than that to find one. */
const SOON_MS = 2_000;

const longStreams = (name: string, makeJournal: MakeJournal, blocksOfAJob = BLOCKS_OF_A_JOB): void => {
  describe(`long streams: ${name}`, { timeout: PATIENCE_MS }, () => {
    const withJob = async (blocks: number, use: (store: EventStore, stream: string) => Promise<void>) => {
      const journal = await makeJournal();
      try {
        const stream = streamOf(journal);
        await append(await journal.open(), stream, blocks);
        await use(await journal.open(), stream);
      } finally {
        await journal.cleanup();
      }
    };

    test(`${String(EVENTS_READ)} events are read forwards and backwards, each once and as it was appended`, async () => {
      const blocks = EVENTS_READ - EVENTS_BEFORE_BLOCKS;
      await withJob(blocks, async (store, stream) => {
        const hashes: string[] = [];
        let head: RecordedEvent | null = null;
        for await (const event of store.read(stream)) {
          // Each event as it was sealed, or its hash would differ; and each in its place in the chain.
          const broken = brokenAfter(head, event, stream);
          if (broken !== null) throw new Error(`Event ${String(event.revision)} ${broken}.`);
          hashes.push(event.hash);
          head = event;
        }
        expect(hashes.length).toBe(EVENTS_READ);
        let next = EVENTS_READ;
        for await (const { revision, hash } of store.read(stream, { direction: 'backwards' })) {
          next -= 1;
          if (revision !== next || hash !== hashes[next])
            throw new Error(`Backwards ${String(next)} is another event.`);
        }
        expect(next).toBe(0);
      });
    });

    test(`a job with ${String(blocksOfAJob)} blocks is known by its head, last block and state at once`, async () => {
      await withJob(blocksOfAJob, async (store, stream) => {
        const revision = blocksOfAJob + EVENTS_BEFORE_BLOCKS - 1;
        const head = await soon('head', () => store.head(stream));
        expect(head).toMatchObject({ stream, revision });
        for (const last of [
          await soon('last event', () => store.readLast(stream)),
          await soon('last block', () => store.readLast(stream, 'BlockMerged')),
        ])
          expect(last).toMatchObject({ revision, hash: head?.hash, data: { block: blocksOfAJob - 1 } });
        const reader = { store, codec: new EventJson(), digests: tools.digests };
        const { state } = await soon('state', () => readJobState(stream, reader));
        expect(committedOf(state).blocks).toBe(blocksOfAJob);
      });
    });
  });
};

const append = async (store: EventStore, stream: string, blocks: number): Promise<void> => {
  for (const events of appendsOfJob(stream, blocks)) {
    const expectedRevision = events[0]!.revision - 1;
    const { outcome } = await store.append(stream, expectedRevision, events);
    if (outcome !== 'appended') throw new Error(`The append at revision ${String(expectedRevision)} says ${outcome}.`);
  }
};

const soon = async <T>(what: string, question: () => Promise<T>): Promise<T> => {
  const from = performance.now();
  const answer = await question();
  const ms = performance.now() - from;
  if (ms > SOON_MS) throw new Error(`The ${what} took ${ms.toFixed(0)} ms, at most ${String(SOON_MS)} are allowed.`);
  return answer;
};

longStreams('in memory', inMemory);
longStreams('SQLite', inSqlite);

describeWithPostgres('long streams in PostgreSQL', (server) => {
  longStreams('PostgreSQL', async () => inPostgres(await server().newDatabase())());
});

longStreams("KurrentDB's protocol", async () => {
  const server = await KurrentProtocolServer.start();
  const journal = await onProtocolServer(server)();
  return {
    ...journal,
    cleanup: async () => {
      await journal.cleanup();
      await server.stop();
    },
  };
});

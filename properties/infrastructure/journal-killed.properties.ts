import { describe, test } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { KurrentProtocolServer } from '../kurrentdb-server/kurrent-protocol-server.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { describeWithPostgres } from '../product/postgres-server.js';
import { expectSurvivesJournalKills } from './journal-killed.js';

const { numRuns: KILLS } = runs(2, 20);
const title = `survives ${String(KILLS)} kills of it at random moments of one merge`;

describe('the journal in a KurrentDB protocol server', { timeout: PATIENCE_MS }, () => {
  const scratch = scratchFolder();

  test(title, async () => {
    const server = await KurrentProtocolServer.start();
    try {
      await expectSurvivesJournalKills(
        scratch(),
        { url: server.url, kill: () => server.stop(), start: () => server.start() },
        KILLS,
      );
    } finally {
      await server.stop();
    }
  });
});

describeWithPostgres('the journal in PostgreSQL', (server) => {
  const scratch = scratchFolder();

  test(
    title,
    async () => {
      const postgres = server();
      await expectSurvivesJournalKills(
        scratch(),
        { url: await postgres.newDatabase(), kill: () => postgres.kill(), start: () => postgres.start() },
        KILLS,
      );
    },
    PATIENCE_MS,
  );
});

import { EventStoreFault } from '#application/ports/event-store';
import { integerOf, isRow } from '../rows.js';
import type { Ask } from './postgres-connection.js';

interface Migration {
  readonly version: number;
  readonly says: string;
  readonly sql: string;
}

/**
 * The tables of a journal, all in the schema `chainfold`.
 *
 * - `events.json` is the truth, to the byte what `events --json` prints. Everything else stands beside it, to be found fast or
 *   read by people with SQL; `checkBeside` compares it with the truth.
 * - `streams` keeps each stream's head in the same transaction as its last event, so that a cut tail is seen, and is the row that
 *   writers of one stream meet at.
 * - Names in the order of their bytes, whatever language the database speaks.
 * - `events_by_type` leaves the blocks out: an index over a million of them would be large, and the last block is found at once
 *   by walking backwards, because little follows the blocks.
 */
const TABLES: Migration = {
  version: 1,
  says: 'streams and their events',
  sql: `
    CREATE TABLE chainfold.streams (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text COLLATE "C" NOT NULL UNIQUE,
      head_revision bigint NOT NULL,
      head_hash text NOT NULL
    );
    CREATE TABLE chainfold.events (
      stream_id bigint NOT NULL REFERENCES chainfold.streams (id),
      revision bigint NOT NULL,
      id uuid NOT NULL,
      type text NOT NULL,
      json text NOT NULL,
      position bigint GENERATED ALWAYS AS IDENTITY,
      transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
      PRIMARY KEY (stream_id, revision),
      UNIQUE (stream_id, id)
    );
    CREATE INDEX events_by_type ON chainfold.events (stream_id, type, revision) WHERE type <> 'BlockMerged';
  `,
};

/**
 * One order for readers of all streams. A position is given out before its transaction commits, so whoever remembers the last position
 * that he saw misses one that commits late. Here an event is shown only when every transaction before it has ended, and who remembers
 * the last pair (transaction, position) never misses one. The price: a writing transaction that is left open anywhere on the server
 * holds new events back. After a dump was restored on another server, set `transaction` to '3' everywhere: transactions count anew there.
 */
const ALL_EVENTS: Migration = {
  version: 2,
  says: 'all events in one order',
  sql: `
    CREATE INDEX events_in_order ON chainfold.events (transaction, position);
    CREATE VIEW chainfold.all_events AS
      SELECT events.transaction, events.position, streams.name AS stream, events.revision, events.id, events.type, events.json
      FROM chainfold.events JOIN chainfold.streams ON streams.id = events.stream_id
      WHERE events.transaction < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY events.transaction, events.position;
  `,
};

const MIGRATIONS: readonly Migration[] = [TABLES, ALL_EVENTS];
const NEWEST = Math.max(...MIGRATIONS.map(({ version }) => version));

const VERSIONS = `
  CREATE TABLE chainfold.journal_versions (
    version bigint PRIMARY KEY,
    says text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`;

/** "CFLD": whoever brings a journal up to date in a database holds this advisory lock. */
const MIGRATION_LOCK = 0x43464c44;

/**
 * The version of the journal in the database; 0 when there is none. Refuses a schema `chainfold` that is not ours and a journal
 * of a later release, and writes nothing.
 */
const journalVersion = async (ask: Ask, place: string): Promise<number> => {
  const [found] = await ask(
    `SELECT to_regclass('chainfold.journal_versions') IS NOT NULL AS ours,
            (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('chainfold')) AS relations`,
  );
  // An empty schema is how an administrator prepares it for a role that may not make one.
  if (isRow(found) && found.ours !== true && integerOf(found, 'relations') === 0) return 0;
  if (!isRow(found) || found.ours !== true) {
    throw new EventStoreFault(
      `${place} has a schema chainfold that is not a journal of chainfold. Name another database with --journal.`,
    );
  }
  const [row] = await ask('SELECT max(version) AS version FROM chainfold.journal_versions');
  const version = integerOf(row, 'version');
  if (version > NEWEST) {
    throw new EventStoreFault(
      `${place} holds a journal of version ${String(version)}, this release knows versions up to ${String(NEWEST)}. Use a newer chainfold.`,
    );
  }
  return version;
};

/** Whether there is a journal to read. Makes nothing. */
export const isJournalThere = async (ask: Ask, place: string): Promise<boolean> => {
  const version = await journalVersion(ask, place);
  if (version === 0 || version === NEWEST) return version !== 0;
  throw new EventStoreFault(
    `${place} holds a journal of version ${String(version)}, this release reads ${String(NEWEST)}. Open it for writing once, with any command that writes.`,
  );
};

/** Makes the journal, or brings it up to date: in one transaction, by whoever comes first, while the others wait. */
export const ensureJournal = async (ask: Ask, place: string): Promise<void> => {
  if ((await journalVersion(ask, place)) === NEWEST) return;
  // An error on the way ends the connection, and with it the transaction.
  await ask('BEGIN');
  await ask('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  const version = await journalVersion(ask, place);
  if (version === 0) await makeVersions(ask);
  for (const migration of MIGRATIONS.filter((each) => each.version > version)) {
    await ask(migration.sql);
    await ask('INSERT INTO chainfold.journal_versions (version, says) VALUES ($1, $2)', [
      migration.version,
      migration.says,
    ]);
  }
  await ask('COMMIT');
};

/** CREATE SCHEMA asks for the right to make one even when it is there. */
const makeVersions = async (ask: Ask): Promise<void> => {
  const [row] = await ask("SELECT to_regnamespace('chainfold') IS NULL AS missing");
  if (isRow(row) && row.missing === true) await ask('CREATE SCHEMA chainfold');
  await ask(VERSIONS);
};

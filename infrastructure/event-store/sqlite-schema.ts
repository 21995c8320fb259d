import { EventStoreFault } from '#application/ports/event-store';
import { isRow } from './rows.js';
import type { SqliteDatabase } from './sqlite-driver.js';

/**
 * The tables of a journal.
 *
 * - `events.json` is the truth, to the byte what `events --json` prints. Everything else stands beside it, to be found fast or
 *   read by people with SQL; `checkBeside` compares it with the truth.
 * - `streams` keeps each stream's head in the same transaction as its last event, so that a cut tail is seen.
 * - WITHOUT ROWID: a stream is read in the order of its key, and lies on disk in that order. Pages of 8 KiB, because a row
 *   longer than a quarter of its page would take a page of its own besides, and events with long names come to 1 KiB.
 * - `events_by_type` leaves the blocks out: an index over a million of them would cost a third of the file, and the last block
 *   is found at once by walking backwards, because little follows the blocks.
 */
const TABLES = `
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    head_revision INTEGER NOT NULL,
    head_hash TEXT NOT NULL
  ) STRICT;
  CREATE TABLE events (
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    json TEXT NOT NULL,
    block INTEGER,
    total_blocks INTEGER,
    total_bytes INTEGER,
    next_block INTEGER,
    PRIMARY KEY (stream_id, revision)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX events_by_type ON events (stream_id, type, revision) WHERE type <> 'BlockMerged';
`;

export const PAGE_SIZE = 8192;

/** Of the tables above. Raised when an older release could no longer write them soundly. */
const SCHEMA_VERSION = 1;

/** "CFLD", at byte 68 of the file: tells a journal from any other SQLite database (sqlite.org/fileformat.html). */
const APPLICATION_ID = 0x43464c44;

export type SchemaState = 'none' | 'current';

/**
 * Refuses, before anything is written, a database that is not a journal and a journal of a later release.
 * `none`: an empty database, as a process leaves it that dies while making one.
 */
export const checkSchema = (database: SqliteDatabase, path: string): SchemaState => {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  const tables = database.prepare('SELECT count(*) AS value FROM sqlite_schema').get();
  if (version === 0 && application === 0 && isRow(tables) && tables.value === 0) return 'none';
  if (application !== APPLICATION_ID) {
    throw new EventStoreFault(
      `${path} is an SQLite database, but not a journal of chainfold. Name another file with --journal.`,
    );
  }
  if (version !== SCHEMA_VERSION) {
    throw new EventStoreFault(
      `${path} is a journal of version ${String(version)}, this release reads version ${String(SCHEMA_VERSION)}. Use a newer chainfold.`,
    );
  }
  return 'current';
};

/** Inside a transaction, by whoever comes first. */
export const createSchema = (database: SqliteDatabase, path: string): void => {
  if (checkSchema(database, path) === 'current') return;
  database.exec(TABLES);
  database.exec(`PRAGMA application_id = ${String(APPLICATION_ID)}; PRAGMA user_version = ${String(SCHEMA_VERSION)};`);
};

/** The answer of a pragma that answers with one value. */
export const pragma = (database: SqliteDatabase, name: string): unknown => {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return isRow(row) ? Object.values(row)[0] : undefined;
};

import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { EventStoreFault } from '#application/ports/event-store';
import {
  ensurePrivateFile,
  ensurePrivateFolder,
  flushNames,
  isOnNetwork,
  keyOf,
} from '../file-system/private-folder.js';
import { integerOf } from './rows.js';
import { PAGE_SIZE, checkSchema, createSchema, pragma } from './sqlite-schema.js';
import { SQLITE, isBusy, sqliteCodeOf, type SqliteDatabase, type SqliteDriver } from './sqlite-driver.js';

/** How long a call waits for another process's transaction. Ours take milliseconds. */
const BUSY_TIMEOUT_MS = 5000;
/** How long opening goes on trying: some steps want to be alone, and SQLite does not wait for those by itself. */
const OPEN_TIMEOUT_MS = 15_000;

/**
 * A connection whose commits are durable when they return, to a journal whose content is durable:
 *
 * - WAL with synchronous=FULL. Where SQLite cannot have WAL (no shared memory), and on network file systems, where it would
 *   corrupt: a rollback journal (DELETE) with synchronous=EXTRA, which flushes the folder as well.
 * - A commit whose flush failed is in the WAL all the same, and the next one to open it reads it out of the page cache
 *   (measured). So the WAL is written into the database and flushed, here, before anything that was read counts.
 */
export const openForWriting = async (
  path: string,
  driver: SqliteDriver,
  assumed: { readonly network?: boolean } = {},
): Promise<SqliteDatabase> => {
  const folder = dirname(path);
  await ensurePrivateFolder(folder);
  ensurePrivateFile(path);
  const network = assumed.network ?? isOnNetwork(path);
  const database = driver.open(path, { readOnly: false });
  try {
    database.exec(`PRAGMA busy_timeout = ${String(BUSY_TIMEOUT_MS)}`);
    // Before the first access: what was a WAL journal elsewhere is then read without shared memory, which there is none of here.
    if (network) database.exec('PRAGMA locking_mode = EXCLUSIVE');
    const until = performance.now() + OPEN_TIMEOUT_MS;
    await untilFree(until, path, () => {
      if (checkSchema(database, path) === 'none') database.exec(`PRAGMA page_size = ${String(PAGE_SIZE)}`);
    });
    await untilFree(until, path, () => makeDurable(database, network));
    await untilFree(until, path, () => inTransaction(database, () => createSchema(database, path)));
    await untilFree(until, path, () => foldInWal(database));
    await flushNames(folder);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

/**
 * Reads what is there, makes nothing, folds nothing in. Null when there is no journal, or an empty one. Where SQLite may not make
 * its shared memory (a read-only mount, someone else's folder) a journal without a write-ahead log is read as a file that
 * nobody changes.
 */
export const openForReading = (path: string, driver: SqliteDriver): SqliteDatabase | null => {
  if (keyOf(path) === null) return null;
  try {
    return readableAt(path, path, driver);
  } catch (error) {
    if (!mayNotWriteBeside(error) || keyOf(`${path}-wal`) !== null) throw error;
    const unchanging = pathToFileURL(path);
    unchanging.searchParams.set('immutable', '1');
    return readableAt(unchanging.href, path, driver);
  }
};

const mayNotWriteBeside = (error: unknown): boolean => {
  const code = sqliteCodeOf(error);
  return code === SQLITE.cannotOpen || code === SQLITE.readOnly;
};

const readableAt = (location: string, path: string, driver: SqliteDriver): SqliteDatabase | null => {
  const database = driver.open(location, { readOnly: true });
  try {
    database.exec(`PRAGMA busy_timeout = ${String(BUSY_TIMEOUT_MS)}`);
    if (checkSchema(database, path) === 'current') return database;
  } catch (error) {
    database.close();
    throw error;
  }
  database.close();
  return null;
};

/** All or nothing, alone among the writers from its first statement on. An error of the work or of the commit comes out as it is. */
export const inTransaction = <T>(database: SqliteDatabase, work: () => T): T => {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    rollBack(database, error);
    throw error;
  }
};

/** After some errors SQLite has rolled back by itself and says so here; the first error is then the one that tells. */
const rollBack = (database: SqliteDatabase, because: unknown): void => {
  try {
    database.exec('ROLLBACK');
  } catch (error) {
    if (error instanceof Error && error.message.includes('no transaction is active')) return;
    throw new AggregateError([because, error], 'A transaction failed, and so did taking it back.', { cause: error });
  }
};

const makeDurable = (database: SqliteDatabase, network: boolean): void => {
  database.exec('PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;');
  // macOS: a plain fsync does not reach the platter. Means nothing elsewhere.
  database.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;');
  if (!network && pragma(database, 'journal_mode = WAL') === 'wal') {
    database.exec('PRAGMA synchronous = FULL');
    return;
  }
  const mode = pragma(database, 'journal_mode = DELETE');
  if (mode !== 'delete') {
    throw new EventStoreFault(
      `SQLite keeps the journal in mode ${String(mode)} here, neither WAL nor DELETE: it would not be durable.`,
    );
  }
  database.exec('PRAGMA synchronous = EXTRA; PRAGMA locking_mode = NORMAL;');
  // An exclusive lock is given back by the next access, not by the pragma.
  database.prepare('SELECT count(*) FROM sqlite_schema').get();
};

/** Throws when a reader of the old WAL is in the way. In mode DELETE there is nothing to do, and SQLite says so. */
const foldInWal = (database: SqliteDatabase): void => {
  const row = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  if (integerOf(row, 'busy') !== 0) throw new WalInUse();
};

class WalInUse extends Error {
  constructor() {
    super('Another process reads the write-ahead log.');
    this.name = 'WalInUse';
  }
}

const untilFree = async (until: number, path: string, step: () => void): Promise<void> => {
  for (;;) {
    try {
      step();
      return;
    } catch (error) {
      if (!isBusy(error) && !(error instanceof WalInUse)) throw error;
      if (performance.now() > until) {
        throw new EventStoreFault(`${path} is held by another process. Try again when that is done.`, { cause: error });
      }
    }
    await delay(20);
  }
};

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { loadSqlite } from '#infrastructure/event-store/sqlite-driver';
import { SqliteEventStore, type SqliteOptions } from '#infrastructure/event-store/sqlite-event-store';
import { meddledSqlite, type Meddling } from './meddled-sqlite.js';
import { scratchFolder } from '../models/scratch-folder.js';

export const sqlite = await loadSqlite();

/** SQLite journals in a scratch folder, for the tests of one file. Every store is closed after its test. */
export const sqliteJournals = () => {
  const folder = scratchFolder();
  const stores: SqliteEventStore[] = [];
  let journals = 0;
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });
  const open = async (path: string, options: Partial<SqliteOptions> = {}): Promise<SqliteEventStore> => {
    const store = await SqliteEventStore.open({ path, mode: 'read-write', ...options });
    stores.push(store);
    return store;
  };
  return {
    folder,
    /** In a folder that is not there yet. */
    newPath: (): string => join(folder(), String((journals += 1)), 'journal.db'),
    open,
    openMeddled: (path: string, meddling: Meddling) => open(path, { driver: meddledSqlite(sqlite, meddling) }),
  };
};

/** Changes or asks a journal by SQL, beside the store; gives back the first value of the first row. */
export const bySql = (path: string, sql: string): unknown => {
  const database = sqlite.open(path, { readOnly: false });
  const [row] = database.prepare(sql).all();
  database.close();
  return typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined;
};

export const filesBeside = (path: string): string[] => readdirSync(join(path, '..')).sort();

import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NO_STREAM, EventStoreFault } from '#application/ports/event-store';
import { numbered } from '../../properties/product/recorded-events.js';
import { STREAM, allOf } from '../../properties/contracts/event-store.steps.js';
import { CANNOT_OPEN, IO_ERROR_FSYNC, meddledSqlite, sqliteError } from '../../properties/product/meddled-sqlite.js';
import { bySql, filesBeside, sqlite, sqliteJournals } from '../../properties/product/sqlite-journals.js';
import { isOnNetwork } from '../file-system/private-folder.js';
import { openForWriting } from './sqlite-connection.js';
import type { SqliteDriver } from './sqlite-driver.js';

const events = numbered(STREAM, 6);
const { folder, newPath, open, openMeddled } = sqliteJournals();
/** A sandbox may have its temporary files on a file system where WAL is refused. */
const noWal = isOnNetwork(tmpdir());

describe('a new journal', () => {
  test.skipIf(noWal || process.platform === 'win32')(
    'and the folders made for it are for this user alone',
    async () => {
      const path = join(folder(), 'new', 'state', 'journal.db');
      await (await open(path)).append(STREAM, NO_STREAM, events);
      const made = [path, `${path}-wal`, `${path}-shm`, join(path, '..'), join(path, '..', '..')];
      expect(made.map((name) => (statSync(name).mode & 0o777).toString(8))).toEqual([
        '600',
        '600',
        '600',
        '700',
        '700',
      ]);
    },
  );

  test.skipIf(noWal)('is a WAL database, written with a flush at every commit', async () => {
    const path = newPath();
    const asked: string[] = [];
    await openMeddled(path, { after: (sql) => void asked.push(sql) });
    expect(bySql(path, 'PRAGMA journal_mode')).toBe('wal');
    expect(asked).toContain('PRAGMA synchronous = FULL');
    expect(asked.filter((sql) => sql.includes('synchronous'))).toHaveLength(1);
  });

  test('has a rollback journal with synchronous EXTRA where SQLite cannot have a WAL', async () => {
    const path = newPath();
    const asked: string[] = [];
    const store = await openMeddled(path, {
      before: (sql) => (sql === 'PRAGMA journal_mode = WAL' ? { journal_mode: 'delete' } : undefined),
      after: (sql) => void asked.push(sql),
    });
    await store.append(STREAM, NO_STREAM, events);
    expect(asked.join()).toContain('synchronous = EXTRA');
    expect(filesBeside(path)).toEqual(['journal.db']);
    expect(await allOf(store.read(STREAM))).toEqual(events);
  });

  test('is refused where SQLite can have neither', async () => {
    const opened = openMeddled(newPath(), {
      before: (sql) => (sql.startsWith('PRAGMA journal_mode') ? { journal_mode: 'memory' } : undefined),
    });
    await expect(opened).rejects.toThrow('it would not be durable');
  });
});

test.skipIf(noWal)('a journal on a network file system has no WAL, nor shared memory, also one that had', async () => {
  const path = newPath();
  mkdirSync(join(path, '..'));
  // Made without a statement: the package keeps a closed connection's lock until its statements are collected.
  const wal = sqlite.open(path, { readOnly: false });
  wal.exec('PRAGMA journal_mode = WAL');
  wal.close();
  const beside = new Set<string>();
  const look = (): void => filesBeside(path).forEach((name) => beside.add(name));
  const database = await openForWriting(path, meddledSqlite(sqlite, { after: look }), { network: true });
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
  expect([...beside]).not.toContain('journal.db-shm');
  database.close();
  expect(await allOf((await open(path)).read(STREAM))).toEqual([]);
});

describe('opening a journal', () => {
  test('fails when SQLite fails, with what SQLite said', async () => {
    const opened = openMeddled(newPath(), {
      after: (sql) => {
        if (sql.includes('wal_checkpoint')) throw sqliteError(IO_ERROR_FSYNC, 'disk I/O error');
      },
    });
    await expect(opened).rejects.toThrow(/cannot be opened: disk I\/O error/);
  });

  test('refuses one of a later release, and changes nothing of it', async () => {
    const path = newPath();
    await open(path);
    bySql(path, 'PRAGMA user_version = 2');
    for (const mode of ['read-write', 'read-only'] as const) {
      await expect(open(path, { mode })).rejects.toThrow(/version 2, this release reads version 1/);
    }
  });

  test('refuses a database of someone else, and changes nothing of it', async () => {
    const path = `${folder()}/someone.db`;
    const database = sqlite.open(path, { readOnly: false });
    database.exec('CREATE TABLE photos (name TEXT)');
    database.close();
    copyFileSync(path, `${path}.before`);
    for (const mode of ['read-write', 'read-only'] as const) {
      await expect(open(path, { mode })).rejects.toThrow('not a journal of chainfold');
    }
    expect(statSync(path).size).toBe(statSync(`${path}.before`).size);
    expect(bySql(path, 'PRAGMA journal_mode')).toBe('delete');
  });

  test('says what a file is not', async () => {
    const path = `${folder()}/text.db`;
    writeFileSync(path, 'not a database '.repeat(100));
    await expect(open(path)).rejects.toThrow(/file is not a database\. This file is no journal/);
    await expect(open(folder())).rejects.toThrow(EventStoreFault);
    await expect(open(join(path, 'journal.db'))).rejects.toThrow(EventStoreFault);
  });

  test.skipIf(noWal)(
    'folds the write-ahead log into the database and flushes it, before anything that is read counts',
    async () => {
      const path = newPath();
      await (await open(path)).append(STREAM, NO_STREAM, events);
      expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
      await open(path);
      expect(statSync(`${path}-wal`).size).toBe(0);
    },
  );

  test('waits for those who are in the way of that, and fails rather than go without', async () => {
    const path = newPath();
    let refusals = 3;
    const inTheWay = (sql: string) =>
      sql.includes('wal_checkpoint') && refusals-- > 0 ? { busy: 1, log: 2, checkpointed: 0 } : undefined;
    await openMeddled(path, { before: inTheWay });
    expect(refusals).toBe(-1);
  });

  test('to read finds nothing where nothing is, makes nothing, and finds what comes later', async () => {
    const path = newPath();
    const reader = await open(path, { mode: 'read-only' });
    expect(await reader.head(STREAM)).toBeNull();
    for await (const { stream } of reader.list('')) expect.unreachable(stream);
    expect(await allOf(reader.read(STREAM))).toEqual([]);
    expect(await reader.checkBeside(STREAM)).toEqual([]);
    expect(existsSync(join(path, '..'))).toBe(false);
    await (await open(path)).append(STREAM, NO_STREAM, events);
    expect(await allOf(reader.read(STREAM))).toEqual(events);
  });

  test.skipIf(noWal)('to read folds no log in and appends nothing', async () => {
    const path = newPath();
    await (await open(path)).append(STREAM, NO_STREAM, events);
    const { size } = statSync(`${path}-wal`);
    const reader = await open(path, { mode: 'read-only' });
    expect(await allOf(reader.read(STREAM))).toEqual(events);
    await expect(reader.append(STREAM, 5, [])).rejects.toThrow('opened to be read');
    expect(statSync(`${path}-wal`).size).toBe(size);
  });
});

test('a journal on a read-only mount is read as a file that nobody changes, unless a log lies beside it', async (context) => {
  const path = newPath();
  const writer = await open(path);
  await writer.append(STREAM, NO_STREAM, events);
  bySql(path, 'PRAGMA wal_checkpoint(TRUNCATE)');
  const copy = join(folder(), 'odd % name?#', 'journal.db');
  mkdirSync(join(copy, '..'));
  copyFileSync(path, copy);
  const readOnlyMount: SqliteDriver = {
    open: (location, options) => {
      if (!location.startsWith('file:')) throw sqliteError(CANNOT_OPEN, 'unable to open database file');
      try {
        return sqlite.open(location, options);
      } catch (error) {
        // The SQLite of Node before 22.15 takes no URIs.
        context.skip(String(error));
        throw error;
      }
    },
  };
  const reader = await open(copy, { mode: 'read-only', driver: readOnlyMount });
  expect(await allOf(reader.read(STREAM))).toEqual(events);
  expect(filesBeside(copy)).toEqual(['journal.db']);
  writeFileSync(`${copy}-wal`, '');
  await expect(open(copy, { mode: 'read-only', driver: readOnlyMount })).rejects.toThrow('unable to open');
});

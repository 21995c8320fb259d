import type { SqliteDatabase, SqliteDriver } from '#infrastructure/event-store/sqlite-driver';

export interface Meddling {
  /** May throw instead of the statement, or give a row that is answered without asking SQLite. */
  readonly before?: (sql: string) => object | undefined;
  /** May throw although the statement was carried out. */
  readonly after?: (sql: string) => void;
}

/** The real SQLite with somebody between it and the store: for errors that a sound disk does not give. */
export const meddledSqlite = (sqlite: SqliteDriver, { before, after }: Meddling): SqliteDriver => ({
  open: (location, options): SqliteDatabase => {
    const database = sqlite.open(location, options);
    const through = <T>(sql: string, work: () => T): T | object => {
      const answer = before?.(sql);
      if (answer !== undefined) return answer;
      const result = work();
      after?.(sql);
      return result;
    };
    return {
      exec: (sql) => void through(sql, () => database.exec(sql)),
      prepare: (sql) => {
        const statement = database.prepare(sql);
        return {
          run: (...values) => through(sql, () => statement.run(...values)),
          get: (...values) => through(sql, () => statement.get(...values)),
          all: (...values) => through(sql, () => statement.all(...values)) as unknown[],
        };
      },
      close: () => database.close(),
    };
  },
});

/** An error as the API of `node:sqlite` throws it; the extended result code as in sqlite3.h. */
export const sqliteError = (errcode: number, message: string): Error =>
  Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode });

export const IO_ERROR_FSYNC = 10 | (4 << 8);
export const FULL = 13;
export const BUSY = 5;
export const CANNOT_OPEN = 14;

import { isBuiltin } from 'node:module';

/**
 * The part of the `node:sqlite` API that the store uses: what Node 22.13 and `@photostructure/sqlite` 1.2.1 both have.
 * Written out here because the types of that package return `any`.
 */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export interface SqliteStatement {
  run(...values: readonly SqliteValue[]): unknown;
  get(...values: readonly SqliteValue[]): unknown;
  all(...values: readonly SqliteValue[]): unknown[];
}

export type SqliteValue = string | number | null;

export interface SqliteDriver {
  open(location: string, options: { readonly readOnly: boolean }): SqliteDatabase;
}

interface SqliteModule {
  readonly DatabaseSync: new (location: string, options: { readonly readOnly: boolean }) => SqliteDatabase;
}

/** Node's own SQLite where it has one without a flag (22.13), else the package with the same API. Loaded when first needed. */
export const loadSqlite = async (): Promise<SqliteDriver> => {
  const { DatabaseSync } = builtIn() ?? (await import('@photostructure/sqlite'));
  return { open: (location, options) => new DatabaseSync(location, options) };
};

const builtIn = (): SqliteModule | null => {
  if (!isBuiltin('node:sqlite')) return null;
  const module = withoutSqliteWarning(() => process.getBuiltinModule('node:sqlite'));
  return isSqliteModule(module) ? module : null;
};

const isSqliteModule = (module: unknown): module is SqliteModule =>
  typeof module === 'object' &&
  module !== null &&
  'DatabaseSync' in module &&
  typeof module.DatabaseSync === 'function';

/**
 * Node warns once that its SQLite is experimental: nothing the person at the console can act on. That one warning, given while
 * `load` runs, is left out; every other goes its way. `load` is synchronous, so nobody else's warning can fall in between.
 */
const withoutSqliteWarning = <T>(load: () => T): T => {
  const emitWarning = Reflect.get<NodeJS.Process, 'emitWarning'>(process, 'emitWarning');
  const filtered = (...given: unknown[]): void => {
    const [warning, type] = given;
    if (type === 'ExperimentalWarning' && String(warning).startsWith('SQLite is an experimental feature')) return;
    Reflect.apply(emitWarning, process, given);
  };
  process.emitWarning = filtered;
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
};

/** SQLite's primary result code (sqlite3.h), or null when the error is not SQLite's. */
export const sqliteCodeOf = (error: unknown): number | null =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null;

export const SQLITE = { busy: 5, locked: 6, readOnly: 8, full: 13, cannotOpen: 14, notADatabase: 26 } as const;

/** Somebody else holds the lock; nothing was done and the connection is as good as before. */
export const isBusy = (error: unknown): boolean => {
  const code = sqliteCodeOf(error);
  return code === SQLITE.busy || code === SQLITE.locked;
};

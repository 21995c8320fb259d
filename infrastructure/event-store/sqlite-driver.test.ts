import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { isBusy, loadSqlite, sqliteCodeOf } from './sqlite-driver.js';

describe('SQLite as Node or the package brings it', () => {
  test('is 3.37 or newer, the first with STRICT tables', async () => {
    const database = (await loadSqlite()).open(':memory:', { readOnly: false });
    const row = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
    database.close();
    const [major = 0, minor = 0] = row.version.split('.').map(Number);
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(3037);
  });

  test('is loaded without a warning, and every other warning still comes out', () => {
    const driver = new URL('./sqlite-driver.ts', import.meta.url).href;
    const script = `
      import { loadSqlite } from ${JSON.stringify(driver)};
      (await loadSqlite()).open(':memory:', { readOnly: false }).close();
      process.emitWarning('something else is experimental', 'ExperimentalWarning');`;
    const flags = ['--conditions=source', '--import', 'tsx', '--input-type=module', '--eval', script];
    const { stderr, status } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stderr).not.toContain('SQLite');
    expect(stderr).toContain('something else is experimental');
  });

  test('says in its errors which code it means', async () => {
    const database = (await loadSqlite()).open(':memory:', { readOnly: false });
    const errorOf = (sql: string): unknown => {
      try {
        database.exec(sql);
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const constraint = errorOf('CREATE TABLE t (a PRIMARY KEY); INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);');
    // SQLITE_CONSTRAINT; the extended code says which constraint.
    expect(sqliteCodeOf(constraint)).toBe(19);
    expect(isBusy(constraint)).toBe(false);
    expect(sqliteCodeOf(new Error('other'))).toBeNull();
    database.close();
  });
});

import { expect, test } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { STREAM, allOf } from '../../../properties/contracts/event-store.steps.js';
import { postgresJournals } from '../../../properties/product/postgres-journals.js';
import { describeWithPostgres } from '../../../properties/product/postgres-server.js';
import { numbered } from '../../../properties/product/recorded-events.js';
import type { Ask } from './postgres-connection.js';
import { prepareSession } from './postgres-session.js';

const events = numbered(STREAM, 3);

/** A server that says this of itself, where a sound one cannot be made to. */
const saying =
  (answers: object): Ask =>
  async () => [{ version: 15, encoding: 'UTF8', fsync: 'on', standby: false, ...answers }];

describeWithPostgres('a session with PostgreSQL', (server) => {
  const { open, sql, url } = postgresJournals(server);
  const database = (): string => new URL(url()).pathname.slice(1);
  const as = (role: string): string => url().replace('chainfold@', `${role}@`);

  test('acknowledges only what is on disk, whatever the database has been set to', async () => {
    const store = await open();
    await sql(`ALTER DATABASE ${database()} SET synchronous_commit = off`);
    await sql(`ALTER DATABASE ${database()} SET default_transaction_read_only = on`);
    try {
      // Tells the setting of the session that appends.
      await sql(`
        CREATE TABLE chainfold.seen (setting text);
        CREATE FUNCTION chainfold.see() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO chainfold.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
        CREATE TRIGGER see AFTER INSERT ON chainfold.events EXECUTE FUNCTION chainfold.see()`);
      await (await open()).append(STREAM, NO_STREAM, events);
      expect(await sql('SELECT setting FROM chainfold.seen')).toEqual([{ setting: 'on' }]);
    } finally {
      await sql(`ALTER DATABASE ${database()} RESET ALL`);
    }
    expect(await allOf(store.read(STREAM))).toEqual(events);
  });

  test('is refused for writing by a server that does not flush, and says what to do; reading is allowed', async () => {
    await (await open()).append(STREAM, NO_STREAM, events);
    await server().stop();
    await server().start({ fsync: 'off' });
    try {
      await expect(open()).rejects.toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('Set fsync = on') as string,
      });
      expect(await allOf((await open({ mode: 'read-only' })).read(STREAM))).toEqual(events);
    } finally {
      await server().stop();
      await server().start();
    }
  });

  test('may be that of a role which can only read', async () => {
    await (await open()).append(STREAM, NO_STREAM, events);
    await sql('DROP ROLE IF EXISTS auditor; CREATE ROLE auditor LOGIN');
    const advice = { kind: 'failed', message: expect.stringContaining('USAGE on the schema chainfold') as string };
    await expect(open({ url: as('auditor'), mode: 'read-only' })).rejects.toMatchObject(advice);
    await sql('GRANT USAGE ON SCHEMA chainfold TO auditor; GRANT SELECT ON ALL TABLES IN SCHEMA chainfold TO auditor');
    const reader = await open({ url: as('auditor'), mode: 'read-only' });
    expect(await allOf(reader.read(STREAM))).toEqual(events);
    expect(await reader.checkBeside(STREAM)).toEqual([]);
    const writer = await open({ url: as('auditor') });
    await expect(writer.append(STREAM, 2, numbered(STREAM, 4).slice(3))).rejects.toMatchObject(advice);
  });

  test.each([
    ['a role that is not there', () => as('nobody'), 'Check the user and the password'],
    ['a database that is not there', () => `${url()}0`, 'createdb'],
  ])('with %s is refused at once, with what to do', async (_what, place, advice) => {
    await expect(open({ url: place() })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(advice) as string,
    });
  });

  test('of a role that has used up its connections is one to wait for', async () => {
    await sql('DROP ROLE IF EXISTS crowd; CREATE ROLE crowd LOGIN CONNECTION LIMIT 0');
    await expect(open({ url: as('crowd'), mode: 'read-only' })).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test.each([
    [{ version: 13 }, 'failed', 'PostgreSQL 13, a journal needs 14'],
    [{ encoding: 'SQL_ASCII' }, 'failed', 'createdb --encoding=UTF8'],
    [{ standby: true }, 'unreachable', 'Name the primary server'],
  ])('with a server that says %o is refused', async (answers, kind, words) => {
    await expect(prepareSession(saying(answers), 'read-write', 1000, 'postgres://db/jobs')).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(new RegExp(`^postgres://db/jobs: .*${words}`)) as string,
    });
  });

  test('may read from a standby', async () => {
    await expect(prepareSession(saying({ standby: true }), 'read-only', 1000, '')).resolves.toBeUndefined();
  });
});

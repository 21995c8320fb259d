import { expect, test } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { STREAM, allOf } from '../../../properties/contracts/event-store.steps.js';
import { postgresJournals } from '../../../properties/product/postgres-journals.js';
import { describeWithPostgres } from '../../../properties/product/postgres-server.js';
import { blockMerged, numbered, sealed, unsealed } from '../../../properties/product/recorded-events.js';
import { lastOfType } from './postgres-queries.js';

const events = numbered(STREAM, 3);

describeWithPostgres('a PostgreSQL database', (server) => {
  const { open, session, sql, url } = postgresJournals(server);
  const relations = () => sql("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('chainfold')::oid");

  test('is made a journal by whoever opens it first, once, when eight come at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open({ timeoutMs: 10_000 })));
    expect(await sql('SELECT version, says FROM chainfold.journal_versions ORDER BY version')).toEqual([
      { version: '1', says: 'streams and their events' },
      { version: '2', says: 'all events in one order' },
    ]);
    await stores[0]?.append(STREAM, NO_STREAM, events);
    for (const store of stores) expect(await allOf(store.read(STREAM))).toEqual(events);
  });

  test('that is opened to be read is left as it is, reads as empty, and is found once there is a journal', async () => {
    const reader = await open({ mode: 'read-only' });
    expect(await reader.head(STREAM)).toBeNull();
    expect(await reader.readLast(STREAM)).toBeNull();
    expect(await reader.checkBeside(STREAM)).toEqual([]);
    expect(await allOf(reader.read(STREAM))).toEqual([]);
    expect(await sql("SELECT to_regnamespace('chainfold') AS schema")).toEqual([{ schema: null }]);
    await (await open()).append(STREAM, NO_STREAM, events);
    expect(await allOf(reader.read(STREAM))).toEqual(events);
    await expect(reader.append(STREAM, 2, [])).rejects.toThrow('Bug: an append');
  });

  test.each(['read-write', 'read-only'] as const)(
    'of a later version is refused when opened %s, untouched',
    async (mode) => {
      await open();
      await sql("INSERT INTO chainfold.journal_versions (version, says) VALUES (3, 'what is to come')");
      const before = await relations();
      await expect(open({ mode })).rejects.toMatchObject({
        name: 'EventStoreFault',
        kind: 'failed',
        message: expect.stringMatching(/of version 3, .* up to 2\. Use a newer chainfold/) as string,
      });
      expect(await relations()).toEqual(before);
    },
  );

  test.each(['read-write', 'read-only'] as const)(
    "with someone else's schema chainfold is refused when opened %s",
    async (mode) => {
      await sql('CREATE SCHEMA chainfold CREATE TABLE things (id integer)');
      await expect(open({ mode })).rejects.toThrow('a schema chainfold that is not a journal');
      expect(await relations()).toEqual([{ relname: 'things' }]);
    },
  );

  test('of an earlier version is brought up to date with all its events, by one that may write', async () => {
    await (await open()).append(STREAM, NO_STREAM, events);
    await sql('DROP VIEW chainfold.all_events; DROP INDEX chainfold.events_in_order');
    await sql('DELETE FROM chainfold.journal_versions WHERE version = 2');
    await expect(open({ mode: 'read-only' })).rejects.toThrow('Open it for writing once');
    expect(await allOf((await open()).read(STREAM))).toEqual(events);
    expect(await sql('SELECT revision FROM chainfold.all_events')).toHaveLength(3);
  });

  test('gets nothing at all when a migration fails half-way', async () => {
    await open();
    await sql('DELETE FROM chainfold.journal_versions WHERE version = 2; DROP VIEW chainfold.all_events');
    await expect(open()).rejects.toThrow('relation "events_in_order" already exists');
    expect(await sql('SELECT max(version) AS version FROM chainfold.journal_versions')).toEqual([{ version: '1' }]);
    expect(await sql("SELECT to_regclass('chainfold.all_events') AS view")).toEqual([{ view: null }]);
  });

  test('may be prepared with an empty schema for a role that cannot make one', async () => {
    await sql('DROP ROLE IF EXISTS runner; CREATE ROLE runner LOGIN; CREATE SCHEMA chainfold AUTHORIZATION runner');
    const store = await open({ url: url().replace('chainfold@', 'runner@') });
    expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 2 });
  });

  test('finds the last event of a type by an index, however many blocks there are', async () => {
    await open();
    const ask = await session();
    const explained = async (text: string, values?: readonly unknown[]) => {
      const plan = await ask(`EXPLAIN ${text}`, values);
      expect(JSON.stringify(plan)).toContain('Index Scan Backward using events_by_type');
      return [];
    };
    await lastOfType(explained, { id: 1, stream: STREAM, revision: 10, hash: '' }, 'MergeFailed');
    expect.assertions(1);
  });

  test('finds the last block however much follows it', async () => {
    const story = [unsealed(0, 'MergeStarted'), blockMerged(0), blockMerged(1)];
    const longer = sealed(STREAM, [...story, ...Array.from({ length: 1400 }, (_, number) => unsealed(number))]);
    const store = await open();
    await store.append(STREAM, NO_STREAM, longer.slice(0, 3));
    expect(await store.readLast(STREAM, 'BlockMerged')).toEqual(longer[2]);
    await store.append(STREAM, 2, longer.slice(3));
    expect(await store.readLast(STREAM, 'BlockMerged')).toEqual(longer[2]);
    await store.append('merge-other', NO_STREAM, numbered('merge-other', 1400));
    expect(await store.readLast('merge-other', 'BlockMerged')).toBeNull();
  });
});

import { expect, test } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { UnreadableEvent } from '#application/ports/event-codec';
import { STREAM, allOf } from '../../../properties/contracts/event-store.steps.js';
import { postgresJournals } from '../../../properties/product/postgres-journals.js';
import { describeWithPostgres } from '../../../properties/product/postgres-server.js';
import { blockMerged, numbered, sealed, unsealed } from '../../../properties/product/recorded-events.js';

const OTHER = 'merge-other';
const events = sealed(STREAM, [
  unsealed({ at: 'start' }, 'MergeStarted'),
  ...Array.from({ length: 40 }, (_, block) => blockMerged(block)),
  unsealed({ at: 'end' }, 'MergeSuspended'),
]);
/** In SQL: the rows of the stream; its number is 1, it came first. */
const ROWS = 'FROM chainfold.events WHERE stream_id = 1';
const ID = '00000000-0000-5000-8000-000000000000';

const update = (change: string, where: string): string =>
  `UPDATE chainfold.events SET ${change} WHERE stream_id = 1 AND ${where}`;
const updateStream = (change: string, id = 1): string =>
  `UPDATE chainfold.streams SET ${change} WHERE id = ${String(id)}`;

describeWithPostgres('a PostgreSQL journal that was changed by hand', (server) => {
  const { open, sql } = postgresJournals(server);

  const changed = async (...statements: string[]) => {
    const store = await open();
    await store.append(STREAM, NO_STREAM, events);
    await store.append(OTHER, NO_STREAM, numbered(OTHER, 2));
    await sql(['ALTER TABLE chainfold.events DROP CONSTRAINT events_stream_id_fkey', ...statements].join(';'));
    return store;
  };

  test('is told from one that was left alone', async () => {
    const store = await changed();
    expect(await store.checkBeside(STREAM)).toEqual([]);
    expect(await store.checkBeside(OTHER)).toEqual([]);
  });

  test.each([
    [
      'a type',
      update("type = 'BlockMerged'", 'revision = 41'),
      ['Event 41: column type holds BlockMerged, the event says MergeSuspended.'],
    ],
    [
      'an id',
      update(`id = '${ID}'`, 'revision = 3'),
      [`Event 3: column id holds ${ID}, the event says ${events[3]!.id}.`],
    ],
    [
      'the spelling of a text',
      update('json = replace(json, \'"v":1,\', \'"v": 1,\')', 'revision = 3'),
      ['Event 3: column json is not the event as it is printed, though it says the same.'],
    ],
    [
      'a text',
      update("json = 'nothing'", 'revision = 41'),
      [expect.stringContaining(`Event 41 of stream ${STREAM} cannot be read: its text is not JSON`) as string],
    ],
    [
      'a place in the order of all events',
      'ALTER TABLE chainfold.events ALTER COLUMN position DROP IDENTITY; ' + update('position = 1', 'revision = 7'),
      ['Event 7 stands before the one before it in the order of all events.'],
    ],
    [
      'the kept hash of the head',
      updateStream(`head_hash = 'x'`),
      [`The stream's head is kept with hash x, but the last event has ${events[41]!.hash}.`],
    ],
    [
      'the kept revision of the head',
      updateStream('head_revision = 99'),
      ["The stream's head is kept as revision 99, but the last event is 41."],
    ],
    [
      'a cut tail',
      `DELETE ${ROWS} AND revision >= 3`,
      ["The stream's head is kept as revision 41, but the last event is 2."],
    ],
    [
      'an event in the middle',
      `DELETE ${ROWS} AND revision = 2`,
      ['Event 2 is missing: the one after it in the journal is 3.'],
    ],
    ['all events', `DELETE ${ROWS}`, ["The stream's head is kept as revision 41, but the last event is -1."]],
    [
      'the name of the stream',
      updateStream(`name = 'merge-hidden'`),
      ['Events of this stream stand in the journal under the name merge-hidden.'],
    ],
    [
      'the row of the stream',
      'DELETE FROM chainfold.streams WHERE id = 1',
      ['Events of this stream stand in the journal under no name.'],
    ],
  ])('shows that %s was changed, and only there', async (_what, statement, findings) => {
    const store = await changed(statement);
    expect(await store.checkBeside(STREAM)).toEqual(findings);
    expect(await store.checkBeside(OTHER)).toEqual([]);
  });

  test('ends its findings after a hundred, and says so', async () => {
    const found = await (
      await changed(update("type = 'x', json = replace(json, '\"v\":1,', '\"v\": 1,'), id = gen_random_uuid()", 'true'))
    ).checkBeside(STREAM);
    expect(found.length).toBeLessThan(110);
    expect(found.at(-1)).toBe('There is more; the check ended here.');
  });

  test('is not read across a missing event', async () => {
    const store = await changed(`DELETE ${ROWS} AND revision = 2`);
    for (const direction of ['forwards', 'backwards'] as const) {
      await expect(allOf(store.read(STREAM, { direction }))).rejects.toThrow(/Event 2 .* is missing/);
      await expect(allOf(store.read(STREAM, { direction }))).rejects.toMatchObject({ revision: 2 });
    }
    await expect(allOf(store.subscribe(STREAM, 0, AbortSignal.timeout(5000)))).rejects.toMatchObject({ revision: 2 });
    expect(await allOf(store.read(STREAM, { fromRevision: 3 }))).toEqual(events.slice(3));
  });

  test('is not read as shorter than its head says', async () => {
    const store = await changed(`DELETE ${ROWS} AND revision >= 4`);
    await expect(allOf(store.read(STREAM))).rejects.toThrow(/Event 4 .* is missing .* goes on to 41/);
    await expect(store.readLast(STREAM)).rejects.toMatchObject({ revision: 41 });
    await expect(store.readLast(STREAM, 'MergeStarted')).rejects.toThrow(UnreadableEvent);
  });
});

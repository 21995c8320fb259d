import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NO_STREAM } from '#application/ports/event-store';
import { blockMerged, numbered, sealed, unsealed } from '../../properties/product/recorded-events.js';
import { STREAM } from '../../properties/contracts/event-store.steps.js';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { loadSqlite } from './sqlite-driver.js';
import { SqliteEventStore } from './sqlite-event-store.js';

const OTHER = 'merge-other';
const events = sealed(STREAM, [
  unsealed({ at: 'start' }, 'MergeStarted'),
  ...Array.from({ length: 40 }, (_, block) => blockMerged(block)),
  unsealed({ at: 'end' }, 'MergeSuspended'),
]);
/** In SQL: the rows of the stream; its number is 1, it came first. */
const ROWS = 'FROM events WHERE stream_id = 1';

const folder = scratchFolder();
let journals = 0;

/** What `checkBeside` finds of each stream, after these statements. */
const afterwards = async (...statements: string[]): Promise<Readonly<Record<string, readonly string[]>>> => {
  const path = join(folder(), String((journals += 1)), 'journal.db');
  const writer = await SqliteEventStore.open({ path, mode: 'read-write' });
  await writer.append(STREAM, NO_STREAM, events);
  await writer.append(OTHER, NO_STREAM, numbered(OTHER, 2));
  await writer.close();
  const database = (await loadSqlite()).open(path, { readOnly: false });
  database.exec(`PRAGMA foreign_keys = OFF; ${statements.join(';')}`);
  database.close();
  const store = await SqliteEventStore.open({ path, mode: 'read-only' });
  const found = { [STREAM]: await store.checkBeside(STREAM), [OTHER]: await store.checkBeside(OTHER) };
  await store.close();
  return found;
};

const update = (change: string, where: string): string =>
  `UPDATE events SET ${change} WHERE stream_id = 1 AND ${where}`;

describe('the check of what stands beside the events', () => {
  test('finds nothing in a journal that was left alone', async () => {
    expect(await afterwards()).toEqual({ [STREAM]: [], [OTHER]: [] });
  });

  test.each([
    ['a column of a block', update('block = 7', 'revision = 1'), ['Event 1: column block holds 7, the event says 0.']],
    [
      'running totals',
      update('total_bytes = total_bytes + 1, next_block = NULL', 'revision = 2'),
      [
        'Event 2: column total_bytes holds 4194305, the event says 4194304.',
        'Event 2: column next_block holds null, the event says 2.',
      ],
    ],
    [
      'a column where there is no block',
      update('block = 0', 'revision = 0'),
      ['Event 0: column block holds 0, the event says null.'],
    ],
    [
      'a type',
      update("type = 'BlockMerged'", 'revision = 41'),
      ['Event 41: column type holds BlockMerged, the event says MergeSuspended.'],
    ],
    ['an id', update("id = 'x'", 'revision = 3'), [`Event 3: column id holds x, the event says ${events[3]!.id}.`]],
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
      'a text, behind its end',
      update("json = CAST(CAST(json AS BLOB) || x'0041' AS TEXT)", 'revision = 3'),
      [expect.stringMatching(/^Event 3: column json holds \d+ bytes, of which \d+ can be read as text\.$/) as string],
    ],
    [
      'the kept hash of the head',
      `UPDATE streams SET head_hash = 'x' WHERE id = 1`,
      [`The stream's head is kept with hash x, but the last event has ${events[41]!.hash}.`],
    ],
    [
      'the kept revision of the head',
      `UPDATE streams SET head_revision = 99 WHERE id = 1`,
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
      `UPDATE streams SET name = 'merge-hidden' WHERE id = 1`,
      ['Events of this stream stand in the journal under the name merge-hidden.'],
    ],
    [
      'the row of the stream',
      'DELETE FROM streams WHERE id = 1',
      ['Events of this stream stand in the journal under no name.'],
    ],
  ])('sees that %s was changed, and only there', async (_what, statement, findings) => {
    expect(await afterwards(statement)).toEqual({ [STREAM]: findings, [OTHER]: [] });
  });

  test('sees two streams whose names were exchanged, in both', async () => {
    const name = (id: number, to: string) => `UPDATE streams SET name = '${to}' WHERE id = ${String(id)}`;
    const found = await afterwards(name(1, 'x'), name(2, STREAM), name(1, OTHER));
    expect(found[STREAM]).toContain(`Events of this stream stand in the journal under the name ${OTHER}.`);
    expect(found[STREAM]?.length).toBeGreaterThan(1);
    expect(found[OTHER]).toContain(`Events of this stream stand in the journal under the name ${STREAM}.`);
  });

  test('ends after a hundred findings, and says so', async () => {
    const found = (await afterwards(update("id = '', block = 77, total_blocks = 77, next_block = 77", 'true')))[STREAM];
    expect(found?.length).toBeLessThan(110);
    expect(found?.at(-1)).toBe('There is more; the check ended here.');
  });
});

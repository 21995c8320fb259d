import { renameSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NO_STREAM, EventStoreFault } from '#application/ports/event-store';
import { UnreadableEvent } from '#application/ports/event-codec';
import { numbered } from '../../properties/product/recorded-events.js';
import { STREAM, allOf } from '../../properties/contracts/event-store.steps.js';
import { BUSY, FULL, IO_ERROR_FSYNC, sqliteError } from '../../properties/product/meddled-sqlite.js';
import { bySql, sqliteJournals } from '../../properties/product/sqlite-journals.js';

const events = numbered(STREAM, 6);
const { newPath, open, openMeddled } = sqliteJournals();

describe('an error of SQLite', () => {
  const failing = (when: 'before' | 'after', error: Error) => {
    let armed = false;
    const strike = (sql: string): undefined => {
      if (armed && sql === 'COMMIT') throw error;
    };
    return { meddling: { [when]: strike }, arm: (on: boolean) => (armed = on) };
  };

  test.each(['before', 'after'] as const)(
    'at the flush of a commit (%s it was in the file) ends the store: nothing it says from then on would be sure',
    async (when) => {
      const path = newPath();
      const fault = failing(when, sqliteError(IO_ERROR_FSYNC, 'disk I/O error'));
      const store = await openMeddled(path, fault.meddling);
      await store.append(STREAM, NO_STREAM, events.slice(0, 2));
      fault.arm(true);
      await expect(store.append(STREAM, 1, events.slice(2))).rejects.toThrow(EventStoreFault);
      fault.arm(false);
      await expect(store.append(STREAM, 1, events.slice(2))).rejects.toThrow('disk I/O error');
      await expect(store.head(STREAM)).rejects.toThrow(EventStoreFault);
      await expect(allOf(store.read(STREAM))).rejects.toThrow(EventStoreFault);
      await expect(allOf(store.subscribe(STREAM, 0, AbortSignal.timeout(1000)))).rejects.toThrow(EventStoreFault);

      const reopened = await open(path);
      expect((await reopened.head(STREAM))?.revision).toBe(when === 'before' ? 1 : 5);
      expect(await reopened.append(STREAM, 1, events.slice(2))).toEqual({ outcome: 'appended', revision: 5 });
      expect(await allOf(reopened.read(STREAM))).toEqual(events);
    },
  );

  test('that says the disk is full comes out as such, then and at every later call', async () => {
    const fault = failing('before', sqliteError(FULL, 'database or disk is full'));
    const store = await openMeddled(newPath(), fault.meddling);
    fault.arm(true);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await expect(store.append(STREAM, NO_STREAM, events)).rejects.toMatchObject({
        name: 'EventStoreFault',
        kind: 'out-of-space',
        message: expect.stringContaining('Make room') as string,
      });
    }
  });

  test('that says another is at work leaves everything as it was, and the next call may go through', async () => {
    const path = newPath();
    const fault = failing('before', sqliteError(BUSY, 'database is locked'));
    const store = await openMeddled(path, fault.meddling);
    fault.arm(true);
    await expect(store.append(STREAM, NO_STREAM, events)).rejects.toMatchObject({ kind: 'failed' });
    expect(await store.head(STREAM)).toBeNull();
    fault.arm(false);
    expect(await store.append(STREAM, NO_STREAM, events)).toEqual({ outcome: 'appended', revision: 5 });
  });
});

test.skipIf(process.platform === 'win32')(
  'a journal that was moved away under the store acknowledges nothing more: it would be lost with the file',
  async () => {
    const path = newPath();
    const store = await open(path);
    await store.append(STREAM, NO_STREAM, events.slice(0, 1));
    renameSync(path, `${path}.old`);
    await expect(store.append(STREAM, 0, events.slice(1))).rejects.toThrow('moved or replaced');
    await expect(store.head(STREAM)).rejects.toThrow(EventStoreFault);
  },
);

describe('a journal that was changed by hand', () => {
  const changed = async (...statements: string[]) => {
    const path = newPath();
    await (await open(path)).append(STREAM, NO_STREAM, events);
    for (const statement of statements) bySql(path, statement);
    return open(path);
  };

  test('is not read across a missing event', async () => {
    const store = await changed('DELETE FROM events WHERE revision = 2');
    await expect(allOf(store.read(STREAM))).rejects.toThrow(UnreadableEvent);
    await expect(allOf(store.read(STREAM))).rejects.toMatchObject({ revision: 2 });
    expect(await allOf(store.read(STREAM, { fromRevision: 3 }))).toEqual(events.slice(3));
  });

  test('is not read as shorter than its head says', async () => {
    const store = await changed('DELETE FROM events WHERE revision >= 4');
    await expect(allOf(store.read(STREAM))).rejects.toThrow(/Event 4 .* is missing .* goes on to 5/);
    await expect(store.readLast(STREAM)).rejects.toMatchObject({ revision: 5 });
    await expect(store.readLast(STREAM, 'SomethingHappened')).rejects.toThrow(UnreadableEvent);
  });

  test("is not read where a text is not an event, or another place's event", async () => {
    const broken = await changed(`UPDATE events SET json = substr(json, 2) WHERE revision = 3`);
    await expect(allOf(broken.read(STREAM))).rejects.toMatchObject({ name: 'UnreadableEvent', revision: 3 });
    const empty = await changed(`UPDATE events SET json = '{"type":"x"}' WHERE revision = 3`);
    await expect(allOf(empty.read(STREAM))).rejects.toThrow('not a recorded event');
    const moved = await changed(
      `UPDATE events SET json = (SELECT json FROM events WHERE revision = 1) WHERE revision = 3`,
    );
    await expect(allOf(moved.read(STREAM))).rejects.toThrow('its text is event 1');
  });
});

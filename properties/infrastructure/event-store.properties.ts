import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { openEventStore } from '#infrastructure/event-store/open-event-store';
import { eventStoreContract } from '../contracts/event-store.contract.js';
import { STREAM, allOf, expectUnbroken, firstOf } from '../contracts/event-store.steps.js';
import { childProgram } from '../product/child-program.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { inMemory, inSqlite } from './event-store-journals.js';

eventStoreContract('in memory', inMemory);
eventStoreContract('SQLite', inSqlite);

const WRITER = childProgram(new URL('./journal-writer.ts', import.meta.url));

/** Starts a program of its own that appends to the journal; `acknowledged` are the ids it has printed so far. */
const startWriter = (path: string, who: string, count: number) => {
  const child = spawn(process.execPath, [WRITER, path, STREAM, who, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout }).on('line', (id) => acknowledged.push(id));
  const ended = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(([[code]]) => code as number | null);
  /** Kills the program after so many acknowledged appends, or fails when it ends before. */
  const killedAfter = async (appends: number): Promise<void> => {
    lines.on('line', () => acknowledged.length >= appends && child.kill('SIGKILL'));
    if ((await ended) !== null)
      throw new Error(`the writer ended by itself after ${String(acknowledged.length)} appends`);
  };
  return { acknowledged, ended, killedAfter };
};

describe('a SQLite journal in several programs at once', { timeout: 90_000 }, () => {
  const folder = scratchFolder();

  test('gives each revision to one of them, and loses nothing that it acknowledged', async () => {
    const path = join(folder(), 'shared', 'journal.db');
    const writers = ['a', 'b', 'c', 'd'].map((who) => startWriter(path, who, 15));
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    const store = await openEventStore(path, { mode: 'read-only' });
    const events = await allOf(store.read(STREAM));
    expect(events.map(({ revision }) => revision)).toEqual([...Array(60).keys()]);
    expect(writers.flatMap(({ acknowledged }) => acknowledged).sort()).toEqual(events.map(({ id }) => id).sort());
    expectUnbroken(events);
    expect(await store.checkBeside(STREAM)).toEqual([]);
    await store.close();
  });

  test('lets one that waits here see what another appends', async () => {
    const path = join(folder(), 'watched', 'journal.db');
    const store = await openEventStore(path, { mode: 'read-only' });
    const watched = firstOf(10, store, 0);
    const writer = startWriter(path, 'w', 10);
    expect((await watched).map(({ id }) => id)).toEqual((await writer.ended, writer.acknowledged));
    await store.close();
  });

  test.each([1, 7, 30])('holds what was acknowledged when the writer is killed after %i appends', async (count) => {
    const path = join(folder(), `killed-${String(count)}`, 'journal.db');
    const { acknowledged, killedAfter } = startWriter(path, 'k', 1_000_000);
    await killedAfter(count);
    const store = await openEventStore(path, { mode: 'read-write' });
    const events = await allOf(store.read(STREAM));
    // At most the append under way is there without having been acknowledged.
    expect(events.slice(0, acknowledged.length).map(({ id }) => id)).toEqual(acknowledged);
    expect(events.length - acknowledged.length).toBeLessThanOrEqual(1);
    expectUnbroken(events);
    expect(await store.checkBeside(STREAM)).toEqual([]);
    await store.close();
  });
});

import { isAbsolute, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { JournalUrlError, defaultJournalUrl, parseJournalUrl } from './journal-url.js';
import { openEventStore } from './open-event-store.js';

describe('the URL of a journal', () => {
  test.each([
    ['sqlite:/var/lib/j.db', '/var/lib/j.db'],
    ['sqlite:///var/lib/j.db', '/var/lib/j.db'],
    ['SQLite:j.db', 'j.db'],
    ['/var/lib/j.db', '/var/lib/j.db'],
    ['j.db', 'j.db'],
    ['./odd:name.db', './odd:name.db'],
    ['a b/Zürich %20?x#y.db', 'a b/Zürich %20?x#y.db'],
  ])('%s is an SQLite file', (url, path) => {
    expect(parseJournalUrl(url)).toEqual({ kind: 'sqlite', path: resolve(path) });
  });

  test('C:\\journal.db is a path, not a scheme', () => {
    const place = parseJournalUrl('C:\\journal.db');
    expect(place.kind === 'sqlite' && isAbsolute(place.path)).toBe(true);
  });

  test('memory: is a journal that ends with the program', async () => {
    expect(parseJournalUrl('memory:')).toEqual({ kind: 'memory' });
    const store = await openEventStore('memory:', { mode: 'read-write' });
    expect(await store.head('merge-1')).toBeNull();
    await store.close();
  });

  test.each([
    ['kurrentdb://localhost:2113', 'does not have KurrentDB journals yet'],
    ['esdb+discover://x', 'no kind of journal called esdb+discover'],
    ['esdb://x', 'does not have KurrentDB journals yet'],
    ['postgres://x/y', 'does not have PostgreSQL journals yet'],
    ['postgresql://x/y', 'does not have PostgreSQL journals yet'],
    ['mysql://x/y', 'no kind of journal called mysql'],
    ['memory:x', 'has no name'],
    [':memory:', 'write memory:'],
    ['sqlite:', 'the path is empty'],
    ['', 'the path is empty'],
    ['a\0b', 'NUL'],
  ])('%j is refused as wrong use: %s', async (url, reason) => {
    await expect(openEventStore(url, { mode: 'read-only' })).rejects.toThrow(JournalUrlError);
    expect(() => parseJournalUrl(url)).toThrow(reason);
  });
});

describe('who names no journal gets', () => {
  const home = resolve('/home/me');
  const url = (env: Record<string, string>, platform: NodeJS.Platform = 'linux') =>
    defaultJournalUrl({ env, platform, home });
  const inFolder = (...folder: string[]) => `sqlite:${join(...folder, 'chainfold', 'journal.db')}`;

  test('the one in CHAINFOLD_JOURNAL, whatever its kind', () => {
    expect(url({ CHAINFOLD_JOURNAL: 'memory:', XDG_STATE_HOME: '/state' })).toBe('memory:');
    expect(url({ CHAINFOLD_JOURNAL: '' })).toBe(inFolder(home, '.local', 'state'));
  });

  test('one in XDG_STATE_HOME, unless that is a relative path', () => {
    expect(url({ XDG_STATE_HOME: '/state' })).toBe(inFolder('/state'));
    expect(url({ XDG_STATE_HOME: 'state' })).toBe(inFolder(home, '.local', 'state'));
  });

  test('one where the platform keeps state of a user on this machine', () => {
    expect(url({})).toBe(inFolder(home, '.local', 'state'));
    expect(url({}, 'darwin')).toBe(inFolder(home, 'Library', 'Application Support'));
    expect(url({ LOCALAPPDATA: '/local' }, 'win32')).toBe(inFolder('/local'));
    expect(url({}, 'win32')).toBe(inFolder(home, 'AppData', 'Local'));
  });
});

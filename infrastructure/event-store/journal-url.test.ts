import { isAbsolute, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  JournalUrlError,
  defaultJournalUrl,
  defaultKeyPath,
  journalName,
  parseJournalUrl,
  redactedUrl,
} from './journal-url.js';
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

  test.each(
    ['kurrentdb', 'kurrent', 'kdb', 'esdb'].flatMap((scheme) => [scheme, `${scheme}+discover`, scheme.toUpperCase()]),
  )('%s is a KurrentDB server or cluster', (scheme) => {
    const url = `${scheme}://ops:secret@one:2113,two:2113?tls=false`;
    expect(parseJournalUrl(url)).toEqual({ kind: 'kurrentdb', url });
  });

  test.each(['postgres://ops:secret@db/journal', 'postgresql:///journal?host=/run/postgresql'])(
    '%s is a PostgreSQL database',
    (url) => {
      expect(parseJournalUrl(url)).toEqual({ kind: 'postgres', url });
    },
  );

  test.each([
    ['kurrentdb:', 'found no host'],
    ['esdb://', 'found no host'],
    ['esdb+discover:///', 'found no host'],
    ['postgres:journal', 'found no host'],
    ['kafka+discover://x', 'no kind of journal called kafka+discover'],
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

describe('what is shown of a URL', () => {
  test.each([
    ['postgres://ops:secret@db:5432/journal', 'postgres://ops:***@db:5432/journal'],
    ['postgres://ops:se@cr/e?t@db/journal', 'postgres://ops:***@db/journal'],
    ['postgres://:secret@db/journal', 'postgres://:***@db/journal'],
    ['postgres://ops@db:5432/journal', 'postgres://ops@db:5432/journal'],
    ['postgres://db:5432/journal', 'postgres://db:5432/journal'],
    ['postgres://db/j?user=a&password=secret&ssl=true', 'postgres://db/j?user=a&password=***&ssl=true'],
    ['postgres://db/j?p%61ssword=secret#x', 'postgres://db/j?p%61ssword=***#x'],
    ['postgres://db/j?password=sec@ret', 'postgres://db/j?password=***'],
    ['postgres://db:1/j?password=sec@ret', 'postgres://db:***@ret'],
    ['esdb+discover://admin:changeit@one,two?tls=false', 'esdb+discover://admin:***@one,two?tls=false'],
    ['mysql://ops:secret@db', 'mysql://ops:***@db'],
    ['sqlite:/a:b@c.db', 'sqlite:/a:b@c.db'],
    ['a:b@c', 'a:b@c'],
    ['/journal.db?password=x', '/journal.db?password=x'],
  ])('%s is %s', (url, shown) => {
    expect(redactedUrl(url)).toBe(shown);
  });

  test('is never the password, also in the complaint about the URL', () => {
    const complaint = (): unknown => parseJournalUrl('mysql://ops:secret@db');
    expect(complaint).toThrow('"mysql://ops:***@db"');
    expect(complaint).not.toThrow('secret');
  });

  test('as the name of the journal means the same from every folder', () => {
    expect(journalName('j.db')).toBe(`sqlite:${resolve('j.db')}`);
    expect(journalName('sqlite:///j.db')).toBe(`sqlite:${resolve('/j.db')}`);
    expect(journalName('memory:')).toBe('memory:');
    expect(journalName('kdb://a:b@c:2113')).toBe('kdb://a:***@c:2113');
    expect(journalName()).toBe(journalName(defaultJournalUrl()));
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

describe('a user without a home folder', () => {
  test.each(['', '.', 'home/me'])('is told so: "%s"', (home) => {
    const surroundings = { env: {}, platform: 'linux', home } as const;
    expect(() => defaultJournalUrl(surroundings)).toThrow('no home folder');
    expect(() => defaultKeyPath(surroundings)).toThrow('--key');
    expect(defaultKeyPath({ ...surroundings, env: { XDG_STATE_HOME: '/state' } })).toBe(
      '/state/chainfold/audit-key.pem',
    );
  });
});

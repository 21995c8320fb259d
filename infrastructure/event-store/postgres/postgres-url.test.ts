import { describe, expect, test } from 'vitest';
import { assertPostgresUrl, redactedPostgresUrl } from './postgres-url.js';

describe('the URL of a PostgreSQL journal', () => {
  test.each([
    ['postgres://user:secret@db.example:5433/jobs?password=secret', 'postgres://user:***@db.example:5433/jobs'],
    ['postgresql://db.example/jobs', 'postgresql://db.example/jobs'],
    ['postgres:///jobs?host=/run/postgresql', 'postgres:///jobs'],
    ['postgres://user:secret@/jobs?host=/run/postgresql', 'postgres://user:***@/jobs'],
    ['postgres://user:1234/secret@host/x', 'postgres://user:***@host/x'],
    ['postgres://user:99#secret@host/x', 'postgres://user:***@host/x'],
    ['postgres://user:9?secret@host/x', 'postgres://user:***@host/x'],
    ['postgres://user:sec ret@[::1]/jobs', 'postgres://user:***@[::1]/jobs'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactedPostgresUrl(url)).toBe(shown);
    expect(() => assertPostgresUrl(url)).not.toThrow();
  });

  test.each(['postgres://user:secret@host:port/jobs', 'http://user:secret@host/jobs', 'user:secret@host'])(
    'that the driver cannot read is refused in words that do not show the password: %s',
    (url) => {
      expect(() => assertPostgresUrl(url)).toThrow('Expected postgres://USER@HOST:PORT/DATABASE');
      expect(() => assertPostgresUrl(url)).not.toThrow('secret');
    },
  );
});

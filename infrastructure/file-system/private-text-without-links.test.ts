import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { makePrivateText } from './private-text.js';

/** A file system that knows no second names, as exFAT is one. */
vi.mock('node:fs', async (original) => ({
  ...(await original<object>()),
  linkSync: () => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  },
}));

const folder = scratchFolder();

describe('a private text where files have no second names', () => {
  test('is made all the same, is never replaced, and nothing lies beside it', async () => {
    const path = join(folder(), 'text');
    expect(await makePrivateText(path, 'first')).toEqual({ text: 'first', others: false });
    expect((await makePrivateText(path, 'second')).text).toBe('first');
    expect([readdirSync(folder()), readFileSync(path, 'utf8')]).toEqual([['text'], 'first']);
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

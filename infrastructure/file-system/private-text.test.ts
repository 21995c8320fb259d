import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FileSystemFault } from '#application/ports/file-system';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { makePrivateText, readPrivateText } from './private-text.js';
import { keepHandsOff } from './untouchable-files.js';

const folder = scratchFolder();
const onPosix = test.skipIf(process.platform === 'win32');

const faultOf = (work: () => unknown): FileSystemFault => {
  try {
    work();
  } catch (error) {
    if (error instanceof FileSystemFault) return error;
    throw error;
  }
  throw new Error('expected a fault');
};

describe('a private text', () => {
  test('that is not there is null, also when its folder is not', () => {
    expect(readPrivateText(join(folder(), 'none'))).toBeNull();
    expect(readPrivateText(join(folder(), 'no', 'where'))).toBeNull();
  });

  test('is made whole, with its folders, for this user alone, and nothing lies beside it', async () => {
    const path = join(folder(), 'state', 'chainfold', 'text');
    expect(await makePrivateText(path, 'content')).toEqual({ text: 'content', others: false });
    expect(readPrivateText(path)).toEqual({ text: 'content', others: false });
    expect(readdirSync(join(path, '..'))).toEqual(['text']);
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('that is there is never replaced: the faster one gives it to all', async () => {
    const path = join(folder(), 'raced');
    const texts = await Promise.all(Array.from({ length: 20 }, (_, n) => makePrivateText(path, `text ${String(n)}`)));
    expect(new Set(texts.map(({ text }) => text)).size).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe(texts[0]!.text);
    expect(readdirSync(folder()).filter((name) => name.startsWith('raced'))).toEqual(['raced']);
  });

  onPosix('that others may read or write says so', () => {
    const path = join(folder(), 'open');
    writeFileSync(path, 'content');
    for (const [mode, others] of [
      [0o600, false],
      [0o400, false],
      [0o640, true],
      [0o604, true],
      [0o620, true],
      [0o700, false],
    ] as const) {
      chmodSync(path, mode);
      expect([mode, readPrivateText(path)?.others]).toEqual([mode, others]);
    }
  });

  onPosix('is followed through a link', () => {
    writeFileSync(join(folder(), 'target'), 'content', { mode: 0o600 });
    symlinkSync('target', join(folder(), 'link'));
    expect(readPrivateText(join(folder(), 'link'))?.text).toBe('content');
  });

  test('is no folder, and no file in the place of a folder', async () => {
    mkdirSync(join(folder(), 'folder'));
    expect(faultOf(() => readPrivateText(join(folder(), 'folder')))).toMatchObject({ code: 'not-a-file' });
    writeFileSync(join(folder(), 'file'), '');
    await expect(makePrivateText(join(folder(), 'file', 'text'), 'content')).rejects.toThrow(FileSystemFault);
  });

  onPosix('is no FIFO: nobody waits for its other end', () => {
    const path = join(folder(), 'fifo');
    execFileSync('mkfifo', [path]);
    expect(faultOf(() => readPrivateText(path)).message).toMatch(/FIFO/);
  });

  test('is not read when it is too large to be one', () => {
    const path = join(folder(), 'large');
    writeFileSync(path, Buffer.alloc(64 * 1024 + 1));
    expect(faultOf(() => readPrivateText(path)).message).toMatch(/65537 bytes/);
  });

  test('is not the journal, which would lose its locks', () => {
    const path = join(folder(), 'journal.db');
    writeFileSync(path, 'SQLite');
    const letGo = keepHandsOff(path);
    expect(faultOf(() => readPrivateText(path)).message).toMatch(/it is the journal/);
    letGo();
    expect(readPrivateText(path)?.text).toBe('SQLite');
  });
});

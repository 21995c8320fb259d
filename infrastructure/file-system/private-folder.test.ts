import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { ensurePrivateFile, ensurePrivateFolder, isOnNetwork, keyOf } from './private-folder.js';

const folder = scratchFolder();
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe.skipIf(process.platform === 'win32')('a private folder', () => {
  test('is made with all above it that are missing, for this user alone', async () => {
    const path = join(folder(), 'a', 'b', 'c');
    await ensurePrivateFolder(path);
    await ensurePrivateFolder(path);
    expect([path, join(path, '..'), join(path, '../..')].map(modeOf)).toEqual([0o700, 0o700, 0o700]);
  });

  test('that is there keeps its rights, and so does a file', async () => {
    const path = join(folder(), 'there');
    mkdirSync(path, { mode: 0o755 });
    await ensurePrivateFolder(path);
    const file = join(path, 'file');
    writeFileSync(file, 'content', { mode: 0o644 });
    ensurePrivateFile(file);
    expect([path, file].map(modeOf)).toEqual([0o755, 0o644]);
    expect(statSync(file).size).toBe(7);
  });

  test('holds new files for this user alone', () => {
    const file = join(folder(), 'new');
    ensurePrivateFile(file);
    expect(modeOf(file)).toBe(0o600);
  });

  test('is refused where a file is in the way', async () => {
    const file = join(folder(), 'in-the-way');
    ensurePrivateFile(file);
    await expect(ensurePrivateFolder(join(file, 'folder'))).rejects.toThrow('create');
    expect(() => ensurePrivateFile(join(folder(), 'nowhere', 'file'))).toThrow('not-found');
  });
});

test('a key tells files apart, and is the same by every path to a file', () => {
  const [one, other] = [join(folder(), 'one'), join(folder(), 'other')];
  ensurePrivateFile(one);
  ensurePrivateFile(other);
  expect(keyOf(one)).not.toBe(keyOf(other));
  expect(keyOf(join(folder(), 'none'))).toBeNull();
  if (process.platform === 'win32') return;
  symlinkSync(one, join(folder(), 'link'));
  expect(keyOf(join(folder(), 'link'))).toBe(keyOf(one));
});

test.runIf(existsSync('/dev/shm'))('memory of this machine is not on the network', () => {
  expect(isOnNetwork('/dev/shm')).toBe(false);
});

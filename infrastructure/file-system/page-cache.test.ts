import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { loadNativeCalls } from './native-calls.js';
import { NodeFileSystem } from './node-file-system.js';

const isRoot = process.getuid?.() === 0;
const files = new NodeFileSystem();
const folder = scratchFolder();
let number = 0;
const fresh = (): string => join(folder(), `file-${String(number++)}`);

const TMPFS = 0x01021994;
describe.runIf(process.platform === 'linux')('dropCache', async () => {
  const { calls: native } = await loadNativeCalls();
  const scratchIsMemory = fs.statfsSync(tmpdir()).type === TMPFS;

  /** 8 MiB, flushed and all in the cache. */
  const cached = async (path: string, system = files) => {
    const file = await system.create(path);
    await file.write(new Uint8Array(8 << 20).fill(7), 0);
    await file.flush();
    return file;
  };

  it('says kept where there is no koffi', async () => {
    const file = await cached(fresh(), new NodeFileSystem({ native: async () => null }));
    expect(await file.dropCache()).toBe('kept');
    await file.close();
  });

  it.runIf(native !== null && !scratchIsMemory)(
    'on a disk leaves no page in the cache, by either way of looking',
    async () => {
      for (const cachestat of [native!.cachedPages, () => null]) {
        const path = fresh();
        const file = await cached(
          path,
          new NodeFileSystem({ native: async () => ({ ...native!, cachedPages: cachestat }) }),
        );
        const fd = fs.openSync(path, 'r');
        expect(native!.anyPageResident(fd, 0, 8 << 20)).toBe(true);
        expect(await file.dropCache()).toBe('dropped');
        expect(native!.anyPageResident(fd, 0, 8 << 20)).toBe(false);
        const into = new Uint8Array(8 << 20);
        expect(await file.read(into, 0)).toBe(8 << 20);
        expect(into.every((byte) => byte === 7)).toBe(true);
        fs.closeSync(fd);
        await file.close();
      }
    },
  );

  it.runIf(native !== null)('says kept in memory file systems', async () => {
    const path = `/dev/shm/chainfold-cache-${String(process.pid)}`;
    try {
      const file = await cached(path);
      expect(await file.dropCache()).toBe('kept');
      await file.close();
    } finally {
      fs.rmSync(path, { force: true });
    }
  });

  it.runIf(native !== null && isRoot)('does not believe an overlay that says it has no pages', async () => {
    for (const [below, expected] of [
      ['/dev/shm', 'kept'],
      [folder(), scratchIsMemory ? 'kept' : 'dropped'],
    ] as const) {
      const root = fs.mkdtempSync(join(below, 'chainfold-overlay-'));
      for (const name of ['lower', 'upper', 'work', 'merged']) fs.mkdirSync(join(root, name));
      const layers = `lowerdir=${root}/lower,upperdir=${root}/upper,workdir=${root}/work`;
      execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, join(root, 'merged')]);
      try {
        const file = await cached(join(root, 'merged', 'image'));
        expect(await file.dropCache()).toBe(expected);
        await file.close();
      } finally {
        execFileSync('umount', ['-l', join(root, 'merged')]);
        fs.rmSync(root, { recursive: true, force: true });
      }
    }
  });
});

import * as fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileToLock } from '#application/ports/image-lock';
import { loadNativeCalls } from '#infrastructure/file-system/native-calls';
import { LockingProcess } from './other-processes.js';
import { lockedImages, toRead, toWrite } from '../product/locked-images.js';

const { missing } = await loadNativeCalls();
const isRoot = process.geteuid?.() === 0;
const { locks, folder, image, lock } = lockedImages();

describe.runIf(missing === null)('several processes', () => {
  const others: LockingProcess[] = [];
  beforeAll(async () => {
    others.push(...(await Promise.all(Array.from({ length: 8 }, () => LockingProcess.start()))));
  }, 60_000);
  afterAll(async () => {
    await Promise.all(others.map((other) => other.kill()));
  });

  it('that want the same files at the same time: exactly one gets all of them, 50 times', async () => {
    const files = [image(), image(), image(), image()];
    for (let round = 0; round < 50; round++) {
      const atMs = Date.now() + 8;
      const replies = await Promise.all(
        others.map((other, nth) =>
          other.ask({ do: 'lock', atMs, files: rotated(files, nth).map((path, at) => ({ path, use: useOf(at) })) }),
        ),
      );
      expect(replies.map(({ reply }) => reply).sort()).toEqual([...Array<string>(7).fill('conflict'), 'held']);
      await Promise.all(others.map((other) => other.ask({ do: 'release' })));
    }
  });

  it('that want overlapping chains: at least one gets its own, and no file is given twice', async () => {
    const files = Array.from({ length: 8 }, image);
    for (let round = 0; round < 25; round++) {
      const atMs = Date.now() + 8;
      const chains = others.map((_, nth) => [0, 3, 5 + (round % 3)].map((step) => files[(nth + step) % files.length]!));
      const replies = await Promise.all(
        others.map((other, nth) => other.ask({ do: 'lock', atMs, files: chains[nth]!.map(toWrite) })),
      );
      const given = chains.filter((_, nth) => replies[nth]!.reply === 'held');
      expect(given.length).toBeGreaterThan(0);
      expect(new Set(given.flat()).size).toBe(given.flat().length);
      await Promise.all(others.map((other) => other.ask({ do: 'release' })));
    }
  });

  it('name the holder: process, program, and that it is a chainfold lock', async () => {
    const path = image();
    const [other] = others;
    const expected = {
      pid: other!.pid,
      program: 'node locking-process.mjs',
      how: 'chainfold lock',
      writes: false,
      path,
    };
    expect(await other!.ask({ do: 'lock', files: [toRead(path)] })).toEqual({ reply: 'held' });
    expect(await lock(toWrite(path))).toEqual({ held: false, path, holders: [expected] });
    expect(await locks.holdersOf([path])).toEqual([expected]);
    await other!.ask({ do: 'release' });
    expect(await locks.holdersOf([path])).toEqual([]);
    expect(await lock(toRead(path))).toMatchObject({ held: true });
  });

  it('that read a file do so together', async () => {
    const path = image();
    for (const other of others)
      expect(await other.ask({ do: 'lock', files: [toRead(path)] })).toEqual({ reply: 'held' });
    for (const other of others) await other.ask({ do: 'release' });
  });

  it('that are stopped keep their locks, and lose them when they are killed', async () => {
    const path = image();
    const other = others.pop()!;
    await other.ask({ do: 'lock', files: [toWrite(path)] });
    other.signal('SIGSTOP');
    expect(await lock(toWrite(path))).toMatchObject({ held: false, holders: [{ pid: other.pid }] });
    await other.kill();
    expect(await lock(toWrite(path))).toMatchObject({ held: true });
  });

  it('that have the file open without any lock are seen, and are no conflict', async () => {
    const path = image();
    const other = others.pop()!;
    const reader = fs.openSync(path, 'r');
    expect(await other.ask({ do: 'holders', path })).toEqual({
      reply: 'holders',
      holders: [expect.objectContaining({ pid: process.pid, how: 'has it open for reading', path })],
    });
    const writer = fs.openSync(path, 'r+');
    expect(await other.ask({ do: 'holders', path })).toMatchObject({ holders: [{ how: 'has it open for writing' }] });
    expect(await other.ask({ do: 'lock', files: [toWrite(path)] })).toEqual({ reply: 'held' });
    fs.closeSync(reader);
    fs.closeSync(writer);
    await other.kill();
  });

  it.runIf(isRoot)(
    'without the rights: an image to write is refused, and a holder is named as far as it may be seen',
    async () => {
      const nobody = others.pop()!;
      const path = image();
      fs.chmodSync(folder(), 0o755);
      fs.chmodSync(path, 0o644);
      await nobody.ask({ do: 'become nobody' });
      expect(await nobody.ask({ do: 'lock', files: [toWrite(path)] })).toEqual({
        reply: 'fault',
        code: 'access-denied',
      });
      expect(await lock(toWrite(path))).toMatchObject({ held: true });
      expect(await nobody.ask({ do: 'lock', files: [toRead(path)] })).toMatchObject({
        reply: 'conflict',
        holders: [{ pid: process.pid, how: expect.stringContaining('lock') as string }],
      });
      await nobody.kill();
    },
  );
});

const rotated = <T>(things: readonly T[], by: number): T[] => things.map((_, at) => things[(at + by) % things.length]!);
const useOf = (at: number): FileToLock['use'] => (at % 2 === 0 ? 'write' : 'read');

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadNativeCalls, type NativeCalls } from '../file-system/native-calls.js';
import { OfdImageLocks } from './ofd-image-locks.js';
import { openFilesOf } from '../../properties/models/open-files.js';
import { lockedImages, toRead, toWrite } from '../../properties/product/locked-images.js';

const { missing } = await loadNativeCalls();
const { locks, folder, image, lock } = lockedImages();
/** By name: how many descriptors the process has is not ours alone to say. */
const isOpenHere = (path: string): boolean => process.platform === 'linux' && openFilesOf(process.pid).includes(path);

describe('two runs in one process', () => {
  it.each([
    ['with koffi', new OfdImageLocks(), new OfdImageLocks()],
    [
      'without',
      ...([1, 2].map(() => new OfdImageLocks(async () => ({ calls: null, missing: 'not here' }))) as [
        OfdImageLocks,
        OfdImageLocks,
      ]),
    ],
  ] as const)('exclude each other %s', async (_, one, two) => {
    const path = image();
    const first = await one.lockAll([toRead(path)]);
    expect(first.held).toBe(true);
    expect(await two.lockAll([toRead(image()), toWrite(path)])).toMatchObject({
      held: false,
      path,
      holders: [{ pid: process.pid, how: 'chainfold lock, in this very process' }],
    });
    if (first.held) await first.release();
    const second = await two.lockAll([toWrite(path)]);
    expect(second.held).toBe(true);
    if (second.held) await second.release();
  });

  it('exclude each other when they start in the same turn', async () => {
    const files = [image(), image()].map(toWrite);
    const outcomes = await Promise.all([lock(...files), lock(...files.toReversed()), lock(...files)]);
    expect(outcomes.filter((outcome) => outcome.held)).toHaveLength(1);
  });
});

describe('lockAll', () => {
  it('takes a file that is named twice, by whatever name, once: as one to write when one of them says so', async () => {
    const path = image();
    const second = join(folder(), 'second-name');
    fs.linkSync(path, second);
    expect(await lock(toRead(path), toWrite(second), toRead(path))).toMatchObject({ held: true });
    if (missing !== null) return;
    const { ino } = fs.statSync(path);
    const ofFile = fs
      .readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`:${String(ino)} `));
    const ranges = ofFile.flatMap((line) => / (READ|WRITE) .* (\d+ \S+)$/.exec(line)?.slice(1).join(' ') ?? []);
    expect(ranges.sort()).toEqual(['READ 100 101', 'READ 103 103', 'READ 201 201', 'READ 203 203', 'WRITE 0 EOF']);
  });

  it('changes nothing about the file, not even its times', async () => {
    const path = image();
    const before = fs.statSync(path, { bigint: true });
    await lock(toWrite(path));
    const after = fs.statSync(path, { bigint: true });
    expect([after.mtimeNs, after.ctimeNs, after.atimeNs]).toEqual([before.mtimeNs, before.ctimeNs, before.atimeNs]);
  });

  it.runIf(process.platform === 'linux')(
    'hands no descriptor, and so no lock, to a program that is started meanwhile',
    async () => {
      const path = image();
      await lock(toWrite(path));
      expect(isOpenHere(path)).toBe(true);
      expect(execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })).not.toContain(path);
    },
  );

  it('gives everything back when it throws half-way or is released, and may be released twice', async () => {
    const path = image();
    await expect(locks.lockAll([toWrite(path), toRead(join(folder(), 'missing'))])).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(locks.lockAll([toWrite(path), toRead(folder())])).rejects.toMatchObject({ code: 'not-a-file' });
    expect([path, folder()].filter(isOpenHere)).toEqual([]);
    const outcome = await lock(toWrite(path));
    if (outcome.held) await Promise.all([outcome.release(), outcome.release()]);
    expect(isOpenHere(path)).toBe(false);
    expect(await lock(toWrite(path))).toMatchObject({ held: true });
  });

  it('refuses a file system that cannot lock, and keeps nothing', async () => {
    const { calls } = await loadNativeCalls();
    if (calls === null) return;
    const ENOLCK = 37;
    const unable = new OfdImageLocks(async () => ({ calls: { ...calls, setByteLock: () => ENOLCK }, missing: null }));
    const path = image();
    await expect(unable.lockAll([toWrite(path)])).rejects.toThrow(/ENOLCK/);
    expect(isOpenHere(path)).toBe(false);
    expect(await lock(toWrite(path))).toMatchObject({ held: true });
  });

  it('takes files in the order of their inodes, whatever order they come in, and gives them back in the opposite one', async () => {
    const { calls } = await loadNativeCalls();
    if (calls === null) return;
    const order: string[] = [];
    const flock: NativeCalls['flock'] = (fd, operation) => {
      order.push(`${operation} ${String(fs.fstatSync(fd).ino)}`);
      return calls.flock(fd, operation);
    };
    const recording = new OfdImageLocks(async () => ({ calls: { ...calls, flock }, missing: null }));
    const paths = Array.from({ length: 6 }, image);
    const inodes = paths.map((path) => fs.statSync(path).ino).sort((a, b) => a - b);
    const outcome = await recording.lockAll(paths.toReversed().map(toRead));
    if (outcome.held) await outcome.release();
    expect(order).toEqual([
      ...inodes.map((ino) => `shared ${String(ino)}`),
      ...inodes.toReversed().map((ino) => `unlock ${String(ino)}`),
    ]);
  });

  it('lets runs of one process read a file together, and one of them write it alone', async () => {
    const path = image();
    const first = await lock(toRead(path));
    const second = await lock(toRead(path));
    expect([first.held, second.held]).toEqual([true, true]);
    if (first.held) await first.release();
    expect(await lock(toWrite(path))).toMatchObject({ held: false });
    if (second.held) await second.release();
    expect(await lock(toWrite(path))).toMatchObject({ held: true });
    expect(await lock(toRead(path))).toMatchObject({ held: false });
  });
});

describe('missingProtection', () => {
  it('says why, and what may happen, when nothing can be locked', async () => {
    const without = new OfdImageLocks(async () => ({ calls: null, missing: 'koffi is not here' }));
    expect(await without.missingProtection()).toEqual([expect.stringMatching(/koffi is not here.*could change them/)]);
  });

  it.runIf(missing === null)('is nothing on Linux with koffi, as far as no files are asked for', async () => {
    expect(await locks.missingProtection()).toEqual([]);
  });

  it.runIf(missing === null)('says nothing of a local file system, and of files that are not there', async () => {
    const ofFiles = (await locks.missingProtection([image(), join(folder(), 'missing')])).filter(
      // Processes that this user may not look into are this machine's matter.
      (sentence) => !sentence.startsWith('This user may not look into'),
    );
    expect(ofFiles).toEqual([]);
  });
});

describe('holdersOf', () => {
  it('tells of others only: this process has the file open and locked without being a holder', async () => {
    const path = image();
    await lock(toWrite(path));
    const fd = fs.openSync(path, 'r+');
    expect(await locks.holdersOf([path])).toEqual([]);
    fs.closeSync(fd);
  });

  it('is empty for a file that is not there, and for what is no file', async () => {
    expect(await locks.holdersOf([join(folder(), 'missing')])).toEqual([]);
    expect(await locks.holdersOf([folder()])).toEqual([]);
  });
});

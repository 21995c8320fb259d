import { describe, expect, test } from 'vitest';
import { type Call, MemoryFileSystem, type MemoryOptions } from '../../../properties/simulation/memory-file-system.js';
import {
  checkPlainVhd,
  imageBytes,
  openPlainVhd,
  plainVhdImage,
  type PlainVhdSpec,
} from '../../../properties/models/plain-vhd.js';
import { someDraws } from '../../../properties/simulation/draws.js';
import { RUN_GUID, valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdImages } from './vhd-images.js';

const PATH = '/vms/disk.vhd';
const BLOCK_BYTES = 4096;

const dynamic: PlainVhdSpec = {
  type: 'dynamic',
  dialect: 'windows',
  sizeBytes: 2 * BLOCK_BYTES,
  blockSizeBytes: BLOCK_BYTES,
  blocks: new Map([[1, { bits: [true], data: new Uint8Array(BLOCK_BYTES).fill(7, 0, 512) }]]),
  uniqueId: 'c4a10f01-d000-4000-8000-000000000001',
  timeStamp: 1,
};

/** Files that have lost one of their footers, or have it in an older form; every other byte is as it was. */
const DAMAGED: Readonly<Record<string, (whole: Uint8Array) => Uint8Array>> = {
  'whose copy in sector 0 is damaged': (whole) => whole.with(9, 0xff),
  'whose copies differ': (whole) => withCopy(whole, 0),
  'whose tail is damaged': (whole) => whole.with(whole.length - 1, 1),
  'whose tail is zeros, as when only the new size was durable': (whole) => whole.slice().fill(0, whole.length - 512),
  'that has grown by a part of a footer': (whole) => Uint8Array.from([...whole.slice(0, -512), ...new Uint8Array(700)]),
  'cut off behind its last block': (whole) => whole.slice(0, -512),
  'with a footer of 511 bytes': (whole) => whole.slice(0, -1),
};

/** Another time stamp in the head copy, its checksum right. */
const withCopy = (whole: Uint8Array, timeStamp: number): Uint8Array => {
  const other = imageBytes(plainVhdImage({ ...dynamic, timeStamp }));
  const changed = whole.slice();
  changed.set(other.subarray(0, 512));
  return changed;
};

const files = (damage: string, options: MemoryOptions = {}): MemoryFileSystem => {
  const disk = new MemoryFileSystem(options);
  disk.put(PATH, DAMAGED[damage]!(imageBytes(plainVhdImage(dynamic))));
  return disk;
};

const prepare = async (disk: MemoryFileSystem): Promise<void> => {
  const into = valueOf(await new VhdImages(disk, 'posix').openDestination(PATH));
  await into.prepare(RUN_GUID);
  await into.close();
};

const blockOf = (disk: MemoryFileSystem): Uint8Array => {
  const source = disk.source(PATH);
  const { table } = openPlainVhd(source);
  return source.read(table!.bat[1]! * 512 + 512, BLOCK_BYTES);
};

const flushesEachWrite = (calls: readonly Call[]): boolean =>
  calls.every(({ operation }, n) => operation === (n % 2 === 0 ? 'write' : 'flush'));

describe.each(Object.keys(DAMAGED))('a file %s', (damage) => {
  test('opens with a warning, and opening writes nothing', async () => {
    const disk = files(damage);
    const image = valueOf(await new VhdImages(disk, 'posix').open(PATH));
    expect(image.description.warnings).not.toEqual([]);
    expect(disk.calls).toEqual([]);
  });

  test('has two whole equal footers after `prepare`, each write flushed, its block untouched, and a second one writes nothing', async () => {
    const disk = files(damage);
    await prepare(disk);
    expect(checkPlainVhd(disk.source(PATH))).toEqual([]);
    expect(disk.bytes(PATH).length % 512).toBe(0);
    expect(disk.calls.length).toBeGreaterThan(0);
    expect(flushesEachWrite(disk.calls)).toBe(true);
    expect(blockOf(disk)).toEqual(blockOf(files(damage)));
    const calls = disk.calls.length;
    await prepare(disk);
    expect(disk.calls.length).toBe(calls);
  });

  test('that loses its power at any call of it opens, and is repaired the next time', async () => {
    const whole = files(damage);
    await prepare(whole);
    for (let call = 0; call < whole.calls.length; call += 1) {
      const disk = files(damage, { powerLossAt: call });
      await expect(prepare(disk)).rejects.toThrow('the power went');
      for (const draw of someDraws(8, call)) {
        const left = disk.restarted({}, draw);
        expect(blockOf(left)).toEqual(blockOf(whole));
        await prepare(left);
        expect(checkPlainVhd(left.source(PATH))).toEqual([]);
        expect(blockOf(left)).toEqual(blockOf(whole));
      }
    }
  });
});

describe('a sound file', () => {
  test('is not written to by `prepare`', async () => {
    const disk = new MemoryFileSystem();
    disk.put(PATH, imageBytes(plainVhdImage(dynamic)));
    await prepare(disk);
    expect(disk.calls).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import type { NewImage } from '#application/ports/disk-image';
import { checkPlainVhd, guestBytes, openChain, openPlainVhd } from '../../../properties/models/plain-vhd.js';
import { someDraws } from '../../../properties/simulation/draws.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdImages } from './vhd-images.js';

const MIB = 1024 * 1024;
const PATH = '/vms/new disk.vhd';
const spec: NewImage = {
  type: 'dynamic',
  virtualSizeBytes: 5 * MIB,
  blockSizeBytes: 2 * MIB,
  logicalSectorSize: 512,
  parent: null,
  uniqueId: 'c4a10f01-d000-4000-8000-00000000abcd',
  timeStampMs: Date.UTC(2026, 10, 24),
};

/** A disk with the folder /vms in it. */
const disk = (): MemoryFileSystem => {
  const files = new MemoryFileSystem();
  files.put('/vms/other.txt', new Uint8Array(1));
  return files;
};

const createdBy = (files: MemoryFileSystem, changed: Partial<NewImage> = {}, path = PATH) =>
  new VhdImages(files, 'posix').create(path, { ...spec, ...changed });

const refusalOf = async (changed: Partial<NewImage>, path = PATH): Promise<string> => {
  const files = disk();
  const created = await createdBy(files, changed, path);
  expect(files.calls).toEqual([]);
  return created.ok ? 'created' : created.error.kind;
};

describe.each(['fixed', 'dynamic'] as const)('a new %s disk', (type) => {
  test('is all zeros, sound, and says what was asked for', async () => {
    const files = disk();
    const description = valueOf(await createdBy(files, { type }));
    expect(description).toMatchObject({
      path: PATH,
      format: 'vhd',
      type,
      virtualSizeBytes: 5 * MIB,
      blockSizeBytes: type === 'fixed' ? null : 2 * MIB,
      identity: spec.uniqueId,
      warnings: [],
    });
    expect(checkPlainVhd(files.source(PATH))).toEqual([]);
    expect(guestBytes(openChain([files.source(PATH)])).every((byte) => byte === 0)).toBe(true);
    const { timeStamp, creator } = openPlainVhd(files.source(PATH));
    expect(timeStamp).toBe((Date.UTC(2026, 10, 24) - Date.UTC(2000, 0, 1)) / 1000);
    // QEMU takes the size of other creators' disks from their geometry, which is smaller.
    expect(creator).toBe('win  a.0');
    expect(await files.list('/vms')).toEqual(['other.txt', 'new disk.vhd']);
  });

  test('is there after a power loss, name and content, when it was said to be created', async () => {
    const files = disk();
    valueOf(await createdBy(files, { type }));
    const left = files.restarted({}, () => 0);
    expect(checkPlainVhd(left.source(PATH))).toEqual([]);
    expect(await left.list('/vms')).toEqual(['other.txt', 'new disk.vhd']);
  });

  test('has its name only when it is whole, whatever call the power goes at', async () => {
    const whole = disk();
    valueOf(await createdBy(whole, { type }));
    for (let call = 0; call < whole.calls.length; call += 1) {
      const files = disk().restarted({ powerLossAt: call }, () => 1);
      await expect(createdBy(files, { type })).rejects.toThrow();
      expect(files.isOff).toBe(true);
      for (const draw of someDraws(4, call)) {
        const left = files.restarted({}, draw);
        if ((await left.stat(PATH)) !== null) expect(checkPlainVhd(left.source(PATH))).toEqual([]);
      }
    }
  });
});

describe('a new child', () => {
  test('shows its parent, and finds it by every path that it stores', async () => {
    const files = disk();
    const parent = valueOf(await createdBy(files, {}, '/vms/Größe.vhd'));
    const { virtualSizeBytes } = parent;
    const child = valueOf(
      await createdBy(files, {
        type: 'differencing',
        parent,
        virtualSizeBytes,
        uniqueId: spec.uniqueId.replace('a', 'b'),
      }),
    );
    expect(child.parentIdentities).toEqual([parent.identity]);
    expect(child.parentCandidates.map(({ path }) => path)).toEqual([parent.path]);
    expect(checkPlainVhd(files.source(PATH))).toEqual([]);
    expect(openPlainVhd(files.source(PATH)).parent!.locators.map(({ code }) => code)).toEqual(['MacX', 'W2ku', 'W2ru']);
    openChain([files.source(PATH), files.source(parent.path)]);
  });

  test('of another size or format than its parent, or without one, is refused', async () => {
    const parent = valueOf(await createdBy(disk()));
    const type = 'differencing';
    expect(await refusalOf({ type, parent, virtualSizeBytes: 6 * MIB })).toBe('size-mismatch');
    expect(await refusalOf({ type, parent: { ...parent, format: 'vhdx' } })).toBe('mixed-formats');
    expect(await refusalOf({ type, parent: null })).toBe('invalid-parameter');
    expect(await refusalOf({ type: 'dynamic', parent })).toBe('invalid-parameter');
  });
});

describe('a new disk is refused, and nothing is written,', () => {
  test.each([
    ['whose size is no multiple of 512', { virtualSizeBytes: 1000 }],
    ['of no size', { virtualSizeBytes: 0 }],
    ['above 2040 GiB', { virtualSizeBytes: 2040 * 1024 * MIB + 512 }],
    ['with blocks of 3 MiB', { blockSizeBytes: 3 * MIB }],
    ['with blocks of 2 KiB', { blockSizeBytes: 2048 }],
    ['with sectors of 4096 bytes', { logicalSectorSize: 4096 }],
    ['with an id that is none', { uniqueId: 'c4a10f01' }],
    ['with an id of zeros', { uniqueId: '00000000-0000-0000-0000-000000000000' }],
  ])('%s', async (_, changed) => {
    expect(await refusalOf(changed)).toBe('invalid-parameter');
  });

  test('with the name of a file that is there: that stays as it was', async () => {
    expect(await refusalOf({}, '/vms/other.txt')).toBe('invalid-parameter');
  });

  test('in a folder that is not there', async () => {
    expect(await refusalOf({}, '/nowhere/disk.vhd')).toBe('file-not-found');
  });
});

test('a disk of 2040 GiB takes the bytes of its table', async () => {
  const files = disk();
  const size = 2040 * 1024 * MIB;
  valueOf(await createdBy(files, { virtualSizeBytes: size }));
  expect(files.bytes(PATH).length).toBe(512 + 1024 + (size / (2 * MIB)) * 4 + 512);
  const image = valueOf(await new VhdImages(files, 'posix').open(PATH));
  expect(await image.nextSupplied(0)).toBeNull();
  expect(await image.supplied({ start: 0, count: size / 512 })).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import type { NewImage } from '#application/ports/disk-image';
import type { ImageDescription } from '#domain/chain/image-description';
import type { HostStyle } from '#domain/chain/parent-candidates';
import type { MergeError } from '#domain/merge-error';
import { ok, type Result } from '#domain/result';
import {
  checkPlainVhdx,
  openPlainVhdx,
  openVhdxChain,
  plainVhdxImage,
  vhdxGuestBytes,
  vhdxGuestSha256,
} from '../../../properties/models/plain-vhdx.js';
import { dynamic } from '../../../properties/simulation/damaged-vhdx.js';
import { keepNothing, someDraws } from '../../../properties/simulation/draws.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { guids } from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { openVhdx } from './open-vhdx.js';
import { createVhdx } from './vhdx-create.js';

const MIB = 1024 * 1024;
const TIB = MIB * MIB;
const FOLDER = '/vms';
const PATH = '/vms/new disk.vhdx';
const spec: NewImage = {
  type: 'dynamic',
  virtualSizeBytes: 5 * MIB,
  blockSizeBytes: 2 * MIB,
  logicalSectorSize: 512,
  parent: null,
  uniqueId: 'c4a10f01-d000-4000-8000-00000000abcd',
  timeStampMs: Date.UTC(2026, 10, 24),
};

const disk = (): MemoryFileSystem => {
  const files = new MemoryFileSystem();
  files.put('/vms/other.txt', new Uint8Array(1));
  return files;
};

const created = (
  files: MemoryFileSystem,
  changed: Partial<NewImage> = {},
  path = PATH,
  hostStyle: HostStyle = 'posix',
) => createVhdx(files, path, FOLDER, { ...spec, ...changed }, hostStyle, guids());

const described = async (files: MemoryFileSystem, path: string): Promise<ImageDescription> =>
  valueOf(await openVhdx(await files.open(path, 'read'), path, 'posix')).description;

const createdBy = async (
  files: MemoryFileSystem,
  changed: Partial<NewImage> = {},
  path = PATH,
): Promise<Result<ImageDescription, MergeError>> => {
  const answer = await created(files, changed, path);
  return answer.ok ? ok(await described(files, path)) : answer;
};

describe.each([
  ['fixed', 512],
  ['dynamic', 512],
  ['fixed', 4096],
  ['dynamic', 4096],
] as const)('a new %s disk with sectors of %i bytes', (type, logicalSectorSize) => {
  test('is all zeros, sound, and says what was asked for', async () => {
    const files = disk();
    const description = valueOf(await createdBy(files, { type, logicalSectorSize }));
    expect(description).toMatchObject({
      path: PATH,
      format: 'vhdx',
      type,
      virtualSizeBytes: 5 * MIB,
      blockSizeBytes: 2 * MIB,
      logicalSectorSize,
      identity: spec.uniqueId,
      parentIdentities: [],
      warnings: [],
    });
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    expect(vhdxGuestBytes(openVhdxChain([files.source(PATH)])).every((byte) => byte === 0)).toBe(true);
    const { creator, physicalSectorBytes, virtualDiskId, fileWriteGuid, header } = openPlainVhdx(files.source(PATH));
    expect([creator, physicalSectorBytes]).toEqual(['chainfold', 4096]);
    expect(new Set([virtualDiskId, fileWriteGuid, spec.uniqueId]).size).toBe(3);
    expect(header.log).toEqual({ offsetBytes: MIB, lengthBytes: MIB });
    expect(await files.list('/vms')).toEqual(['other.txt', 'new disk.vhdx']);
  });

  test('is there after a power loss, name and content, when it was said to be created', async () => {
    const files = disk();
    valueOf(await created(files, { type, logicalSectorSize }));
    const left = files.restarted({}, keepNothing);
    expect(checkPlainVhdx(left.source(PATH))).toEqual([]);
    expect(await left.list('/vms')).toEqual(['other.txt', 'new disk.vhdx']);
  });

  test('has its name only when it is whole, whatever call the power goes at', async () => {
    const whole = disk();
    valueOf(await created(whole, { type, logicalSectorSize }));
    for (let call = 0; call < whole.calls.length; call += 1) {
      const files = disk().restarted({ powerLossAt: call }, () => 1);
      await expect(created(files, { type, logicalSectorSize })).rejects.toThrow();
      for (const draw of someDraws(2, call)) {
        const left = files.restarted({}, draw);
        if ((await left.stat(PATH)) !== null) expect(checkPlainVhdx(left.source(PATH))).toEqual([]);
      }
    }
  });
});

describe('a new disk', () => {
  test('that is fixed has a place for every block, one after the other, in a table of several slices', async () => {
    const files = disk();
    const virtualSizeBytes = 40_000 * MIB + 512;
    valueOf(await createdBy(files, { type: 'fixed', virtualSizeBytes, blockSizeBytes: MIB }));
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    const { payload, geometry, source } = openPlainVhdx(files.source(PATH));
    expect([geometry.payloadBlocks, geometry.entryCount]).toEqual([40_001, 40_001 + 9]);
    for (const block of [0, 1, 4095, 4096, 32_768, 40_000])
      expect(payload(block)).toEqual({ state: 6, reserved: 0, offsetBytes: (4 + block) * MIB });
    expect(source.sizeBytes).toBe((4 + 40_001) * MIB);
  });

  test('of 64 TiB takes the bytes of its table', async () => {
    const files = disk();
    const virtualSizeBytes = 64 * TIB;
    valueOf(await createdBy(files, { virtualSizeBytes, blockSizeBytes: MIB }));
    expect((await files.stat(PATH))?.sizeBytes).toBe(3 * MIB + 513 * MIB);
  });

  test('that could not be finished leaves nothing', async () => {
    for (const call of [1, 4, 8]) {
      const files = disk().restarted({ faultAt: { call, code: 'out-of-space' } }, () => 1);
      await expect(created(files)).rejects.toMatchObject({ code: 'out-of-space' });
      expect(await files.list('/vms')).toEqual(['other.txt']);
    }
  });
});

describe('a new child', () => {
  const parentIn = (files: MemoryFileSystem): Promise<ImageDescription> => {
    files.put('/vms/gold/Größe.vhdx', plainVhdxImage({ ...dynamic, physicalSectorBytes: 512 }));
    return described(files, '/vms/gold/Größe.vhdx');
  };

  test('shows its parent, finds it, has its disk id and its sectors, and an identity of its own', async () => {
    const files = disk();
    const parent = await parentIn(files);
    const { virtualSizeBytes } = parent;
    const child = valueOf(await createdBy(files, { type: 'differencing', parent, virtualSizeBytes }));
    expect(child).toMatchObject({ type: 'differencing', identity: spec.uniqueId, parentIdentities: [parent.identity] });
    expect(child.parentCandidates.map(({ path }) => path)).toEqual([parent.path]);
    const [own, its] = [openPlainVhdx(files.source(PATH)), openPlainVhdx(files.source(parent.path))];
    expect([own.virtualDiskId, own.physicalSectorBytes]).toEqual([its.virtualDiskId, 512]);
    expect(own.parent?.pairs.map(({ key }) => key)).toEqual(['parent_linkage', 'relative_path', 'parent_linkage2']);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    const [over, alone] = [[own.source, its.source], [its.source]].map((chain) =>
      vhdxGuestSha256(openVhdxChain(chain)),
    );
    expect(over).toBe(alone);
  });

  test('may be larger or smaller than its parent', async () => {
    for (const virtualSizeBytes of [9 * MIB, 2 * MIB]) {
      const files = disk();
      const parent = await parentIn(files);
      valueOf(await created(files, { type: 'differencing', parent, virtualSizeBytes }));
      const sources = [PATH, parent.path].map((path) => files.source(path));
      expect(vhdxGuestBytes(openVhdxChain(sources))).toHaveLength(virtualSizeBytes);
    }
  });

  test('stores the absolute path too on Windows, and that alone to another drive', async () => {
    const keysTo = async (parentPath: string): Promise<unknown> => {
      const files = new MemoryFileSystem();
      files.put(parentPath, plainVhdxImage(dynamic));
      const parent = { ...(await described(files, parentPath)), path: parentPath };
      const path = 'C:\\vms\\child.vhdx';
      valueOf(await created(files, { type: 'differencing', parent }, path, 'windows'));
      return openPlainVhdx(files.source(path)).parent?.pairs.filter(({ key }) => key.endsWith('path'));
    };
    expect(await keysTo('C:\\vms\\base.vhdx')).toEqual([
      { key: 'absolute_win32_path', value: 'C:\\vms\\base.vhdx' },
      { key: 'relative_path', value: '.\\base.vhdx' },
    ]);
    expect(await keysTo('D:\\base.vhdx')).toEqual([{ key: 'absolute_win32_path', value: 'D:\\base.vhdx' }]);
  });

  test('is refused without a parent, over one of another format or sector size, over one that has changed or has no path', async () => {
    const type = 'differencing';
    const refusal = async (changed: (parent: ImageDescription) => Partial<NewImage>): Promise<string> => {
      const files = disk();
      const answer = await created(files, changed(await parentIn(files)));
      expect(files.calls).toEqual([]);
      return answer.ok ? 'created' : answer.error.kind;
    };
    expect(await refusal(() => ({ type }))).toBe('invalid-parameter');
    expect(await refusal((parent) => ({ type: 'dynamic', parent }))).toBe('invalid-parameter');
    expect(await refusal((parent) => ({ type, parent: { ...parent, format: 'vhd' } }))).toBe('mixed-formats');
    expect(await refusal((parent) => ({ type, parent, logicalSectorSize: 4096 }))).toBe('sector-size-differs');
    const identity = spec.uniqueId;
    expect(await refusal((parent) => ({ type, parent: { ...parent, identity } }))).toBe('image-changed');
    expect(await refusal((parent) => ({ type, parent: { ...parent, path: '/vms/other.txt' } }))).toBe(
      'not-a-virtual-disk',
    );
    const files = disk();
    files.put('/vms/a\\b.vhdx', plainVhdxImage(dynamic));
    const unnameable = await created(files, { type, parent: await described(files, '/vms/a\\b.vhdx') });
    expect(unnameable).toMatchObject({ ok: false, error: { kind: 'invalid-parameter' } });
  });
});

describe('a new disk is refused, and nothing is written,', () => {
  test.each<[string, Partial<NewImage>]>([
    ['whose size is no multiple of its sectors', { virtualSizeBytes: 5 * MIB + 512, logicalSectorSize: 4096 }],
    ['of no size', { virtualSizeBytes: 0 }],
    ['above 64 TiB', { virtualSizeBytes: 64 * TIB + 512 }],
    ['with blocks of 3 MiB', { blockSizeBytes: 3 * MIB }],
    ['with blocks of 512 KiB', { blockSizeBytes: MIB / 2 }],
    ['with blocks of 512 MiB', { blockSizeBytes: 512 * MIB }],
    ['with sectors of 1024 bytes', { logicalSectorSize: 1024 }],
    ['with an id that is none', { uniqueId: 'c4a10f01' }],
    ['with an id of zeros', { uniqueId: '00000000-0000-0000-0000-000000000000' }],
  ])('%s', async (_, changed) => {
    const files = disk();
    expect(await created(files, changed)).toMatchObject({ ok: false, error: { kind: 'invalid-parameter' } });
    expect(files.calls).toEqual([]);
  });

  test('with the name of a file that is there: that stays as it was', async () => {
    const files = disk();
    expect(await created(files, {}, '/vms/other.txt')).toMatchObject({
      ok: false,
      error: { kind: 'invalid-parameter' },
    });
    expect(files.calls).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import type { Reparenting, ReparentImages } from '#application/ports/disk-image';
import type { ImageDescription } from '#domain/chain/image-description';
import {
  checkPlainVhdx,
  fatalVhdx,
  openPlainVhdx,
  plainVhdxImage,
  type PlainVhdxSpec,
} from '../../../properties/models/plain-vhdx.js';
import { checkStructure } from '../../../properties/models/plain-vhdx-check.js';
import { dynamic, IDENTITY, PARENT_IDENTITY, PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { drawnFrom, keepAll, keepNothing, someDraws } from '../../../properties/simulation/draws.js';
import type { MemoryFileSystem, MemoryOptions } from '../../../properties/simulation/memory-file-system.js';
import { diskWith, guids, stampedChild, wholeWrites } from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { openVhdx } from './open-vhdx.js';
import { VhdxReparenting } from './vhdx-reparenting.js';

const BASE = '/vms/golden/new base.vhdx';
const BASE_IDENTITY = 'c4a10f01-d000-4000-8000-00000000ba5e';
const UNKNOWN = { key: 'another_key', value: 'kept' };
const windows = stampedChild(512);
const openvmm = stampedChild(4096, { dialect: 'openvmm' });
const dirty = stampedChild(512, {
  log: { state: 'dirty', logGuid: guids(900)(), holds: ['metadata', 'bat'], before: 'stale' },
});

const diskOf = (spec: PlainVhdxSpec, options: MemoryOptions = {}): MemoryFileSystem => {
  const files = diskWith(spec, options);
  files.put(BASE, plainVhdxImage({ ...dynamic, dataWriteGuid: BASE_IDENTITY }));
  return files;
};

const baseOf = async (files: MemoryFileSystem): Promise<ImageDescription> =>
  valueOf(await openVhdx(await files.open(BASE, 'read'), BASE, 'posix')).description;

const planOn = async (files: MemoryFileSystem, changes: Partial<ImageDescription> = {}, path = PATH) =>
  VhdxReparenting.plan(files, path, { ...(await baseOf(files)), ...changes }, 'posix', guids());

const resumed = (files: MemoryFileSystem, images: ReparentImages): Reparenting =>
  new VhdxReparenting(files, PATH, images, 'posix', guids(50));

const parentIn = (files: MemoryFileSystem) => openPlainVhdx(files.source(PATH)).parent!;

describe.each([
  ['as Windows writes it', windows],
  ['with less in its locator, in sectors of 4096 bytes', openvmm],
  ['with a log that was not applied', dirty],
])('a child %s that gets another parent', (_, spec) => {
  test('names it by identity and by path, keeps its own identity, and is sound and at rest', async () => {
    const files = diskOf(spec);
    const change = valueOf(await planOn(files));
    expect(files.calls).toEqual([]);
    expect(change.images).toMatchObject({ dataWriteGuid: IDENTITY, fileWriteGuid: guids()() });
    valueOf(await change.apply());
    const left = files.restarted({}, keepNothing);
    expect(checkPlainVhdx(left.source(PATH))).toEqual([]);
    const { parent, dataWriteGuid, fileWriteGuid } = openPlainVhdx(left.source(PATH));
    expect([dataWriteGuid, fileWriteGuid]).toEqual([IDENTITY, change.images.fileWriteGuid]);
    expect(parent!.linkages).toEqual([BASE_IDENTITY]);
    const paths = parent!.pairs.filter(({ key }) => !key.startsWith('parent_linkage'));
    expect(paths).toEqual([{ key: 'relative_path', value: '.\\golden\\new base.vhdx' }]);
    const { description } = valueOf(await openVhdx(await left.open(PATH, 'read'), PATH, 'posix'));
    expect(description.parentCandidates.map(({ path }) => path)).toEqual([BASE]);
  });

  test('is told apart before, between and after; applied again nothing is written', async () => {
    const files = diskOf(spec);
    const { images } = valueOf(await planOn(files));
    const change = resumed(files, images);
    expect(await change.state()).toBe('before');
    valueOf(await change.apply());
    expect(await change.state()).toBe('after');
    const calls = files.calls.length;
    valueOf(await change.apply());
    expect(files.calls.length).toBe(calls);
    const seen = new Set<string>();
    for (let call = 0; call < calls; call += 1) {
      const cut = diskOf(spec, { powerLossAt: call });
      await expect(resumed(cut, images).apply()).rejects.toThrow('the power went');
      seen.add(await resumed(cut.restarted({}, keepAll), images).state());
    }
    expect([...seen]).toEqual(['before', 'between', 'after']);
  });

  test('names the one or the other at every instant of a power loss, and is finished by another process', async () => {
    const whole = diskOf(spec);
    const { images } = valueOf(await planOn(whole));
    const before = parentIn(whole);
    valueOf(await resumed(whole, images).apply());
    const after = parentIn(whole);
    const expectOneOrOther = (files: MemoryFileSystem): void => {
      const image = openPlainVhdx(files.source(PATH));
      expect([before, after]).toContainEqual(image.parent);
      expect(checkStructure(image).filter(fatalVhdx)).toEqual([]);
    };
    for (let call = 0; call < whole.calls.length; call += 1) {
      const files = diskOf(spec, { powerLossAt: call });
      await expect(resumed(files, images).apply()).rejects.toThrow('the power went');
      for (const draw of wholeWrites(files)) expectOneOrOther(files.restarted({}, draw));
      for (const draw of someDraws(1, call)) {
        const left = files.restarted({ powerLossAt: draw(whole.calls.length) }, draw);
        expectOneOrOther(left);
        await resumed(left, images)
          .apply()
          .catch((error: unknown) => {
            if (!left.isOff) throw error;
          });
        const again = left.restarted({}, drawnFrom(call + 1));
        expectOneOrOther(again);
        valueOf(await resumed(again, images).apply());
        const { parent, dirtyLog } = openPlainVhdx(again.restarted({}, keepNothing).source(PATH));
        expect([parent, dirtyLog]).toEqual([after, undefined]);
      }
    }
  }, 60_000);
});

describe('a re-parenting', () => {
  test('keeps keys that it does not know, and takes paths away that lead to the former parent', async () => {
    const pairs = [
      { key: 'parent_linkage', value: `{${PARENT_IDENTITY}}` },
      UNKNOWN,
      { key: 'volume_path', value: '\\\\?\\Volume{c4a10f01-d000-4000-8000-0000000000aa}\\base.vhdx' },
      { key: 'absolute_win32_path', value: 'C:\\vms\\base.vhdx' },
    ];
    const parent = { dataWriteGuid: PARENT_IDENTITY, fileName: 'base.vhdx', pairs };
    const files = diskOf(stampedChild(512, { parent }));
    valueOf(await valueOf(await planOn(files)).apply());
    const keys = parentIn(files).pairs.map(({ key }) => key);
    expect([...keys].sort()).toEqual(['another_key', 'parent_linkage', 'parent_linkage2', 'relative_path']);
    expect(parentIn(files).pairs).toContainEqual(UNKNOWN);
  });

  test('of a child that someone gave a third parent, or of another file, is refused, and nothing is written', async () => {
    const files = diskOf(windows);
    const { images } = valueOf(await planOn(files));
    const third = 'c4a10f01-d000-4000-8000-00000000c0de';
    const changed = stampedChild(512, {
      parent: { dataWriteGuid: third, fileName: 'third.vhdx' },
    });
    const torn = { sizeBytes: 4 * 1024 * 1024, extents: [] };
    for (const [content, kind] of [
      [plainVhdxImage(changed), 'image-changed'],
      [plainVhdxImage(dynamic), 'not-differencing'],
      [torn, 'not-a-virtual-disk'],
    ] as const) {
      const other = diskOf(windows);
      other.put(PATH, content);
      expect(await resumed(other, images).state()).toBe('foreign');
      expect(await resumed(other, images).apply()).toMatchObject({ ok: false, error: { kind } });
      expect(other.calls).toEqual([]);
    }
  });

  test('of a child that a machine has used since goes on', async () => {
    const { images } = valueOf(await planOn(diskOf(windows)));
    const used = diskOf(stampedChild(512, { dataWriteGuid: BASE_IDENTITY }));
    expect(await resumed(used, images).state()).toBe('before');
    valueOf(await resumed(used, images).apply());
    expect(openPlainVhdx(used.source(PATH)).dataWriteGuid).toBe(BASE_IDENTITY);
  });

  test('of a disk without a parent, to a parent of another format, or without a path to it, is refused', async () => {
    const files = diskOf(windows);
    const refusal = async (path: string, changes: Partial<ImageDescription>): Promise<string> => {
      const answer = await planOn(files, changes, path);
      return answer.ok ? 'ok' : answer.error.kind;
    };
    expect(await refusal(BASE, {})).toBe('not-differencing');
    expect(await refusal(PATH, { format: 'vhd' })).toBe('mixed-formats');
    expect(await refusal(PATH, { path: '/vms/a\\b.vhdx' })).toBe('invalid-parameter');
    expect(await refusal('/vms/nothing.vhdx', {})).toBe('file-not-found');
    const withoutLog = diskOf(stampedChild(512, { logMib: 0 }));
    expect(await planOn(withoutLog)).toMatchObject({ ok: false, error: { kind: 'format-not-supported' } });
    expect([...files.calls, ...withoutLog.calls]).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { checkPlainVhdx, openPlainVhdx, type PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import { PATH } from '../../../properties/simulation/damaged-vhdx.js';
import type { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import {
  begun,
  callWords as words,
  contentOf,
  dirtyLog,
  diskWith,
  FILE_WRITE_GUID,
  guids,
  openedForWriting,
  stampedChild,
  stamping,
  stampPlaces,
} from '../../../properties/simulation/vhdx-sessions.js';

const spec = stampedChild(512);
const imageIn = (files: MemoryFileSystem) => openPlainVhdx(files.source(PATH));

describe('a session sets right', () => {
  test.each<[string, Partial<PlainVhdxSpec>, readonly string[]]>([
    ['a damaged header', { otherHeader: 'damaged' }, []],
    ['a damaged header, the current one first', { otherHeader: 'damaged', currentHeader: 0 }, []],
    ['two headers with one sequence number', { otherHeader: 'identical' }, []],
    ['a damaged first region table', { damagedRegionTable: 0 }, ['log 4096', 'flush', 'region table', 'flush']],
    ['a damaged second region table', { damagedRegionTable: 1 }, ['log 4096', 'flush', 'region table', 'flush']],
    ['a log that was not applied', { log: dirtyLog }, []],
  ])('%s', async (_, changes, repair) => {
    const files = diskWith({ ...spec, ...changes } as PlainVhdxSpec);
    const before = contentOf(imageIn(files));
    const writable = await openedForWriting(files);
    const session = await begun(writable);
    if (repair.length > 0) expect(words(files).slice(-repair.length)).toEqual(repair);
    await session.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    expect(contentOf(imageIn(files))).toEqual(before);
    const calls = files.calls.length;
    await begun(writable, guids(50));
    expect(words(files, calls)).not.toContain('region table');
  });

  test('a log only after the header has a new FileWriteGuid, and names it until its pages are flushed', async () => {
    const files = diskWith(stampedChild(512, { log: dirtyLog }));
    await begun(await openedForWriting(files));
    const pages = words(files).filter((word) => word === 'metadata');
    const headers = ['header 1', 'flush', 'header 2', 'flush'];
    expect(words(files).slice(1, -6)).toEqual([...headers, ...pages, 'flush', ...headers]);
    const cut = diskWith(stampedChild(512, { log: dirtyLog }), { powerLossAt: 5 });
    await expect(openedForWriting(cut).then((writable) => begun(writable))).rejects.toThrow('the power went');
    expect(imageIn(cut).headers).toMatchObject(
      [1, 2].map(() => ({ fileWriteGuid: FILE_WRITE_GUID, logGuid: dirtyLog.logGuid })),
    );
  });
});

test('once a log is applied the open file shows what is on the disk, not what the log held', async () => {
  const files = diskWith(stampedChild(512, { log: dirtyLog }));
  const writable = await openedForWriting(files);
  const session = await begun(writable);
  const places = stampPlaces(spec);
  await session.commit([stamping(places, 1, 1)]);
  const stamp = new Uint8Array(3);
  await writable.vhdx.view.read(stamp, places.item);
  expect([...stamp]).toEqual([1, 1, 1]);
});

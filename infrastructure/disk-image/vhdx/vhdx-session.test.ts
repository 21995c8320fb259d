import { describe, expect, test } from 'vitest';
import { checkPlainVhdx, openPlainVhdx, NIL_GUID, type PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import { PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { keepNothing } from '../../../properties/simulation/draws.js';
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
  stampIn,
  stamping,
  stampPlaces,
} from '../../../properties/simulation/vhdx-sessions.js';
import { sessionRefusal, type VhdxSession } from './vhdx-session.js';

const MIB = 1024 * 1024;
const DATA_WRITE_GUID = 'c4a10f01-d000-4000-a000-000000000002';
const spec = stampedChild(512);
const places = stampPlaces(spec);

const sessionOn = async (files: MemoryFileSystem): Promise<VhdxSession> => begun(await openedForWriting(files));
const imageIn = (files: MemoryFileSystem) => openPlainVhdx(files.source(PATH));

describe('a session', () => {
  test('has its first entry flushed before a header names the log, and writes the header that does not count first', async () => {
    const files = diskWith(spec);
    await sessionOn(files);
    const flushed = ['log 0', 'flush', 'header 1', 'flush', 'header 2', 'flush'];
    expect(words(files)).toEqual(['flush', ...flushed]);
    const other = diskWith({ ...spec, currentHeader: 0 });
    await sessionOn(other);
    expect(words(other)).toEqual(['flush', 'log 0', 'flush', 'header 2', 'flush', 'header 1', 'flush']);
  });

  test('flushes an entry before its pages are written, and these before the next entry and before the log is empty', async () => {
    const files = diskWith(spec);
    const session = await sessionOn(files);
    const before = files.calls.length;
    await session.commit([stamping(places, 1, 1)]);
    const pages = Array.from({ length: 4 }, () => 'metadata');
    expect(words(files, before)).toEqual(['log 4096', 'flush', ...pages, 'flush']);
    const atRest = files.calls.length;
    await session.rest();
    expect(words(files, atRest)).toEqual(['header 1', 'flush', 'header 2', 'flush']);
  });

  test('changes the FileWriteGuid and nothing else when nothing is committed; at rest both headers say that the log is empty', async () => {
    const files = diskWith(spec);
    const before = imageIn(files);
    const session = await sessionOn(files);
    const during = imageIn(files);
    expect(during.headers.map((header) => header?.logGuid)).toEqual([guids()(), guids()()]);
    expect(during.fileWriteGuid).toBe(FILE_WRITE_GUID);
    expect(during.dirtyLog?.entries.map(({ descriptors }) => descriptors)).toEqual([[]]);
    await session.rest();
    await session.rest();
    const after = imageIn(files);
    expect(contentOf(after)).toEqual(contentOf(before));
    expect(after.headers.map((header) => header?.logGuid)).toEqual([NIL_GUID, NIL_GUID]);
    expect(after.header.sequenceNumber).toBe(before.header.sequenceNumber + 4n);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test('gives both headers one new DataWriteGuid, flushed', async () => {
    const files = diskWith(spec);
    const session = await sessionOn(files);
    await session.changeHeader({ dataWriteGuid: DATA_WRITE_GUID });
    expect(session.header.dataWriteGuid).toBe(DATA_WRITE_GUID);
    const { headers } = imageIn(files.restarted({}, keepNothing));
    expect(headers.map((header) => header?.dataWriteGuid)).toEqual([DATA_WRITE_GUID, DATA_WRITE_GUID]);
  });

  test('grows the file, flushed, and says its length in the entries that follow', async () => {
    const files = diskWith(spec);
    const session = await sessionOn(files);
    const length = session.fileLengthBytes;
    await session.growFile(length + 3 * MIB);
    await session.growFile(length);
    expect(session.fileLengthBytes).toBe(length + 3 * MIB);
    expect(files.restarted({}, keepNothing).source(PATH).sizeBytes).toBe(length + 3 * MIB);
    await session.commit([stamping(places, 1, 1)]);
    const left = imageIn(files.restarted({}, keepNothing));
    expect(left.source.sizeBytes).toBe(length + 3 * MIB);
    expect(left.dirtyLog?.head).toMatchObject({
      flushedFileBytes: length + 3 * MIB,
      lastFileBytes: length + 3 * MIB,
    });
    await expect(session.growFile(length + 4 * MIB + 512)).rejects.toThrow('Bug: a VHDX grows to whole MiB');
  });

  test('says a length in whole MiB of a file that has none, and lets it have it', async () => {
    const files = diskWith(spec);
    const { sizeBytes } = files.source(PATH);
    await (await files.open(PATH, 'read-write')).truncate(sizeBytes + 5000);
    const session = await sessionOn(files);
    expect(session.fileLengthBytes).toBe(sizeBytes + 5000);
    expect(imageIn(files).dirtyLog?.head).toMatchObject({ flushedFileBytes: sizeBytes, lastFileBytes: sizeBytes });
    await session.rest();
    expect(files.source(PATH).sizeBytes).toBe(sizeBytes + 5000);
  });

  test('does what is asked for at once one after the other', async () => {
    const files = diskWith(spec);
    const session = await sessionOn(files);
    const length = session.fileLengthBytes;
    const before = files.calls.length;
    await Promise.all([
      ...[1, 2, 3].map((number) => session.commit([stamping(places, number, 10)])),
      session.growFile(length + 2 * MIB),
      session.growFile(length + MIB),
      session.changeHeader({ dataWriteGuid: DATA_WRITE_GUID }),
    ]);
    expect(await stampIn(files, places, 10)).toBe(3);
    expect(session.fileLengthBytes).toBe(length + 2 * MIB);
    expect(files.source(PATH).sizeBytes).toBe(length + 2 * MIB);
    const written = words(files, before).filter((word) => word.startsWith('log') || word.startsWith('header'));
    expect(written.slice(-2)).toEqual(['header 1', 'header 2']);
  });

  test('that finds no room for a longer file goes on with the file as it was', async () => {
    const begin = diskWith(spec);
    await sessionOn(begin);
    const files = diskWith(spec, { faultAt: { call: begin.calls.length, code: 'out-of-space' } });
    const session = await sessionOn(files);
    const length = session.fileLengthBytes;
    await expect(session.growFile(length + MIB)).rejects.toMatchObject({ code: 'out-of-space' });
    expect(session.fileLengthBytes).toBe(length);
    await session.commit([stamping(places, 1, 1)]);
    await session.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test('can be followed by another one on the same open file', async () => {
    const files = diskWith(stampedChild(512, { log: dirtyLog }));
    const writable = await openedForWriting(files);
    for (const number of [1, 2]) {
      const session = await begun(writable, guids(10 * number));
      await session.commit([stamping(places, number, 5)]);
      await session.rest();
      const bug = 'Bug: /vms/disk.vhdx is written after its session';
      await expect(session.commit([])).rejects.toThrow(bug);
      await expect(session.growFile(0)).rejects.toThrow(bug);
      await expect(session.changeHeader({ dataWriteGuid: DATA_WRITE_GUID })).rejects.toThrow(bug);
    }
    expect(await stampIn(files, places, 5)).toBe(2);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    await begun(writable);
    await expect(begun(writable)).rejects.toThrow('Bug: /vms/disk.vhdx is in a session already');
  });
});

describe('a transaction', () => {
  test('shares an entry with others while it fits, and is never split', async () => {
    const files = diskWith(spec);
    const session = await sessionOn(files);
    const entries = (from: number): readonly string[] => words(files, from).filter((word) => word.startsWith('log'));
    let calls = files.calls.length;
    await session.commit([1, 2, 3, 4].map((number) => stamping(places, number, 20)));
    expect(entries(calls)).toEqual(['log 4096']);
    calls = files.calls.length;
    await session.commit([5, 6, 7].map((number) => stamping(places, number, 80)));
    expect(entries(calls)).toHaveLength(4);
    expect(await stampIn(files, places, 80)).toBe(7);
  });

  test('holds of a page what it changes, and else what was there', async () => {
    const files = diskWith(spec);
    const session = await sessionOn(files);
    const before = imageIn(files).view.read(places.bitmap, 8192);
    await session.commit([
      { zeros: [], patches: [{ offsetBytes: places.bitmap + 4000, bytes: new Uint8Array(200).fill(7) }] },
      { zeros: [], patches: [{ offsetBytes: places.bitmap + 4100, bytes: new Uint8Array(10).fill(9) }] },
    ]);
    before.fill(7, 4000, 4200).fill(9, 4100, 4110);
    expect(imageIn(files).view.read(places.bitmap, 8192)).toEqual(before);
    await session.commit([
      {
        zeros: [{ offsetBytes: places.bitmap, lengthBytes: 8192 }],
        patches: [{ offsetBytes: places.bitmap + 5, bytes: Uint8Array.of(1) }],
      },
      { zeros: [], patches: [{ offsetBytes: places.bitmap + 6, bytes: Uint8Array.of(2) }] },
      { zeros: [{ offsetBytes: places.bitmap + 4096, lengthBytes: 4096 }], patches: [] },
    ]);
    before.fill(0).set([1, 2], 5);
    const { view, source } = imageIn(files);
    expect(view.read(places.bitmap, 8192)).toEqual(before);
    expect(source.read(places.bitmap, 8192)).toEqual(before);
  });

  test('that is too large, not of pages, or not about metadata, is a bug: nothing is written, and the file is refused', async () => {
    const patchAt = (offsetBytes: number, length = 1) => ({ offsetBytes, bytes: new Uint8Array(length) });
    const { sizeBytes } = diskWith(spec).source(PATH);
    for (const transaction of [
      { zeros: [], patches: [patchAt(places.bitmap, 126 * 4096 + 1)] },
      { zeros: [], patches: [patchAt(64 * 1024)] },
      { zeros: [], patches: [patchAt(2 * MIB - 1)] },
      { zeros: [], patches: [patchAt(sizeBytes - 1, 2)] },
      { zeros: [{ offsetBytes: places.bitmap, lengthBytes: 512 }], patches: [] },
    ]) {
      const files = diskWith(spec);
      const session = await sessionOn(files);
      const calls = files.calls.length;
      await expect(session.commit([stamping(places, 1, 1), transaction])).rejects.toThrow('Bug: ');
      expect(words(files, calls)).toEqual([]);
      await expect(session.rest()).rejects.toThrow('an earlier write of metadata');
    }
  });
});

describe('after a fault at any call of a session', () => {
  test.each(['io', 'out-of-space'] as const)(
    'the file is refused, and a restart finds it with the log that it needs: %s',
    async (code) => {
      const run = async (files: MemoryFileSystem): Promise<void> => {
        const session = await sessionOn(files);
        await session.commit([stamping(places, 1, 20)]);
        await session.commit([stamping(places, 2, 20)]);
        await session.rest();
      };
      const whole = diskWith(spec);
      await run(whole);
      for (let call = 0; call < whole.calls.length; call += 1) {
        const files = diskWith(spec, { faultAt: { call, code } });
        const writable = await openedForWriting(files);
        let session: VhdxSession | null = null;
        const failing = async (): Promise<void> => {
          session = await begun(writable);
          await session.commit([stamping(places, 1, 20)]);
          await session.commit([stamping(places, 2, 20)]);
          await session.rest();
        };
        await expect(failing()).rejects.toMatchObject({ code });
        const calls = files.calls.length;
        await expect(writable.file.flush()).rejects.toMatchObject({ code });
        await expect(
          (session as VhdxSession | null)?.rest() ?? Promise.reject(new Error('no session')),
        ).rejects.toThrow();
        expect(files.calls.length).toBe(calls);
        const left = files.restarted({}, keepNothing);
        expect(await stampIn(left, places, 20)).toBeLessThanOrEqual(2);
        await run(left);
        expect(await stampIn(left, places, 20)).toBe(2);
      }
    },
    60_000,
  );
});

describe('a file that cannot be written is refused before anything is written:', () => {
  test.each<[string, Partial<PlainVhdxSpec>, string]>([
    ['one without a log', { logMib: 0 }, 'no log'],
    ['one whose sequence numbers are used up', { sequenceNumber: 2n ** 64n - 5n }, 'used up'],
  ])('%s', async (_, changes, message) => {
    const files = diskWith({ ...spec, ...changes } as PlainVhdxSpec);
    const writable = await openedForWriting(files);
    expect(sessionRefusal(writable.vhdx)?.message).toContain(message);
    await expect(begun(writable)).rejects.toThrow('Bug: a session without asking first');
    expect(files.calls).toEqual([]);
  });
});

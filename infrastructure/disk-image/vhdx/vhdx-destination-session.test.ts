import { describe, expect, test } from 'vitest';
import { checkPlainVhdx, NIL_GUID, openPlainVhdx } from '../../../properties/models/plain-vhdx.js';
import {
  before,
  data,
  diskWith,
  found,
  merge,
  MIB,
  onDisk,
  opened,
  PATH,
  shown,
  tinyVhdx,
  toWrite,
} from '../../../properties/simulation/tiny-vhdx-destination.js';

/** Behind log, metadata, BAT: where the first block of a file without blocks goes. */
const FIRST_PLACE = 4 * MIB;

describe('a session', () => {
  test('gives the file its GUIDs, and leaves it clean', async () => {
    const files = diskWith(tinyVhdx('dynamic', new Map([[0, { state: 6 }]])));
    const old = openPlainVhdx(files.source(PATH));
    const into = await opened(files);
    const written = openPlainVhdx(files.source(PATH));
    expect(written.dataWriteGuid).toBe(old.dataWriteGuid);
    expect(written.fileWriteGuid).toBe(into.description.writeIdentity);
    expect(written.fileWriteGuid).not.toBe(old.fileWriteGuid);
    expect(written.header.logGuid).not.toBe(NIL_GUID);
    const identity = 'c4a10f01-d000-4000-8000-0000000000cc';
    await into.identityChange!.take(identity);
    expect(into.description.identity).toBe(identity);
    expect(openPlainVhdx(files.source(PATH)).headers.map((header) => header?.dataWriteGuid)).toEqual([
      identity,
      identity,
    ]);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    expect(openPlainVhdx(files.source(PATH)).header.logGuid).toBe(NIL_GUID);
  });

  test('begins anew after it was at rest, with the places that are free by then', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    await into.openWindow([toWrite(into, 1, [data(1)])]);
    await merge(into, [toWrite(into, 0, [data(1)])]);
    await into.rest();
    await into.rest();
    const guid = 'c4a10f01-d000-4000-8000-0000000000dd';
    await into.prepare(guid);
    await into.prepare('not looked at');
    expect(into.description.writeIdentity).toBe(guid);
    const [offset] = await merge(into, [toWrite(into, 2, [data(1)])]);
    await into.rest();
    // The window that was never committed had the place.
    expect(offset).toBe(FIRST_PLACE + MIB);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    expect(shown(found(files)).filter((name) => name === 'merged').length).toBe(2);
  });

  test('applies a log that was not applied, and goes by it', async () => {
    const log = { state: 'dirty', logGuid: 'c4a10f01-d000-4000-8000-0000000000ee', holds: ['bat'] } as const;
    const { files, into } = await onDisk(
      tinyVhdx('dynamic', new Map([[1, { state: 6, content: before(1, [4]) }]]), { log }),
    );
    await merge(into, [toWrite(into, 1, [data(5)])]);
    await into.rest();
    expect(shown(found(files), 2048 + 4, 2048 + 7)).toEqual(['before', 'merged', 'zeros']);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });
});

describe('the next sector that may show something', () => {
  const payload = new Map([
    [1, { state: 2 }],
    [2, { state: 3 }],
    [4, { state: 6 }],
  ] as const);
  test.each([
    ['a disk without parent', 'dynamic', [4, 4, 4, 4, 4, null]],
    ['a disk with a parent', 'differencing', [0, 3, 3, 3, 4, 5]],
  ] as const)('of %s', async (_, type, expected) => {
    const { into } = await onDisk(tinyVhdx(type, payload, { sizeBytes: 6 * MIB }));
    for (const [block, next] of expected.entries()) {
      const from = block * 2048 + 5;
      const answer = next === null ? null : Math.max(from, next * 2048);
      expect(await into.nextShowing(from)).toBe(answer);
    }
    expect(await into.nextShowing(6 * 2048)).toBeNull();
    expect(await into.nextShowing(7 * 2048)).toBeNull();
  });
});

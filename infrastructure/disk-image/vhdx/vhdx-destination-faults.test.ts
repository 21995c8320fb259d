import { describe, expect, test } from 'vitest';
import { BlockSpaceExhausted, type MergeDestination } from '#application/ports/disk-image';
import { FileSystemFault } from '#application/ports/file-system';
import { TIB } from '#domain/quantities';
import { checkPlainVhdx, NIL_GUID } from '../../../properties/models/plain-vhdx.js';
import {
  before,
  data,
  diskWith,
  found,
  merge,
  MIB,
  onDisk,
  ours,
  PATH,
  shown,
  tinyVhdx,
  toWrite,
  writeAll,
  zeros,
} from '../../../properties/simulation/tiny-vhdx-destination.js';
import { guids } from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { BlockSpace } from './block-space.js';
import { VhdxImages } from './vhdx-images.js';

const child = tinyVhdx(
  'differencing',
  new Map([[0, { state: 7, content: before(0, [1]), bits: [{ firstSector: 1, sectorCount: 1 }] }]]),
);

/** How many calls a destination has made when it is prepared. */
const callsToPrepare = async (): Promise<number> => (await onDisk(child)).files.calls.length;

describe('after a failed flush, or a failed write of metadata', () => {
  test.each([
    ['flush of the length', 1],
    ['flush of the payload', 3],
    ['write of the log entry', 4],
    ['flush of the log entry', 5],
    ['write of a page in its place', 6],
    ['flush of the pages', 8],
  ])('(%s) the failure goes up, and everything but closing is refused', async (_, call) => {
    const faultAt = { call: (await callsToPrepare()) + call, code: 'out-of-space' } as const;
    const { files, into } = await onDisk(child, { faultAt });
    const block = toWrite(into, 1, [data(3)]);
    await expect(merge(into, [block])).rejects.toThrow('out-of-space');
    const calls = files.calls.length;
    await expect(into.openWindow([toWrite(into, 2, [data(3)])])).rejects.toThrow(FileSystemFault);
    await expect(into.supplied({ start: 0, count: 4096 })).rejects.toThrow(FileSystemFault);
    await expect(into.settle()).rejects.toThrow(FileSystemFault);
    await expect(into.rest()).rejects.toThrow(FileSystemFault);
    expect(files.calls.length).toBe(calls);
    // The log may hold the only good copy of a page.
    expect(found(files).header.logGuid).not.toBe(NIL_GUID);
    await into.close();
  });

  test('a run that has lost its job writes no metadata', async () => {
    const { files, into } = await onDisk(child);
    const block = toWrite(into, 1, [data(3)]);
    const window = await into.openWindow([block]);
    await writeAll(into, window, [block]);
    await expect(window.commit(() => Promise.reject(new Error('taken over')))).rejects.toThrow('taken over');
    expect(files.calls.at(-1)!.operation).toBe('flush');
    expect(found(files).payload(1).state).toBe(0);
    await expect(into.rest()).rejects.toThrow(FileSystemFault);
  });
});

describe('a failed payload write', () => {
  test('leaves the destination working: the block is forgotten, the others of the window are committed', async () => {
    const faultAt = { call: (await callsToPrepare()) + 3, code: 'out-of-space' } as const;
    const { files, into } = await onDisk(child, { faultAt });
    const blocks = [1, 2].map((block) => toWrite(into, block, [data(4)]));
    const window = await into.openWindow(blocks);
    await writeAll(into, window, blocks.slice(0, 1));
    await expect(writeAll(into, window, blocks.slice(1))).rejects.toThrow('out-of-space');
    await expect(writeAll(into, window, blocks.slice(1))).rejects.toThrow('Bug');
    await window.commit(ours);
    expect([1, 2].map((block) => found(files).payload(block).state)).toEqual([7, 0]);
    await merge(into, blocks.slice(1));
    expect(shown(found(files)).filter((name) => name === 'merged').length).toBe(2);
  });

  test('of zeros forgets the block as well', async () => {
    const faultAt = { call: (await callsToPrepare()) + 1, code: 'out-of-space' } as const;
    const { files, into } = await onDisk(child, { faultAt });
    const block = toWrite(into, 0, [data(3), zeros(40, 4)]);
    const window = await into.openWindow([block]);
    await expect(writeAll(into, window, [block])).rejects.toThrow('out-of-space');
    await window.commit(ours);
    expect(shown(found(files), 0, 60).filter((name) => name !== 'parent')).toEqual(['before']);
  });
});

describe('a block of which the planned zeros were not asked for', () => {
  test('is forgotten', async () => {
    const { files, into } = await onDisk(child);
    const plan = toWrite(into, 1, [data(3), zeros(8)]);
    const window = await into.openWindow([plan, toWrite(into, 2, [zeros(0, 512)])]);
    await window.write(1, [{ start: 2048 + 3, count: 1 }], new Uint8Array(512));
    await window.commit(ours);
    expect([1, 2].map((block) => found(files).payload(block).state)).toEqual([0, 0]);
  });
});

describe('a plan that is wrong', () => {
  test.each([
    ['no runs', [1, []]],
    ['another block’s sectors', [1, [data(-1, 2)]]],
    ['sectors beyond the disk', [2, [data(512)]]],
    ['runs in no order', [1, [data(9), data(3)]]],
    ['runs over one another', [1, [data(3, 4), zeros(5)]]],
  ] as const)('with %s is a bug, and nothing is written', async (_, [block, runs]) => {
    const { files, into } = await onDisk(child);
    const calls = files.calls.length;
    await expect(into.openWindow([toWrite(into, block, runs)])).rejects.toThrow('Bug');
    expect(files.calls.length).toBe(calls);
  });

  test('with a block that is still in an open window, or in it twice, is a bug', async () => {
    const { into } = await onDisk(child);
    const block = toWrite(into, 1, [data(3)]);
    await expect(into.openWindow([block, block])).rejects.toThrow('Bug');
    await into.openWindow([block]);
    await expect(into.openWindow([block])).rejects.toThrow('Bug');
  });

  test('for a write outside the planned data, of the wrong length, or when the window is over is a bug', async () => {
    const { files, into } = await onDisk(child);
    const window = await into.openWindow([toWrite(into, 0, [data(4, 2), zeros(6)])]);
    const calls = files.calls.length;
    const at = (start: number) => [{ start, count: 1 }];
    await expect(window.write(0, at(6), new Uint8Array(512))).rejects.toThrow('Bug');
    await expect(window.write(0, at(4), new Uint8Array(1024))).rejects.toThrow('Bug');
    await expect(window.write(1, at(2048), new Uint8Array(512))).rejects.toThrow('Bug');
    await expect(window.zero(1)).rejects.toThrow('Bug');
    expect(files.calls.length).toBe(calls);
    await window.write(0, at(5), new Uint8Array(512));
    await expect(window.write(0, at(4), new Uint8Array(512))).rejects.toThrow('Bug');
    await window.zero(0);
    await expect(window.zero(0)).rejects.toThrow('Bug');
    await window.commit(ours);
    await expect(window.zero(0)).rejects.toThrow('Bug');
    await expect(window.commit(ours)).rejects.toThrow('Bug');
  });

  test.each([
    ['a window', (into: MergeDestination) => into.openWindow([toWrite(into, 0, [data(1)])])],
    ['an identity', (into: MergeDestination) => into.identityChange!.take(NIL_GUID)],
    ['a larger size', (into: MergeDestination) => into.growTo(8 * MIB)],
  ])('that is asked for before `prepare` is a bug: %s', async (_, ask) => {
    const files = diskWith(child);
    const into = valueOf(await new VhdxImages(files, 'posix', guids()).openDestination(PATH));
    await expect(ask(into)).rejects.toThrow('Bug');
    await into.rest();
    await expect(into.prepare(null)).rejects.toThrow('Bug');
    expect(files.calls).toEqual([]);
  });

  test('that lets the disk grow, or ends the merge, while a window is open is a bug', async () => {
    const { files, into } = await onDisk(child);
    await into.openWindow([toWrite(into, 1, [data(3)])]);
    const calls = files.calls.length;
    await expect(into.growTo(8 * MIB)).rejects.toThrow('Bug');
    expect(files.calls.length).toBe(calls);
  });
});

describe('no room to make the file longer', () => {
  test('leaves the destination working: the window is not opened, and its blocks can be planned again', async () => {
    const faultAt = { call: await callsToPrepare(), code: 'out-of-space' } as const;
    const { files, into } = await onDisk(child, { faultAt });
    const block = toWrite(into, 1, [data(3)]);
    await expect(merge(into, [block])).rejects.toThrow('out-of-space');
    await merge(into, [block]);
    await into.rest();
    expect(shown(found(files), 2048, 2053)).toEqual(['parent', 'parent', 'parent', 'merged', 'parent']);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });
});

describe('a file without a log', () => {
  test('is no destination, and stays as it is', async () => {
    const files = diskWith(tinyVhdx('dynamic', new Map(), { logMib: 0 }));
    const refused = await new VhdxImages(files, 'posix', guids()).openDestination(PATH);
    expect(refused.ok ? 'opened' : refused.error.kind).toBe('format-not-supported');
    expect(files.calls).toEqual([]);
  });
});

describe('places in a file', () => {
  const space = new BlockSpace({ path: PATH, endOfStructuresBytes: 4.5 * MIB, fileLengthBytes: 6.25 * MIB });

  test('follow each other on whole MiB; what was slack may hold anything, what the file gets does not', () => {
    expect(space.take(MIB, 'block 1')).toEqual({ offsetBytes: 5 * MIB, lengthBytes: MIB, staleBytes: MIB });
    expect(space.lengthNeededBytes).toBeNull();
    expect(space.take(2 * MIB, 'block 2')).toEqual({
      offsetBytes: 6 * MIB,
      lengthBytes: 2 * MIB,
      staleBytes: 0.25 * MIB,
    });
    expect(space.take(MIB, 'block 3')).toEqual({ offsetBytes: 8 * MIB, lengthBytes: MIB, staleBytes: 0 });
    expect(space.lengthNeededBytes).toBe(9 * MIB);
    space.grewTo(9 * MIB);
    expect(space.lengthNeededBytes).toBeNull();
  });

  test('that come back go out again to what has their size, the first one first', () => {
    const [one, two] = [5, 8].map((mib) => ({ offsetBytes: mib * MIB, lengthBytes: MIB, staleBytes: MIB }));
    space.giveBack([one!, two!]);
    expect(space.take(2 * MIB, 'block 4').offsetBytes).toBe(9 * MIB);
    expect(space.take(MIB, 'block 5')).toEqual(one);
    expect(space.take(MIB, 'block 6')).toEqual(two);
    expect(space.take(MIB, 'block 7').offsetBytes).toBe(11 * MIB);
  });

  test('end where readers stop to look, and the fault names the file, what is expected and what is found', () => {
    const atTheEnd = new BlockSpace({ path: PATH, endOfStructuresBytes: 256 * TIB - MIB, fileLengthBytes: MIB });
    expect(() => atTheEnd.take(2 * MIB, 'block 7')).toThrow(BlockSpaceExhausted);
    expect(atTheEnd.take(MIB, 'block 8').offsetBytes).toBe(256 * TIB - MIB);
    expect(() => atTheEnd.take(MIB, 'block 9')).toThrow(`${PATH}: expected 1 MiB for block 9 below 256 TiB`);
  });
});

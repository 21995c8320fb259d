import { describe, expect, test } from 'vitest';
import { FileSystemFault } from '#application/ports/file-system';
import { openPlainVhd } from '../../../properties/models/plain-vhd.js';
import {
  BLOCK_BYTES,
  PATH,
  differencing,
  onDisk,
  sectors,
  ours,
} from '../../../properties/simulation/tiny-destination.js';
import { dataRun } from '../../../properties/simulation/window-merge.js';

describe('after a failed flush', () => {
  const plan = [{ block: 1, runs: [dataRun(16)] }];

  test.each([
    ['of the footer', 1],
    ['of the payload', 3],
    ['of what points to it', 5],
  ])('%s the failure goes up, and the destination refuses everything but closing', async (_, call) => {
    const { files, into } = await onDisk(differencing, { faultAt: { call, code: 'out-of-space' } });
    const merge = async (): Promise<void> => {
      const window = await into.openWindow(plan);
      await window.write(1, plan[0]!.runs, sectors(16));
      await window.commit(ours);
    };
    await expect(merge()).rejects.toThrow('out-of-space');
    const calls = files.calls.length;
    await expect(into.openWindow([{ block: 2, runs: [dataRun(32)] }])).rejects.toThrow(FileSystemFault);
    await expect(into.supplied({ start: 0, count: 128 })).rejects.toThrow(FileSystemFault);
    await expect(into.settle()).rejects.toThrow(FileSystemFault);
    expect(files.calls.length).toBe(calls);
    await into.close();
  });

  test('a run that has lost its job writes no metadata', async () => {
    const { files, into } = await onDisk();
    const window = await into.openWindow(plan);
    await window.write(1, plan[0]!.runs, sectors(16));
    await expect(window.commit(() => Promise.reject(new Error('taken over')))).rejects.toThrow('taken over');
    expect(files.calls.at(-1)!.operation).toBe('flush');
    expect(openPlainVhd(files.source(PATH)).table!.bat[1]).toBe(0xffffffff);
  });
});

describe('a failed payload write', () => {
  test('leaves the destination working: the block is forgotten, the others of the window are committed', async () => {
    const { files, into } = await onDisk(differencing, { faultAt: { call: 3, code: 'out-of-space' } });
    const window = await into.openWindow([1, 2].map((block) => ({ block, runs: [dataRun(block * 16)] })));
    await window.write(1, [{ start: 16, count: 1 }], sectors(16));
    await expect(window.write(2, [{ start: 32, count: 1 }], sectors(32))).rejects.toThrow('out-of-space');
    await expect(window.write(2, [{ start: 32, count: 1 }], sectors(32))).rejects.toThrow('Bug');
    await window.commit(ours);
    const { bat } = openPlainVhd(files.source(PATH)).table!;
    expect(bat[1]).not.toBe(0xffffffff);
    expect(bat[2]).toBe(0xffffffff);
  });
});

describe('a new block of which only a part was written when its window is committed', () => {
  test('has zeros in all the rest, and bits for what was written', async () => {
    const { files, into } = await onDisk({ ...differencing, slackSectors: 40, leftovers: 'stale' });
    const runs = [16, 30].map((start) => dataRun(start));
    const window = await into.openWindow([{ block: 1, runs }]);
    const data = await window.write(1, [runs[0]!], sectors(16));
    await window.commit(ours);
    const expected = new Uint8Array(512 + BLOCK_BYTES);
    expected[0] = 0x80;
    expected.set(sectors(16), 512);
    expect(files.bytes(PATH).subarray(data - 512, data + BLOCK_BYTES)).toEqual(expected);
    expect(await into.supplied({ start: 16, count: 16 })).toEqual([{ start: 16, count: 1, kind: 'data' }]);
  });
});

describe('a plan that is wrong', () => {
  test.each([
    ['no runs', { block: 1, runs: [] }],
    ['another block’s sectors', { block: 1, runs: [dataRun(15, 2)] }],
    ['sectors beyond the disk', { block: 8, runs: [dataRun(128)] }],
    ['zeros by state, which come from disks of other sizes', { block: 1, runs: [{ ...dataRun(16), kind: 'zero' }] }],
  ] as const)('with %s is a bug, and nothing is written', async (_, block) => {
    const { files, into } = await onDisk();
    await expect(into.openWindow([block])).rejects.toThrow('Bug');
    expect(files.calls).toEqual([]);
  });

  test('with a block that is still in an open window is a bug', async () => {
    const { into } = await onDisk();
    const block = { block: 1, runs: [dataRun(16)] };
    await into.openWindow([block]);
    await expect(into.openWindow([block])).rejects.toThrow('Bug');
  });

  test('for a write outside the planned runs, or of the wrong length, is a bug', async () => {
    const { files, into } = await onDisk();
    const window = await into.openWindow([{ block: 0, runs: [dataRun(4, 2)] }]);
    await expect(window.write(0, [{ start: 6, count: 1 }], sectors(6))).rejects.toThrow('Bug');
    await expect(window.write(0, [{ start: 4, count: 1 }], sectors(4, 5))).rejects.toThrow('Bug');
    await expect(window.write(1, [{ start: 16, count: 1 }], sectors(16))).rejects.toThrow('Bug');
    expect(files.calls).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { checkPlainVhd, openPlainVhd } from '../../../properties/models/plain-vhd.js';
import { staleBytes } from '../../../properties/models/sector-content.js';
import {
  PATH,
  KIB,
  BLOCK_SECTORS,
  BLOCK_BYTES,
  differencing,
  onDisk,
  inWords,
  sectors,
  ours,
} from '../../../properties/simulation/tiny-destination.js';
import { dataRun, valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdImages } from './vhd-images.js';

describe('a window that merges into a block that is there and into one that is new', () => {
  test('flushes the footer before the payload, the payload before what points to it, and that before it returns', async () => {
    const { files, into } = await onDisk();
    const end = files.bytes(PATH).length - 512;
    const newData = Math.ceil((end + 512) / 4096) * 4096;
    const oldData = openPlainVhd(files.source(PATH)).table!.bat[0]! * 512 + 512;
    const { batAt } = openPlainVhd(files.source(PATH)).table!;

    const window = await into.openWindow([
      { block: 0, runs: [dataRun(4, 2)] },
      { block: 2, runs: [dataRun(32)] },
    ]);
    await window.write(0, [{ start: 4, count: 2 }], sectors(4, 5));
    await window.write(2, [{ start: 32, count: 1 }], sectors(32));
    let callsWhenAsked = -1;
    await window.commit(async () => {
      callsWhenAsked = files.calls.length;
    });

    expect(files.calls.map(inWords)).toEqual([
      `write 512 at ${newData + BLOCK_BYTES}`,
      'flush',
      `write 1024 at ${oldData + 4 * 512}`,
      `write ${512 + BLOCK_BYTES} at ${newData - 512}`,
      'flush',
      `write 512 at ${batAt}`,
      `write 512 at ${oldData - 512}`,
      'flush',
    ]);
    expect(callsWhenAsked).toBe(5);
    expect(checkPlainVhd(files.source(PATH))).toEqual([]);
  });

  test('gives the new block bits for covered sectors only, and zeros everywhere else', async () => {
    const { files, into } = await onDisk({ ...differencing, slackSectors: 40, leftovers: 'stale' });
    const window = await into.openWindow([{ block: 2, runs: [dataRun(33)] }]);
    const data = await window.write(2, [{ start: 33, count: 1 }], sectors(33));
    await window.commit(ours);
    const file = files.bytes(PATH);
    expect(file.subarray(data - 512, data)).toEqual(Uint8Array.from({ length: 512 }, (_, n) => (n === 0 ? 0x40 : 0)));
    const expected = new Uint8Array(BLOCK_BYTES);
    expected.set(sectors(33), 512);
    expect(file.subarray(data, data + BLOCK_BYTES)).toEqual(expected);
  });
});

describe('a window that changes no metadata', () => {
  test('flushes once, because a set bit needs no write', async () => {
    const { files, into } = await onDisk();
    const window = await into.openWindow([{ block: 0, runs: [dataRun(0, 2)] }]);
    await window.write(0, [{ start: 0, count: 2 }], sectors(0, 1));
    await window.commit(ours);
    expect(files.calls.map(({ operation }) => operation)).toEqual(['write', 'flush']);
  });

  test('never touches the footer of a fixed disk', async () => {
    const fixed = { ...differencing, type: 'fixed', blocks: new Map() } as const;
    const { files, into } = await onDisk(fixed);
    const window = await into.openWindow([
      {
        block: 0,
        runs: [dataRun(0), dataRun(127)],
      },
    ]);
    await window.write(0, [{ start: 0, count: 1 }], sectors(0));
    await window.write(0, [{ start: 127, count: 1 }], sectors(127));
    await window.commit(ours);
    expect(files.calls.map(inWords)).toEqual(['write 512 at 0', 'write 512 at 65024', 'flush']);
  });
});

describe('runs of a block that is there', () => {
  test('are one write where they share or touch 4-KiB pages, and never one across a page without a covered sector', async () => {
    const spec = { ...differencing, sizeBytes: 64 * KIB, blockSizeBytes: 64 * KIB } as const;
    const block = { bits: [], data: staleBytes(64 * KIB) };
    const { files, into } = await onDisk({ ...spec, blocks: new Map([[0, block]]) });
    const data = openPlainVhd(files.source(PATH)).table!.bat[0]! * 512 + 512;
    expect(data % 4096).toBe(0);
    // Pages 0 and 1 have sectors 0, 2 and 9; page 2 has none; page 3 has sector 24.
    const numbers = [0, 2, 9, 24];
    const runs = numbers.map((start) => dataRun(start));
    const window = await into.openWindow([{ block: 0, runs }]);
    await window.write(0, runs, sectors(...numbers));
    // Several are under way at once: their order means nothing.
    expect(files.calls.map(inWords).sort()).toEqual([`write 512 at ${data + 24 * 512}`, `write 5120 at ${data}`]);
    const after = files.bytes(PATH).subarray(data, data + 64 * KIB);
    const expected = staleBytes(64 * KIB);
    for (const sector of numbers) expected.set(sectors(sector), sector * 512);
    expect(Buffer.from(after).equals(expected)).toBe(true);
  });
});

describe('two windows for one block, one after the other', () => {
  test.each([
    ['that was there', 0],
    ['that the first one made', 1],
  ])('leave the bits of both in a block %s', async (_, block) => {
    const { files, into } = await onDisk();
    for (const sector of [3, 9]) {
      const runs = [dataRun(block * BLOCK_SECTORS + sector)];
      const window = await into.openWindow([{ block, runs }]);
      await window.write(block, runs, sectors(sector));
      await window.commit(ours);
    }
    const supplied = await into.supplied({ start: block * BLOCK_SECTORS, count: BLOCK_SECTORS });
    const expected = block === 0 ? [0, 3, 9] : [3, 9];
    expect(supplied.map(({ start }) => start - block * BLOCK_SECTORS)).toEqual(expected);
    const reopened = valueOf(await new VhdImages(files, 'posix').open(PATH));
    expect(await reopened.supplied({ start: block * BLOCK_SECTORS, count: BLOCK_SECTORS })).toEqual(supplied);
  });
});

describe('windows that overlap', () => {
  test('write no BAT entry of the other one: its payload is not durable yet', async () => {
    const { files, into } = await onDisk();
    const windows = [];
    for (const block of [1, 2]) {
      const window = await into.openWindow([{ block, runs: [dataRun(block * 16)] }]);
      await window.write(block, [{ start: block * 16, count: 1 }], sectors(block * 16));
      windows.push(window);
    }
    await windows[0]!.commit(ours);
    const bat = openPlainVhd(files.source(PATH)).table!.bat;
    expect(bat[1]).not.toBe(0xffffffff);
    expect(bat[2]).toBe(0xffffffff);
    await windows[1]!.commit(ours);
    expect(openPlainVhd(files.source(PATH)).table!.bat.slice(1, 3)).not.toContain(0xffffffff);
  });
});

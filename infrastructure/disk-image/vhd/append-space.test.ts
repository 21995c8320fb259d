import { describe, expect, test } from 'vitest';
import { BlockSpaceExhausted, type MergeDestination } from '#application/ports/disk-image';
import { checkPlainVhd, openPlainVhd } from '../../../properties/models/plain-vhd.js';
import {
  PATH,
  BLOCK_SECTORS,
  BLOCK_BYTES,
  onDisk,
  sectors,
  ours,
} from '../../../properties/simulation/tiny-destination.js';
import { dataRun, RUN_GUID, valueOf } from '../../../properties/simulation/window-merge.js';
import { AppendSpace } from './append-space.js';
import { VhdImages } from './vhd-images.js';

describe('space for new blocks', () => {
  const write = async (into: MergeDestination, block: number): Promise<number> => {
    const start = block * BLOCK_SECTORS;
    const window = await into.openWindow([{ block, runs: [dataRun(start)] }]);
    const data = await window.write(block, [{ start, count: 1 }], sectors(start));
    await window.commit(ours);
    return data;
  };

  test('follows the last block, without a gap and without another footer than the one at the new end', async () => {
    const { files, into } = await onDisk();
    const first = await write(into, 1);
    const second = await write(into, 2);
    expect(second - first).toBe(BLOCK_BYTES + 4096);
    expect(files.bytes(PATH).length).toBe(second + BLOCK_BYTES + 512);
    expect(checkPlainVhd(files.source(PATH))).toEqual([]);
  });

  test('that a crash has left inside the file is used again, and the footer stays where it is', async () => {
    const { files, into } = await onDisk();
    await into.openWindow([
      { block: 1, runs: [dataRun(16)] },
      { block: 2, runs: [dataRun(32)] },
    ]);
    const length = files.bytes(PATH).length;
    const again = valueOf(await new VhdImages(files, 'posix').openDestination(PATH));
    await again.prepare(RUN_GUID);
    const calls = files.calls.length;
    await write(again, 1);
    expect(files.bytes(PATH).length).toBe(length);
    expect(files.calls.slice(calls).map(({ operation }) => operation)).toEqual(['write', 'flush', 'write', 'flush']);
  });

  test('that a window took for blocks which were then not written goes to the next window', async () => {
    const { files, into } = await onDisk();
    const window = await into.openWindow([1, 2, 3].map((block) => ({ block, runs: [dataRun(block * 16)] })));
    const first = await window.write(1, [{ start: 16, count: 1 }], sectors(16));
    await window.commit(ours);
    const length = files.bytes(PATH).length;
    expect(await write(into, 4)).toBe(first + BLOCK_BYTES + 4096);
    expect(files.bytes(PATH).length).toBe(length);
    expect(openPlainVhd(files.source(PATH)).table!.bat.slice(2, 4)).toEqual([0xffffffff, 0xffffffff]);
  });

  test('puts the new footer clear of the old one, also in a file whose size is no multiple of 512', () => {
    const fileLengthBytes = 12_288 + 300;
    const space = new AppendSpace({ path: PATH, blockSizeBytes: 4096, endOfStructuresBytes: 4096, fileLengthBytes });
    expect(space.take(0) * 512).toBe(8192 - 512);
    expect(space.footerNeededAt).toBe(12_800);
  });

  test('ends at 2 TiB: the window is refused before anything is written, and the next one works', async () => {
    const { files, into } = await onDisk();
    const full = new AppendSpace({
      path: PATH,
      blockSizeBytes: BLOCK_BYTES,
      endOfStructuresBytes: 2 ** 41 - BLOCK_BYTES - 4096,
      fileLengthBytes: 2 ** 41,
    });
    expect(full.take(1) * 512).toBe(2 ** 41 - BLOCK_BYTES - 512);
    expect(() => full.take(2)).toThrow(BlockSpaceExhausted);
    expect(full.footerNeededAt).toBe(2 ** 41);
    expect(files.calls).toEqual([]);
    await write(into, 1);
  });
});

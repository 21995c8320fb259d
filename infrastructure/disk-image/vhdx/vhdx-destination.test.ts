import { describe, expect, test } from 'vitest';
import { checkPlainVhdx } from '../../../properties/models/plain-vhdx.js';
import {
  before,
  data,
  firstDifferenceOf,
  found,
  inWords,
  merge,
  mergedOver,
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

/** Behind log, metadata, BAT: where the first block of a file without blocks goes. */
const FIRST_PLACE = 4 * MIB;
const LOG_AT = MIB;
const BAT_AT = 3 * MIB;

describe('a window with a new block whose chunk has no sector bitmap', () => {
  test('flushes the length before the payload, the payload before the log entry, and that before the pages it holds', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    const start = files.calls.length;
    const block = toWrite(into, 1, [data(4, 2), zeros(9)]);
    const window = await into.openWindow([block]);
    await writeAll(into, window, [block]);
    let callsWhenAsked = -1;
    await window.commit(async () => {
      callsWhenAsked = files.calls.length - start;
    });

    expect(files.calls.slice(start).map(inWords)).toEqual([
      `truncate ${FIRST_PLACE + 2 * MIB}`,
      'flush',
      `write 1024 at ${FIRST_PLACE + MIB + 4 * 512}`,
      'flush',
      // One entry: a descriptor sector, the page with the bits, the page of the BAT with both entries at index 1 and 4096.
      `write ${4 * 4096} at ${LOG_AT + 4096}`,
      'flush',
      `write ${MIB} at ${FIRST_PLACE}`,
      `write 4096 at ${BAT_AT}`,
      `write 4096 at ${BAT_AT + 4096 * 8}`,
      `write 4096 at ${FIRST_PLACE}`,
      'flush',
    ]);
    expect(callsWhenAsked).toBe(4);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });
});

describe('a window that changes no metadata', () => {
  test.each([
    ['in a base', tinyVhdx('dynamic', new Map([[0, { state: 6 }]]))],
    [
      'of which all bits are set',
      tinyVhdx('differencing', new Map([[0, { state: 7, bits: [{ firstSector: 0, sectorCount: 9 }] }]])),
    ],
  ])('flushes once: blocks %s', async (_, spec) => {
    const { files, into } = await onDisk(spec);
    const start = files.calls.length;
    await merge(into, [toWrite(into, 0, [data(0, 2), zeros(8)])]);
    expect(files.calls.slice(start).map(({ operation }) => operation)).toEqual(['write', 'write', 'flush']);
  });
});

describe('runs of a block that is there', () => {
  test('are one write where they share or touch 4-KiB pages, and never one across a page without a covered sector', async () => {
    const { files, into } = await onDisk(tinyVhdx('dynamic', new Map([[0, { state: 6, content: before(0, [1, 3]) }]])));
    const start = files.calls.length;
    const { payload } = found(files);
    const { offsetBytes } = payload(0);
    await merge(into, [toWrite(into, 0, [data(0), data(2), data(9), data(24), zeros(40, 2), zeros(45)])]);
    // Several are under way at once: their order means nothing.
    expect(files.calls.slice(start).map(inWords).slice(0, -1).sort()).toEqual(
      [
        `write 5120 at ${offsetBytes}`,
        `write 512 at ${offsetBytes + 24 * 512}`,
        `write 3072 at ${offsetBytes + 40 * 512}`,
      ].sort(),
    );
    expect(shown(found(files), 0, 4)).toEqual(['merged', 'before', 'merged', 'before']);
  });
});

describe('a window of blocks in all states', () => {
  test.each([512, 4096] as const)('shows each of them as planned, in sectors of %i bytes', async (sectorBytes) => {
    const payload = new Map([
      [0, { state: 7, content: before(0, [1], sectorBytes), bits: [{ firstSector: 1, sectorCount: 1 }] }],
      [1, { state: 6, content: before(1, [2], sectorBytes) }],
      [3, { state: 2 }],
      [4, { state: 3, content: before(4, [1], sectorBytes) }],
      [5, { state: 6, content: before(5, [7], sectorBytes) }],
    ] as const);
    const spec = tinyVhdx('differencing', payload, { sizeBytes: 6 * MIB, logicalSectorBytes: sectorBytes });
    const { files, into } = await onDisk(spec);
    const names = shown(found(files));
    const blocks = [0, 1, 2, 3, 4].map((block) => toWrite(into, block, [data(3, 2), zeros(20)]));
    blocks.push(toWrite(into, 5, [zeros(0, into.mergeBlockSectors)]));
    const offsets = await merge(into, blocks);
    expect(offsets.at(-1)).toBe(0);
    expect(firstDifferenceOf(mergedOver(names, blocks), shown(found(files)))).toBeUndefined();
    expect([0, 1, 2, 3, 4, 5].map((block) => found(files).payload(block).state)).toEqual([7, 6, 7, 6, 6, 2]);
    const [lastBlock] = [blocks.at(-1)!.runs];
    expect(await into.supplied(lastBlock[0]!)).toEqual(lastBlock);
    expect(await into.supplied({ start: 2 * into.mergeBlockSectors, count: 30 })).toEqual([
      ...toWrite(into, 2, [data(3, 2), data(20)]).runs,
    ]);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });
});

describe('windows that overlap', () => {
  test.each([
    ['in their order', [0, 1]],
    ['in the other order', [1, 0]],
  ])('name one bitmap block for the chunk they share, and nothing of the other one, committed %s', async (_, order) => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    const names = shown(found(files));
    const blocks = [toWrite(into, 0, [data(5)]), toWrite(into, 1, [zeros(7, 3)])];
    const windows = [];
    for (const block of blocks) {
      const window = await into.openWindow([block]);
      await writeAll(into, window, [block]);
      windows.push(window);
    }
    const [first, second] = order as [number, number];
    await windows[first]!.commit(ours);
    const bitmap = found(files).bitmap(0);
    expect(bitmap.state).toBe(6);
    expect(found(files).payload(second).state).toBe(0);
    expect(firstDifferenceOf(mergedOver(names, [blocks[first]!]), shown(found(files)))).toBeUndefined();
    await windows[second]!.commit(ours);
    expect(found(files).bitmap(0)).toEqual(bitmap);
    expect(firstDifferenceOf(mergedOver(names, blocks), shown(found(files)))).toBeUndefined();
    // A bitmap block and two payload blocks.
    expect(files.source(PATH).sizeBytes).toBe(FIRST_PLACE + 3 * MIB);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test('name the bitmap block of one that is never committed', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    await into.openWindow([toWrite(into, 0, [data(5)])]);
    await merge(into, [toWrite(into, 1, [data(7)])]);
    expect(found(files).bitmap(0).state).toBe(6);
    expect(found(files).payload(0).state).toBe(0);
  });

  test('of which one was opened while the other committed', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    const names = shown(found(files));
    const blocks = [0, 1, 2].map((block) => toWrite(into, block, [data(5), data(60, 2)]));
    let committing: Promise<void> = Promise.resolve();
    for (const block of blocks) {
      const window = await into.openWindow([block]);
      await writeAll(into, window, [block]);
      await committing;
      committing = window.commit(ours);
    }
    await committing;
    expect(firstDifferenceOf(mergedOver(names, blocks), shown(found(files)))).toBeUndefined();
    expect(files.source(PATH).sizeBytes).toBe(FIRST_PLACE + 4 * MIB);
  });
});

describe('places', () => {
  test('of a block that was forgotten go out again, and show nothing of what was written there', async () => {
    const { files, into } = await onDisk(tinyVhdx('dynamic', new Map()));
    const plan = toWrite(into, 0, [data(3), data(8)]);
    const window = await into.openWindow([plan]);
    const [first] = plan.runs;
    const offset = await window.write(0, [first!], new Uint8Array(512).fill(7));
    await window.commit(ours);
    expect(found(files).payload(0).state).toBe(0);
    expect(await merge(into, [toWrite(into, 1, [data(9)])])).toEqual([offset]);
    expect(shown(found(files), 2048, 4096).filter((name) => name !== 'zeros')).toEqual(['merged']);
    expect(files.source(PATH).sizeBytes).toBe(FIRST_PLACE + MIB);
  });

  test('of blocks that became zero go out again', async () => {
    const spec = tinyVhdx('dynamic', new Map([[0, { state: 6, content: before(0, [1, 50, 2000]) }]]));
    const { files, into } = await onDisk(spec);
    const { offsetBytes } = found(files).payload(0);
    await merge(into, [toWrite(into, 0, [zeros(0, 2048)])]);
    expect(await merge(into, [toWrite(into, 1, [data(9)])])).toEqual([offsetBytes]);
    expect(shown(found(files)).filter((name) => name !== 'zeros')).toEqual(['merged']);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test('come back when a window could not be opened', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    const window = await into.openWindow([toWrite(into, 0, [data(1)])]);
    await expect(into.openWindow([toWrite(into, 1, [data(1)]), toWrite(into, 0, [data(1)])])).rejects.toThrow('Bug');
    await window.commit(ours);
    const [offset] = await merge(into, [toWrite(into, 2, [data(1)])]);
    expect([FIRST_PLACE, FIRST_PLACE + MIB]).toContain(offset);
    expect(files.source(PATH).sizeBytes).toBe(FIRST_PLACE + 2 * MIB);
  });

  test('are as many as it says before', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    expect(into.spaceForNewBlocks(0)).toBe(0);
    const most = into.spaceForNewBlocks(3);
    const { sizeBytes } = files.source(PATH);
    await merge(
      into,
      [0, 1, 2].map((block) => toWrite(into, block, [data(1)])),
    );
    const grown = files.source(PATH).sizeBytes - sizeBytes;
    expect(grown).toBe(4 * MIB);
    expect(most).toBeGreaterThanOrEqual(grown);
    expect(most).toBeLessThanOrEqual(grown + MIB);
  });
});

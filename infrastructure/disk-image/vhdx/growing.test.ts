import { describe, expect, test } from 'vitest';
import { GIB, TIB } from '#domain/quantities';
import {
  checkPlainVhdx,
  openPlainVhdx,
  type PlainPayload,
  type PlainVhdxSpec,
} from '../../../properties/models/plain-vhdx.js';
import {
  before,
  data,
  DISK_BYTES,
  firstDifferenceOf,
  found,
  LAST_BLOCK,
  merge,
  MIB,
  onDisk,
  PATH,
  type SectorBytes,
  shown,
  tinyVhdx,
  toWrite,
  zeros,
} from '../../../properties/simulation/tiny-vhdx-destination.js';

/** Old states of the disk's last block, and what it is when the disk has grown. */
const lastBlock: Record<PlainVhdxSpec['type'], readonly (readonly [PlainPayload['state'], number])[]> = {
  dynamic: [
    [0, 2],
    [1, 2],
    [2, 2],
    [3, 2],
    [6, 6],
  ],
  fixed: [
    [0, 6],
    [1, 6],
    [2, 6],
    [3, 6],
    [6, 6],
  ],
  differencing: [
    [0, 7],
    [1, 2],
    [2, 2],
    [3, 2],
    [6, 6],
    [7, 7],
  ],
};
const cases = (['dynamic', 'fixed', 'differencing'] as const).flatMap((type) =>
  lastBlock[type].map(([state, after]) => ({ type, state, after })),
);

describe('a disk that grows', () => {
  test.each(cases)(
    'shows what it showed, and zeros behind it: a $type one whose last block is in state $state',
    async ({ type, state, after }) => {
      for (const sectorBytes of [512, 4096] as const) {
        const spec = withLastBlock(type, state, sectorBytes);
        const { files, into } = await onDisk(spec);
        const old = shown(found(files));
        const oldLength = files.source(PATH).sizeBytes;
        const most = into.fileEndAfter(0, 4.5 * MIB) - oldLength;
        await into.growTo(4.5 * MIB);
        expect(files.source(PATH).sizeBytes - oldLength).toBeLessThanOrEqual(most);
        expect(into.description.virtualSizeBytes).toBe(4.5 * MIB);
        const image = found(files);
        expect(image.sizeBytes).toBe(4.5 * MIB);
        expect(image.payload(LAST_BLOCK).state).toBe(after);
        expect([3, 4].map((block) => image.payload(block).state)).toEqual(type === 'fixed' ? [6, 6] : [2, 2]);
        const expected = [...old, ...new Array<string>((2.25 * MIB) / sectorBytes).fill('zeros')];
        expect(firstDifferenceOf(expected, shown(image))).toBeUndefined();
        await into.rest();
        expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
      }
    },
  );

  test('can be merged into at once, in what has come into view too', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map()));
    await into.growTo(4.5 * MIB);
    await merge(
      into,
      [LAST_BLOCK, 4].map((block) => toWrite(into, block, [data(600)])),
    );
    const names = shown(found(files));
    expect([LAST_BLOCK, 4].map((block) => names[block * 2048 + 600])).toEqual(['merged', 'merged']);
    expect(await into.nextSupplied(3 * 2048)).toBe(3 * 2048);
    expect(await into.supplied({ start: 4 * 2048, count: 700 })).toEqual([
      { start: 4 * 2048, count: 700, kind: 'data' },
    ]);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test.each([
    ['dynamic', [true, false]],
    ['fixed', [false, false]],
    ['differencing', [true, false]],
  ] as const)('says before which blocks that come into view will need a place: a %s one', async (type, expected) => {
    const { into } = await onDisk(tinyVhdx(type, new Map()));
    const wanted = [toWrite(into, 3, [data(5)]), toWrite(into, 3, [zeros(0, 2048)])];
    const answers = async (): Promise<readonly boolean[]> =>
      Promise.all(wanted.map((block) => into.needsNewBlock(block)));
    expect(await answers()).toEqual(expected);
    await into.growTo(4.5 * MIB);
    expect(await answers()).toEqual(expected);
  });

  test('that has this size, or a larger one, writes nothing', async () => {
    const { files, into } = await onDisk(tinyVhdx('dynamic', new Map()));
    const calls = files.calls.length;
    await into.growTo(DISK_BYTES);
    await into.growTo(MIB);
    expect(files.calls.length).toBe(calls);
    expect(into.fileEndAfter(0, DISK_BYTES)).toBe(files.source(PATH).sizeBytes);
  });

  test('by no whole block writes one item', async () => {
    const { files, into } = await onDisk(
      tinyVhdx('dynamic', new Map(), { sizeBytes: 3 * MIB, blockSizeBytes: 2 * MIB }),
    );
    await into.growTo(4 * MIB);
    const image = found(files);
    expect([image.sizeBytes, image.geometry.payloadBlocks]).toEqual([4 * MIB, 2]);
  });

  test('into a second chunk keeps the bitmap block of the first', async () => {
    const payload = new Map([
      [0, { state: 7, content: before(0, [1]), bits: [{ firstSector: 1, sectorCount: 1 }] }],
    ] as const);
    const { files, into } = await onDisk(tinyVhdx('differencing', payload, { sizeBytes: 3 * MIB }));
    const { bitmap } = found(files);
    await into.growTo(5 * GIB);
    const image = found(files);
    expect(image.geometry.bitmapBlocks).toBe(2);
    expect([0, 1].map((chunk) => image.bitmap(chunk))).toEqual([bitmap(0), { state: 0, offsetBytes: 0, reserved: 0 }]);
    expect([2, 3, 4095, 4096, 5119].map((block) => image.payload(block).state)).toEqual([0, 2, 2, 2, 2]);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });
});

describe('a size that no disk has', () => {
  test.each([
    ['above 64 TiB', 64 * TIB + 512],
    ['of no whole sectors', 4 * MIB + 511],
  ])('is a bug: %s', async (_, sizeBytes) => {
    const { files, into } = await onDisk(tinyVhdx('dynamic', new Map()));
    await expect(into.growTo(sizeBytes)).rejects.toThrow('Bug');
    expect(found(files).sizeBytes).toBe(DISK_BYTES);
  });
});

describe('entries that were padding', () => {
  test('are set, whatever they were, and no bitmap entry of a base', async () => {
    const { files, into } = await onDisk(tinyVhdx('dynamic', new Map()));
    const stale = Buffer.alloc(5000 * 8, 0xa7);
    const { regions } = found(files);
    const handle = await files.open(PATH, 'read-write');
    await handle.write(stale, regions.bat.offsetBytes + 3 * 8);
    await handle.flush();
    await into.growTo(4097 * MIB);
    const image = found(files);
    expect([2, 3, 4, 4095, 4096].map((block) => image.payload(block))).toEqual(
      [0, 2, 2, 2, 2].map((state) => ({ state: state === 0 ? 2 : state, offsetBytes: 0, reserved: 0 })),
    );
    expect(image.bitmap(0)).toEqual({ state: 0, offsetBytes: 0, reserved: 0 });
  });
});

describe('a table that its region has no room for', () => {
  test.each([
    ['dynamic', 512],
    ['differencing', 4096],
  ] as const)('moves: of a %s disk in sectors of %i', async (type, sectorBytes) => {
    const payload = new Map([
      [0, { state: 6, content: before(0, [1, 5], sectorBytes) }],
      [1, { state: 2 }],
    ] as const);
    const spec = tinyVhdx(type, payload, { logicalSectorBytes: sectorBytes, slackMib: 1, leftovers: 'stale' });
    const { files, into } = await onDisk(spec);
    const old = found(files);
    const oldNames = shown(old);
    const sizeBytes = 129 * GIB + 8 * 4096;
    const most = into.fileEndAfter(0, sizeBytes) - files.source(PATH).sizeBytes;
    await into.growTo(sizeBytes);
    const image = found(files);
    expect(image.regions.bat).toMatchObject({ lengthBytes: 2 * MIB });
    expect(image.regions.bat.offsetBytes).not.toBe(old.regions.bat.offsetBytes);
    expect(files.source(PATH).sizeBytes - old.source.sizeBytes).toBeLessThanOrEqual(most);
    expect(firstDifferenceOf(oldNames, shown(image, 0, oldNames.length))).toBeUndefined();
    const last = image.geometry.payloadBlocks - 1;
    expect([0, 1, 3, 70_000, last].map((block) => image.payload(block).state)).toEqual([6, 2, 2, 2, 2]);
    await merge(into, [toWrite(into, last, [data(3)]), toWrite(into, 1, [data(7)])]);
    await into.rest();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    // The window took the place that the table has left.
    const places = [1, last].map((block) => found(files).payload(block).offsetBytes);
    expect(places).toContain(old.regions.bat.offsetBytes);
  });

  test('has all entries of the largest disk, in a place that takes no more than it says', async () => {
    const { files, into } = await onDisk(
      tinyVhdx('dynamic', new Map(), { blockSizeBytes: 32 * MIB, sizeBytes: 64 * MIB }),
    );
    const { sizeBytes } = files.source(PATH);
    const most = into.fileEndAfter(0, 64 * TIB) - sizeBytes;
    await into.growTo(64 * TIB);
    expect(into.description.virtualSizeBytes).toBe(64 * TIB);
    expect(files.source(PATH).sizeBytes - sizeBytes).toBeLessThanOrEqual(most);
    await merge(into, [toWrite(into, 2 * MIB - 1, [data(65_535)])]);
    expect(openPlainVhdx(files.source(PATH)).payload(2 * MIB - 1).state).toBe(6);
    expect(await into.nextShowing(1)).toBe((2 * MIB - 1) * 65_536);
  }, 30_000);
});

/** Data inside the disk and, behind its end, leftovers; in states 0 to 3 only such, or nothing. Bits are set where they should not be. */
const withLastBlock = (
  type: PlainVhdxSpec['type'],
  state: PlainPayload['state'],
  sectorBytes: SectorBytes,
): PlainVhdxSpec => {
  const inside = (DISK_BYTES - LAST_BLOCK * MIB) / sectorBytes;
  const content = before(LAST_BLOCK, [3, inside - 1, inside, inside + 9], sectorBytes);
  const bits = [
    { firstSector: 3, sectorCount: 1 },
    { firstSector: inside - 1, sectorCount: 3 },
  ];
  const payload = { state, ...(state % 5 === 1 || state === 3 || state >= 6 ? { content } : {}) };
  return tinyVhdx(type, new Map([[LAST_BLOCK, type === 'differencing' ? { ...payload, bits } : payload]]), {
    logicalSectorBytes: sectorBytes,
    slackMib: 2,
    leftovers: 'stale',
  });
};

import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { OpenFile } from '#application/ports/file-system';
import { batGeometry, BITMAP, bitmapIndex, entryOf, PAYLOAD, payloadIndex } from '#domain/disk-format/vhdx/bat';
import { MIB, TIB } from '#domain/quantities';
import { heldBack } from '../../../properties/simulation/held-back.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { PagedBat } from './paged-bat.js';

const PATH = '/disk.vhdx';
const TABLE_OFFSET = 3 * MIB;
const PAGE_ENTRIES = 32_768;

const isData = (state: number): boolean => state >= 6;
const isZero = (state: number): boolean => state >= 1 && state <= 3;

const smallest = { blockSizeBytes: MIB, logicalSectorSize: 512, virtualSizeBytes: 64 * TIB, hasParent: true };

/** The table of a disk in which these blocks have these states, and a count of its reads. */
const batOf = async (disk: typeof smallest, states: Readonly<Record<number, number>>) => {
  const geometry = batGeometry(disk);
  const extents = Object.entries(states).map(([block, state]) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(entryOf(state, 0)));
    return { offsetBytes: TABLE_OFFSET + payloadIndex(geometry, Number(block)) * 8, bytes };
  });
  const files = new MemoryFileSystem();
  files.put(PATH, { sizeBytes: TABLE_OFFSET + geometry.entryCount * 8, extents });
  const file = await files.open(PATH, 'read-write');
  let reads = 0;
  const counting: OpenFile = {
    ...file,
    read: (into, position) => {
      reads += 1;
      return file.read(into, position);
    },
  };
  return {
    bat: new PagedBat(counting, { tableOffsetBytes: TABLE_OFFSET, geometry }),
    geometry,
    file,
    reads: () => reads,
  };
};

describe('the BAT of a disk of 64 TiB', () => {
  test('has a long gap that is crossed once, from wherever in it the question comes, for each kind of block asked for', async () => {
    const { bat, reads } = await batOf(smallest, { 30_000: 2, 300_000: 6 });
    const end = 400_000;
    expect(await bat.nextPayload(0, end, isData)).toBe(300_000);
    expect(await bat.nextPayload(0, end, isZero)).toBe(30_000);
    expect(await bat.nextPayload(30_001, end, isZero)).toBeNull();
    const once = reads();
    for (const from of [1, 150_000, 299_999, 300_000]) expect(await bat.nextPayload(from, end, isData)).toBe(300_000);
    expect(await bat.nextPayload(150_000, 200_000, isData)).toBeNull();
    expect(reads()).toBe(once);
  });

  test('is read once, page by page, when it is asked with ascending blocks', async () => {
    const { bat, geometry, reads } = await batOf(
      { ...smallest, virtualSizeBytes: TIB },
      { 5: 6, 700_000: 7, 700_001: 6 },
    );
    const found: number[] = [];
    for (let from = 0; from < geometry.payloadBlocks;) {
      const next = await bat.nextPayload(from, geometry.payloadBlocks, isData);
      if (next === null) break;
      found.push(next, await bat.payload(next));
      from = next + 1;
    }
    expect(found).toEqual([5, 6, 700_000, 7, 700_001, 6]);
    expect(reads()).toBeLessThanOrEqual(Math.ceil(geometry.entryCount / PAGE_ENTRIES));
  });

  test('comes in slices that leave out nothing', async () => {
    const { bat, geometry } = await batOf({ ...smallest, virtualSizeBytes: TIB }, { 0: 6, 32_767: 2, 1_048_575: 3 });
    const found: (readonly [number, number])[] = [];
    let next = 0;
    for await (const { firstIndex, entries } of bat.slices()) {
      expect(firstIndex).toBe(next);
      next += entries.length;
      entries.forEach((entry, n) => entry !== 0 && found.push([firstIndex + n, entry]));
    }
    expect(next).toBe(geometry.entryCount);
    expect(found).toEqual([0, 32_767, 1_048_575].map((block, n) => [payloadIndex(geometry, block), [6, 2, 3][n]]));
  });
});

const MANY = 40_000;
/** 32 blocks to a chunk, so that the second page starts with a bitmap block's entry, before that of block 31,776. */
const largeBlocks = { ...smallest, blockSizeBytes: 128 * MIB, virtualSizeBytes: MANY * 128 * MIB };
const states = fc.dictionary(
  fc.oneof(fc.nat(40), fc.integer({ min: 31_740, max: 31_800 }), fc.nat(MANY - 1)).map(String),
  fc.constantFrom(0, 1, 2, 3, 6, 7),
  { maxKeys: 20 },
);

describe('the next block of a kind', () => {
  test.prop({
    given: states,
    asked: fc.array(fc.tuple(fc.nat(MANY), fc.nat(MANY), fc.boolean()), { minLength: 1, maxLength: 12 }),
  })(
    'is the nearest one at or after the first that is asked for, before the end, whatever was asked before',
    async ({ given, asked }) => {
      const { bat } = await batOf(largeBlocks, given);
      const blocks = Object.entries(given).map(([block, state]) => [Number(block), state] as const);
      for (const [from, end, ofData] of asked) {
        const wanted = ofData ? isData : isZero;
        const inside = blocks.filter(([block, state]) => block >= from && block < end && wanted(state));
        const nearest = Math.min(...inside.map(([block]) => block));
        expect(await bat.nextPayload(from, end, wanted)).toBe(inside.length === 0 ? null : nearest);
      }
    },
  );

  test('may be one that is not present, and is never a bitmap block', async () => {
    const chunk = Object.fromEntries(Array.from({ length: 32 }, (_, block) => [block, 7]));
    const { bat, geometry, file } = await batOf(largeBlocks, { ...chunk, 32: 6 });
    const isAbsent = (state: number): boolean => state === PAYLOAD.notPresent;
    expect(await bat.nextPayload(0, MANY, isAbsent)).toBe(33);
    const bitmap = Buffer.alloc(8);
    bitmap.writeBigUInt64LE(BigInt(entryOf(BITMAP.present, 8 * MIB)));
    await file.write(bitmap, TABLE_OFFSET + bitmapIndex(geometry, 0) * 8);
    await file.write(bitmap, TABLE_OFFSET + bitmapIndex(geometry, 1) * 8);
    bat.forget();
    expect(await bat.nextPayload(32, MANY, isData)).toBe(32);
    expect(await bat.nextPayload(33, MANY, isData)).toBeNull();
  });
});

describe('entries that are on stable storage now', () => {
  test('are known without reading, and in no gap any more', async () => {
    const { bat, geometry, reads } = await batOf(largeBlocks, {});
    expect(await bat.nextPayload(0, MANY, isData)).toBeNull();
    const index = payloadIndex(geometry, 17);
    bat.learn(new Map([[index, entryOf(PAYLOAD.fullyPresent, 8 * MIB)]]));
    const once = reads();
    expect(await bat.nextPayload(0, MANY, isData)).toBe(17);
    expect(await bat.payload(17)).toBe(8 * MIB + 6);
    expect(reads()).toBe(once);
  });

  test('are read anew when everything is forgotten', async () => {
    const { bat, geometry, file } = await batOf(largeBlocks, { 3: 6 });
    expect(await bat.nextPayload(0, MANY, isData)).toBe(3);
    await file.write(new Uint8Array(8), TABLE_OFFSET + payloadIndex(geometry, 3) * 8);
    expect(await bat.nextPayload(0, MANY, isData)).toBe(3);
    bat.forget();
    expect(await bat.nextPayload(0, MANY, isData)).toBeNull();
  });

  test('are not undone by a page whose reading began before', async () => {
    const { geometry, file } = await batOf(largeBlocks, {});
    const slow = heldBack(file);
    const bat = new PagedBat(slow.file, { tableOffsetBytes: TABLE_OFFSET, geometry });
    const index = payloadIndex(geometry, 17);
    const reading = bat.payload(17);
    await slow.hasRead;
    const entry = entryOf(PAYLOAD.fullyPresent, 8 * MIB);
    for (const { offsetBytes, bytes } of bat.patches(new Map([[index, entry]]))) await file.write(bytes, offsetBytes);
    bat.learn(new Map([[index, entry]]));
    slow.goOn();
    expect(await reading).toBe(entry);
    expect(await bat.payload(17)).toBe(entry);
  });
});

describe('entries to change', () => {
  test('become the bytes of the file that change, neighbours in one', async () => {
    const { bat } = await batOf(largeBlocks, {});
    const patches = bat.patches(
      new Map([
        [6, entryOf(2, 0)],
        [4, entryOf(6, 9 * MIB)],
        [5, entryOf(7, 2 ** 46)],
      ]),
    );
    const bytes = Buffer.alloc(24);
    bytes.writeBigUInt64LE(BigInt(9 * MIB + 6), 0);
    bytes.writeBigUInt64LE(2n ** 46n + 7n, 8);
    bytes.writeBigUInt64LE(2n, 16);
    expect(patches).toEqual([{ offsetBytes: TABLE_OFFSET + 32, bytes: new Uint8Array(bytes) }]);
    expect(
      bat
        .patches(
          new Map([
            [1, 0],
            [3, 0],
          ]),
        )
        .map(({ offsetBytes }) => offsetBytes - TABLE_OFFSET),
    ).toEqual([8, 24]);
  });

  test('outside the table are a bug', async () => {
    const { bat, geometry } = await batOf(largeBlocks, {});
    await expect(bat.entry(geometry.entryCount)).rejects.toThrow('Bug');
    await expect(bat.entry(-1)).rejects.toThrow('Bug');
  });
});

/** Every cell of the tables of FORMATS.md C2 (VHDX), for sectors of both sizes. */
import { describe, expect, test } from 'vitest';
import type { SuppliedRun } from '#application/ports/disk-image';
import {
  checkPlainVhdx,
  openPlainVhdx,
  type PlainPayload,
  type PlainVhdx,
  type PlainVhdxSpec,
} from '../../../properties/models/plain-vhdx.js';
import {
  before,
  data,
  DISK_BYTES,
  firstDifferenceOf,
  LAST_BLOCK,
  merge,
  mergedOver,
  MIB,
  onDisk,
  PATH,
  type SectorBytes,
  shown,
  tinyVhdx,
  toWrite,
  zeros,
} from '../../../properties/simulation/tiny-vhdx-destination.js';

/** The last block of the disk: 512 or 64 of its sectors are inside. */
const sectorsOf = (sectorBytes: SectorBytes): number => (DISK_BYTES - LAST_BLOCK * MIB) / sectorBytes;

/** What the sources supply of the block. */
const coverages: Record<string, (sectors: number) => readonly SuppliedRun[]> = {
  'some data': () => [data(3), data(9, 4), data(30)],
  'some zeros': () => [zeros(2, 2), zeros(40)],
  'some of both': () => [data(3), zeros(4, 3), data(8), zeros(31)],
  'all, data': (sectors) => [data(0, sectors)],
  'all, zeros': (sectors) => [zeros(0, sectors)],
  'all, both': (sectors) => [zeros(0, 5), data(5, sectors - 7), zeros(sectors - 2, 2)],
};

/** State before → state afterwards, in the order of `coverages`. */
const tables: Record<PlainVhdxSpec['type'], Partial<Record<PlainPayload['state'], readonly number[]>>> = {
  dynamic: {
    0: [6, 2, 6, 6, 2, 6],
    1: [6, 2, 6, 6, 2, 6],
    2: [6, 2, 6, 6, 2, 6],
    3: [6, 2, 6, 6, 2, 6],
    6: [6, 6, 6, 6, 2, 6],
  },
  fixed: {
    0: [6, 6, 6, 6, 6, 6],
    1: [6, 6, 6, 6, 6, 6],
    2: [6, 6, 6, 6, 6, 6],
    3: [6, 6, 6, 6, 6, 6],
    6: [6, 6, 6, 6, 6, 6],
  },
  differencing: {
    0: [7, 7, 7, 6, 2, 6],
    1: [6, 2, 6, 6, 2, 6],
    2: [6, 2, 6, 6, 2, 6],
    3: [6, 2, 6, 6, 2, 6],
    6: [6, 6, 6, 6, 2, 6],
    7: [7, 7, 7, 6, 2, 6],
  },
};

const BEFORE_SECTORS = [1, 2, 9, 31, 33];
/** In the block's place, but not shown: bits clear in state 7. */
const HIDDEN_SECTORS = [40, 41];

/** A block in this state; 1 and 3 with and without the space that they may own. Bits are stale where they mean nothing. */
const payloads = (
  state: PlainPayload['state'],
  sectorBytes: SectorBytes,
  hasBits: boolean,
): readonly PlainPayload[] => {
  const content = before(LAST_BLOCK, [...BEFORE_SECTORS, ...HIDDEN_SECTORS], sectorBytes);
  const all = [...BEFORE_SECTORS, ...(state === 7 ? [] : HIDDEN_SECTORS)];
  const bits = hasBits ? { bits: all.map((firstSector) => ({ firstSector, sectorCount: 1 })) } : {};
  if (state === 6 || state === 7) return [{ state, content, ...bits }];
  return state === 1 || state === 3
    ? [
        { state, ...bits },
        { state, content, ...bits },
      ]
    : [{ state, ...bits }];
};

const cells = (['dynamic', 'fixed', 'differencing'] as const).flatMap((type) =>
  Object.entries(tables[type]).flatMap(([state, after]) =>
    Object.keys(coverages).map((coverage, n) => ({
      type,
      state: Number(state) as PlainPayload['state'],
      coverage,
      after: after[n]!,
    })),
  ),
);

describe('a block of a merge', () => {
  test.each(cells)(
    'in state $state of a $type disk that is covered by $coverage gets state $after, and shows what is not covered as before',
    async ({ type, state, coverage, after }) => {
      for (const sectorBytes of [512, 4096] as const) {
        for (const payload of payloads(state, sectorBytes, type === 'differencing')) {
          const spec = tinyVhdx(type, new Map([[LAST_BLOCK, payload]]), {
            logicalSectorBytes: sectorBytes,
            slackMib: 2,
            leftovers: 'stale',
          });
          const { files, into } = await onDisk(spec);
          const old = openPlainVhdx(files.source(PATH));
          const { offsetBytes: oldOffset } = old.payload(LAST_BLOCK);
          const runs = coverages[coverage]!(sectorsOf(sectorBytes));
          const block = toWrite(into, LAST_BLOCK, runs);
          const untouched = uncovered(old, oldOffset, runs);
          const merged = mergedOver(shownOf(old), [{ block: 0, runs }]);
          expect(await into.needsNewBlock(block)).toBe(after !== 2 && oldOffset === 0);

          const [offset] = await merge(into, [block]);
          const once = openPlainVhdx(files.source(PATH));
          expect(once.payload(LAST_BLOCK)).toMatchObject({ state: after, offsetBytes: offset });
          expect(firstDifferenceOf(merged, shownOf(once))).toBeUndefined();
          if (after !== 2 && oldOffset > 0) expect(offset).toBe(oldOffset);
          if (after !== 2 && state >= 6) expect(untouched.equals(uncovered(once, oldOffset, runs))).toBe(true);

          await merge(into, [block]);
          await into.rest();
          const twice = openPlainVhdx(files.source(PATH));
          expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
          expect(twice.payload(LAST_BLOCK)).toEqual(once.payload(LAST_BLOCK));
          expect(firstDifferenceOf(merged, shownOf(twice))).toBeUndefined();
          expect(twice.source.sizeBytes).toBe(once.source.sizeBytes);
        }
      }
    },
  );
});

/** From the first sector of the block on. */
const shownOf = (image: PlainVhdx): readonly string[] => shown(image, (LAST_BLOCK * MIB) / image.logicalSectorBytes);

/** All bytes of the block's place in the file that no source covers, seen or not. */
const uncovered = (
  { source, logicalSectorBytes }: PlainVhdx,
  offsetBytes: number,
  runs: readonly SuppliedRun[],
): Buffer => {
  const bytes = source.read(offsetBytes, MIB);
  for (const { start, count } of runs) bytes.fill(0, start * logicalSectorBytes, (start + count) * logicalSectorBytes);
  return bytes;
};

import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { crc32c } from './crc32c.js';
import {
  BAT_REGION,
  chooseRegionTable,
  encodeRegionTable,
  METADATA_REGION,
  REGION_TABLE_BYTES,
  type RegionEntry,
  regionExtent,
} from './region-table.js';

const UNKNOWN = '00010203-0405-0607-0809-0a0b0c0d0e0f';
const bat: RegionEntry = { guid: BAT_REGION, fileOffsetBytes: 3 * MIB, lengthBytes: MIB, required: true };
const metadata: RegionEntry = { guid: METADATA_REGION, fileOffsetBytes: 2 * MIB, lengthBytes: MIB, required: true };
const other: RegionEntry = { guid: UNKNOWN, fileOffsetBytes: 5 * MIB, lengthBytes: 2 * MIB, required: false };
const windows = encodeRegionTable([bat, metadata]);
const around = { fileSizeBytes: 8 * MIB, log: { startBytes: MIB, endBytes: 2 * MIB } };

/** A table whose checksum is right, whatever was done to it. */
const changed = (table: Uint8Array, change: (view: DataView) => void): Uint8Array => {
  const copy = table.slice();
  const view = new DataView(copy.buffer);
  change(view);
  view.setUint32(4, crc32c(copy, 4), true);
  return copy;
};
const damaged = windows.with(REGION_TABLE_BYTES - 1, 1);

const flawOfTables = (first: Uint8Array, second: Uint8Array, surroundings = around) => {
  const tables = chooseRegionTable(first, second, surroundings);
  return tables.ok ? 'none' : tables.error.flaw;
};
/** The same entries in both copies. */
const flawOfEntries = (...entries: readonly RegionEntry[]) =>
  flawOfTables(encodeRegionTable(entries), encodeRegionTable(entries));
const damagedCopies = (first: Uint8Array, second: Uint8Array) => {
  const tables = chooseRegionTable(first, second, around);
  return tables.ok ? tables.value.damagedCopies : tables.error.flaw;
};

describe('a region table', () => {
  it('has each value at its place in the specification', () => {
    const view = new DataView(windows.buffer);
    expect(windows.length).toBe(65536);
    expect(new TextDecoder().decode(windows.subarray(0, 4))).toBe('regi');
    expect(view.getUint32(4, true)).toBe(crc32c(windows, 4));
    expect(view.getUint32(8, true)).toBe(2);
    expect(view.getUint32(12, true)).toBe(0);
    expect(windows.subarray(16, 24)).toEqual(Uint8Array.of(0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42));
    expect(view.getBigUint64(32, true)).toBe(BigInt(3 * MIB));
    expect(view.getUint32(40, true)).toBe(MIB);
    expect(view.getUint32(44, true)).toBe(1);
    expect(windows.subarray(48, 52)).toEqual(Uint8Array.of(0x06, 0xa2, 0x7c, 0x8b));
    expect(windows.subarray(80).every((byte) => byte === 0)).toBe(true);
  });

  it('names BAT and metadata, and keeps unknown regions and the order', () => {
    const entries = [other, metadata, bat];
    const table = encodeRegionTable(entries);
    expect(chooseRegionTable(table, table, around)).toEqual({
      ok: true,
      value: { entries, bat, metadata, damagedCopies: [] },
    });
    expect(regionExtent(other)).toEqual({ startBytes: 5 * MIB, endBytes: 7 * MIB });
  });

  it('need not call the known regions required: QEMU does not', () => {
    expect(flawOfEntries({ ...bat, required: false }, { ...metadata, required: false })).toBe('none');
  });

  it('of another length is a bug, and so are more entries than it has room for', () => {
    expect(() => chooseRegionTable(windows.subarray(1), windows, around)).toThrow('Bug');
    expect(() => encodeRegionTable(Array.from({ length: 2048 }, () => other))).toThrow('Bug');
  });
});

describe('of two region tables', () => {
  it('the first is used when it is whole, and the other one is damaged when it is not the same', () => {
    const moved = encodeRegionTable([{ ...bat, fileOffsetBytes: 4 * MIB }, metadata]);
    const tables = chooseRegionTable(windows, moved, around);
    expect(tables).toMatchObject({ ok: true, value: { bat, damagedCopies: [1] } });
    expect(damagedCopies(windows, damaged)).toEqual([1]);
    expect(damagedCopies(windows, encodeRegionTable([metadata, bat]))).toEqual([1]);
    expect(damagedCopies(windows, encodeRegionTable([bat, metadata, other]))).toEqual([1]);
  });

  it('the second is used when the first is damaged', () => {
    expect(damagedCopies(damaged, windows)).toEqual([0]);
    expect(damagedCopies(windows.with(0, 0), windows)).toEqual([0]);
    expect(chooseRegionTable(damaged, windows, around)).toMatchObject({ ok: true, value: { bat, metadata } });
  });

  it('what lies behind the entries makes no difference', () => {
    const scribbled = changed(windows, (view) => {
      view.setUint8(5000, 1);
    });
    expect(damagedCopies(windows, scribbled)).toEqual([]);
    expect(damagedCopies(scribbled, windows)).toEqual([]);
  });

  it('none is used when both are damaged, by signature or by checksum', () => {
    const unsigned = changed(windows, (view) => {
      view.setUint8(0, 0x52);
    });
    expect(flawOfTables(damaged, unsigned)).toBe('region-table');
    expect(flawOfTables(new Uint8Array(REGION_TABLE_BYTES), new Uint8Array(REGION_TABLE_BYTES))).toBe('region-table');
  });

  it('a whole first one with unusable entries refuses the file, whatever the other says', () => {
    expect(flawOfTables(encodeRegionTable([bat]), windows)).toBe('region-missing');
  });
});

describe('a region table is refused', () => {
  it('without a BAT region or a metadata region', () => {
    expect(flawOfEntries(metadata, other)).toBe('region-missing');
    expect(flawOfEntries(bat, other)).toBe('region-missing');
    expect(flawOfEntries()).toBe('region-missing');
  });

  it('with an unknown region that is required', () => {
    expect(flawOfEntries(bat, metadata, other)).toBe('none');
    expect(flawOfEntries(bat, metadata, { ...other, required: true })).toBe('unknown-required-region');
  });

  it('with more entries than the 2047 that it has room for', () => {
    const entries = Array.from({ length: 2045 }, (_, n) => ({
      ...other,
      guid: `${UNKNOWN.slice(0, 32)}${(n + 0x1000).toString(16)}`,
      fileOffsetBytes: (n + 4) * MIB,
      lengthBytes: MIB,
    }));
    const full = encodeRegionTable([...entries, bat, metadata]);
    const flawOfCount = (count: number) => {
      const table = changed(full, (view) => {
        view.setUint32(8, count, true);
      });
      return flawOfTables(table, table, { ...around, fileSizeBytes: 4096 * MIB });
    };
    expect(flawOfCount(2047)).toBe('none');
    expect(flawOfCount(2048)).toBe('region-table');
    expect(flawOfCount(0xffff_ffff)).toBe('region-table');
  });

  it.each([
    ['a reserved field of the table', 12, 1],
    ['a reserved bit of an entry', 44, 3],
    ['an offset beyond 2^53', 38, 0x20],
  ])('with %s', (_, at, byte) => {
    const table = changed(windows, (view) => {
      view.setUint8(at, byte);
    });
    expect(flawOfTables(table, table)).toBe('region-table');
  });

  it.each<readonly [string, readonly RegionEntry[]]>([
    ['the same region twice', [bat, metadata, other, { ...other, fileOffsetBytes: 4 * MIB, lengthBytes: MIB }]],
    ['an empty region', [bat, metadata, { ...other, lengthBytes: 0 }]],
    ['a region of half a MiB', [{ ...bat, lengthBytes: MIB / 2 }, metadata]],
    ['a region at no whole MiB', [{ ...bat, fileOffsetBytes: 3 * MIB + 4096 }, metadata]],
    ['a region among the headers', [{ ...bat, fileOffsetBytes: 0 }, metadata]],
    ['a region that ends behind the file', [bat, metadata, { ...other, fileOffsetBytes: 7 * MIB }]],
    ['a region behind the file', [bat, metadata, { ...other, fileOffsetBytes: 2 ** 50 }]],
    ['two regions in one place', [bat, metadata, { ...other, fileOffsetBytes: 3 * MIB, lengthBytes: MIB }]],
    ['regions that overlap', [bat, { ...metadata, lengthBytes: 2 * MIB }]],
    ['a region in the log', [{ ...bat, fileOffsetBytes: MIB }, metadata]],
  ])('with %s', (_, entries) => {
    expect(flawOfEntries(...entries)).toBe('region-table');
  });

  it('with a region that reaches into a log behind it', () => {
    const log = { startBytes: 6 * MIB, endBytes: 7 * MIB };
    const table = encodeRegionTable([bat, metadata, other]);
    expect(flawOfTables(table, table, { ...around, log })).toBe('region-table');
    expect(chooseRegionTable(table, table, { ...around, log: null }).ok).toBe(true);
  });

  it('not for a region that ends where the file ends', () => {
    expect(flawOfEntries(bat, metadata, { ...other, fileOffsetBytes: 6 * MIB })).toBe('none');
  });
});

import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../quantities.js';
import {
  decodeMetadataTable,
  encodeMetadataTable,
  isKnownItem,
  ITEM,
  METADATA_TABLE_BYTES,
  type MetadataEntry,
} from './metadata-table.js';

const UNKNOWN = '00010203-0405-0607-0809-0a0b0c0d0e0f';
const item = (
  itemId: string,
  offsetBytes: number,
  lengthBytes: number,
  flags: Partial<MetadataEntry> = {},
): MetadataEntry => ({
  itemId,
  offsetBytes,
  lengthBytes,
  isUser: false,
  isVirtualDisk: true,
  isRequired: true,
  ...flags,
});
/** As Windows writes them. */
const windows: readonly MetadataEntry[] = [
  item(ITEM.fileParameters, 64 * KIB, 8, { isVirtualDisk: false }),
  item(ITEM.virtualDiskSize, 64 * KIB + 8, 8),
  item(ITEM.logicalSectorSize, 64 * KIB + 16, 4),
  item(ITEM.physicalSectorSize, 64 * KIB + 20, 4),
  item(ITEM.virtualDiskId, 64 * KIB + 24, 16),
];
const note = item(UNKNOWN, 66 * KIB, 100, { isUser: true, isVirtualDisk: false, isRequired: false });

const changed = (change: (view: DataView) => void): Uint8Array => {
  const table = encodeMetadataTable(windows);
  change(new DataView(table.buffer));
  return table;
};
const flawOfTable = (table: Uint8Array) => {
  const entries = decodeMetadataTable(table, MIB);
  return entries.ok ? 'none' : entries.error.flaw;
};

describe('a metadata table', () => {
  it('has each value at its place in the specification', () => {
    const table = encodeMetadataTable([...windows, note]);
    const view = new DataView(table.buffer);
    expect(table.length).toBe(65536);
    expect(new TextDecoder().decode(table.subarray(0, 8))).toBe('metadata');
    expect(view.getUint16(8, true)).toBe(0);
    expect(view.getUint16(10, true)).toBe(6);
    expect(table.subarray(12, 32).every((byte) => byte === 0)).toBe(true);
    expect(table.subarray(32, 40)).toEqual(Uint8Array.of(0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d));
    expect(view.getUint32(80, true)).toBe(64 * KIB + 8);
    expect(view.getUint32(84, true)).toBe(8);
    expect([56, 88, 120, 152, 184, 216].map((at) => view.getUint32(at, true))).toEqual([4, 6, 6, 6, 6, 1]);
    expect(view.getUint32(60, true)).toBe(0);
    expect(table.subarray(32 + 6 * 32).every((byte) => byte === 0)).toBe(true);
  });

  it('keeps unknown items and the order', () => {
    const entries = [note, ...windows, item(UNKNOWN, 0, 0, { isRequired: false })];
    expect(decodeMetadataTable(encodeMetadataTable(entries), MIB)).toEqual({ ok: true, value: entries });
  });

  it('of another length is a bug, and so are more entries than it has room for', () => {
    expect(() => decodeMetadataTable(new Uint8Array(METADATA_TABLE_BYTES - 1), MIB)).toThrow('Bug');
    expect(() => encodeMetadataTable(Array.from({ length: 2048 }, () => note))).toThrow('Bug');
  });

  it.each<readonly [string, (view: DataView) => void]>([
    ['another signature', (view) => view.setUint8(7, 0x41)],
    ['2048 entries', (view) => view.setUint16(10, 2048, true)],
    ['65535 entries', (view) => view.setUint16(10, 65535, true)],
    ['a reserved field of its header', (view) => view.setUint8(8, 1)],
    ['the last reserved byte of its header', (view) => view.setUint8(31, 1)],
    ['a reserved flag of an entry', (view) => view.setUint8(56, 12)],
    ['the highest flag of an entry', (view) => view.setUint8(59, 0x80)],
    ['a reserved field of an entry', (view) => view.setUint8(60, 1)],
    ['an entry more than it has', (view) => view.setUint16(10, 6, true)],
  ])('is refused with %s', (_, change) => {
    expect(flawOfTable(changed(() => undefined))).toBe('none');
    expect(flawOfTable(changed(change))).toBe('metadata-table');
  });

  it('is refused for what its entries say', () => {
    expect(flawOfTable(encodeMetadataTable(windows.slice(1)))).toBe('metadata-missing');
  });
});

describe('a known item', () => {
  it('is one of the specification, and not a user’s', () => {
    expect(Object.values(ITEM).every((itemId) => isKnownItem({ itemId, isUser: false }))).toBe(true);
    expect(isKnownItem({ itemId: ITEM.virtualDiskSize, isUser: true })).toBe(false);
    expect(isKnownItem({ itemId: UNKNOWN, isUser: false })).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { MIB, TIB } from '../../quantities.js';
import {
  decodeDiskParameters,
  type DiskParameters,
  encodeFileParameters,
  encodeGuid,
  encodeU32,
  encodeU64,
} from './disk-parameters.js';
import { ITEM } from './metadata-items.js';

const sample: DiskParameters = {
  blockSizeBytes: 32 * MIB,
  leaveBlockAllocated: false,
  hasParent: false,
  virtualSizeBytes: 10 * 1024 * MIB,
  virtualDiskId: '00010203-0405-0607-0809-0a0b0c0d0e0f',
  logicalSectorSize: 512,
  physicalSectorSize: 4096,
};
const itemsOf = (parameters: DiskParameters): Record<string, Uint8Array> => ({
  [ITEM.fileParameters]: encodeFileParameters(parameters),
  [ITEM.virtualDiskSize]: encodeU64(parameters.virtualSizeBytes),
  [ITEM.virtualDiskId]: encodeGuid(parameters.virtualDiskId),
  [ITEM.logicalSectorSize]: encodeU32(parameters.logicalSectorSize),
  [ITEM.physicalSectorSize]: encodeU32(parameters.physicalSectorSize),
});
const decoded = (changes: Partial<DiskParameters>, items: Record<string, Uint8Array> = {}) => {
  const all = { ...itemsOf({ ...sample, ...changes }), ...items };
  return decodeDiskParameters((itemId) => all[itemId]!);
};
const flawOfDisk = (changes: Partial<DiskParameters>, items: Record<string, Uint8Array> = {}) => {
  const parameters = decoded(changes, items);
  return parameters.ok ? 'none' : parameters.error.flaw;
};

describe('the parameters of a disk', () => {
  it('are little-endian numbers, a Windows GUID and two bits', () => {
    expect(encodeFileParameters({ blockSizeBytes: 2 * MIB, leaveBlockAllocated: true, hasParent: false })).toEqual(
      Uint8Array.of(0, 0, 0x20, 0, 1, 0, 0, 0),
    );
    expect(encodeFileParameters({ blockSizeBytes: 256 * MIB, leaveBlockAllocated: false, hasParent: true })).toEqual(
      Uint8Array.of(0, 0, 0, 0x10, 2, 0, 0, 0),
    );
    expect(encodeU64(64 * TIB)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0x40, 0, 0));
    expect(encodeU32(4096)).toEqual(Uint8Array.of(0, 0x10, 0, 0));
    expect(encodeGuid(sample.virtualDiskId).subarray(0, 9)).toEqual(Uint8Array.of(3, 2, 1, 0, 5, 4, 7, 6, 8));
  });

  it('are read as they were written', () => {
    for (const leaveBlockAllocated of [false, true]) {
      for (const hasParent of [false, true]) {
        const parameters = { ...sample, leaveBlockAllocated, hasParent };
        expect(decoded(parameters)).toEqual({ ok: true, value: parameters });
      }
    }
  });

  it('have blocks of 1, 2, 4 … 256 MiB', () => {
    for (let mib = 1; mib <= 256; mib *= 2) expect(flawOfDisk({ blockSizeBytes: mib * MIB })).toBe('none');
    for (const blockSizeBytes of [0, 512, MIB / 2, 3 * MIB, 2 * MIB + 512, 512 * MIB, 0xffff_ffff]) {
      expect(flawOfDisk({ blockSizeBytes })).toBe('block-size');
    }
  });

  it('have no bits that nobody knows', () => {
    for (const [at, byte] of [
      [4, 4],
      [4, 0x80],
      [7, 0x80],
    ] as const) {
      const fileParameters = encodeFileParameters(sample).with(at, byte);
      expect(flawOfDisk({}, { [ITEM.fileParameters]: fileParameters })).toBe('disk-parameters');
    }
  });

  it('have sectors of 512 or 4096 bytes, and no others', () => {
    for (const bytes of [512, 4096]) {
      expect(flawOfDisk({ logicalSectorSize: bytes, physicalSectorSize: bytes })).toBe('none');
    }
    for (const bytes of [0, 1, 1024, 8192, 0xffff_ffff]) {
      expect(flawOfDisk({ logicalSectorSize: bytes })).toBe('sector-size');
      expect(flawOfDisk({ physicalSectorSize: bytes })).toBe('sector-size');
    }
  });

  it('have a size of whole logical sectors, one at least and 64 TiB at most', () => {
    expect(flawOfDisk({ virtualSizeBytes: 512 })).toBe('none');
    expect(flawOfDisk({ virtualSizeBytes: 64 * TIB })).toBe('none');
    for (const virtualSizeBytes of [0, 1, 513, 64 * TIB + 512]) {
      expect(flawOfDisk({ virtualSizeBytes })).toBe('invalid-size');
    }
    expect(flawOfDisk({ virtualSizeBytes: 4096, logicalSectorSize: 4096 })).toBe('none');
    expect(flawOfDisk({ virtualSizeBytes: 4608, logicalSectorSize: 4096 })).toBe('invalid-size');
    const mostBytes = new Uint8Array(8).fill(0xff);
    expect(flawOfDisk({}, { [ITEM.virtualDiskSize]: mostBytes })).toBe('invalid-size');
    expect(flawOfDisk({}, { [ITEM.virtualDiskSize]: mostBytes.with(0, 0).with(1, 0) })).toBe('invalid-size');
  });

  it('of an item with another length are a bug: the table has proved it', () => {
    expect(() => decoded({}, { [ITEM.virtualDiskSize]: new Uint8Array(7) })).toThrow('Bug');
  });
});

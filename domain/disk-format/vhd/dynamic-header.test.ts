import { describe, expect, it } from 'vitest';
import { GIB, KIB, MIB } from '../../quantities.js';
import { onesComplementChecksum } from '../checksum.js';
import {
  decodeDynamicHeader,
  dynamicHeaderLayout,
  encodeDynamicHeader,
  newDynamicHeader,
  NIL_UUID,
  parentIdentityFlaw,
  parentNameOf,
  withParent,
} from './dynamic-header.js';
import { encodePayload, newLocatorEntry, unusedLocatorEntry } from './parent-locator.js';

const FAT_PARENT = 'C:\\Projects\\dfvfs\\test_data\\fat-parent.vhd';

/** The header of `fat-differential.vhd` (dfvfs): Windows 10 gives W2ru 64 KiB of space and W2ku 4 KiB. */
const windowsHeader = newDynamicHeader({
  tableOffsetBytes: 0x2000,
  maxTableEntries: 2,
  blockSizeBytes: 2 * MIB,
  parent: {
    parentUniqueId: '5fa21a55-f394-aa4d-9958-1951a67d5540',
    parentName: FAT_PARENT,
    locatorEntries: [
      { ...newLocatorEntry('W2ku', encodePayload('W2ku', FAT_PARENT), 0x1000), dataSpace: 4096 },
      { ...newLocatorEntry('W2ru', encodePayload('W2ru', '.\\fat-parent.vhd'), 0x3000), dataSpace: 65536 },
    ],
  },
});
const disk = { currentSizeBytes: 4 * MIB, fileSizeBytes: 2183168 };

type Raw = ReturnType<typeof dynamicHeaderLayout.decode>;

const headerBytes = (changes: Partial<Raw>): Uint8Array => {
  const unsealed = dynamicHeaderLayout.encode({
    ...dynamicHeaderLayout.decode(encodeDynamicHeader(windowsHeader)),
    ...changes,
  });
  const checksum = onesComplementChecksum(unsealed, dynamicHeaderLayout.offsets.checksum);
  return dynamicHeaderLayout.encode({ ...dynamicHeaderLayout.decode(unsealed), checksum });
};

const flawOf = (encoded: Uint8Array, around = disk) => {
  const decoded = decodeDynamicHeader(encoded, around);
  return decoded.ok ? null : decoded.error.flaw;
};

describe('a dynamic header', () => {
  it('has the checksum that Windows gave the same header', () => {
    expect(dynamicHeaderLayout.decode(encodeDynamicHeader(windowsHeader)).checksum).toBe(0xffffd951);
  });

  it('reads back with its values', () => {
    expect(decodeDynamicHeader(encodeDynamicHeader(windowsHeader), disk)).toEqual({ ok: true, value: windowsHeader });
    expect(parentNameOf(windowsHeader)).toBe(FAT_PARENT);
  });

  it('keeps reserved bytes and what stands behind the name through decode and encode', () => {
    const encoded = headerBytes({
      unusedDataOffset: Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255),
      reserved: Uint8Array.of(1, 2, 3, 4),
      reserved2: new Uint8Array(256).fill(7),
      parentUnicodeName: 'p.vhd\0old name'.padEnd(256, '\0'),
    });
    const decoded = decodeDynamicHeader(encoded, disk);
    if (!decoded.ok) throw new Error(decoded.error.flaw);
    expect(parentNameOf(decoded.value)).toBe('p.vhd');
    expect(encodeDynamicHeader(decoded.value)).toEqual(encoded);
  });

  it('of a dynamic disk names no parent', () => {
    const header = newDynamicHeader({
      tableOffsetBytes: 1536,
      maxTableEntries: 1,
      blockSizeBytes: 2 * MIB,
      parent: null,
    });
    expect(header.parentUniqueId).toBe(NIL_UUID);
    expect(parentNameOf(header)).toBe('');
    expect(parentIdentityFlaw(header)?.flaw).toBe('parent-identity-zero');
    expect(parentIdentityFlaw(windowsHeader)).toBeNull();
  });

  it('of a child with another parent differs only in what names the parent', () => {
    const entry = newLocatorEntry('W2ru', encodePayload('W2ru', '.\\base.vhd'), 0x20000);
    const stamped = { ...windowsHeader, parentTimeStampSeconds: 99, reserved2: new Uint8Array(256).fill(1) };
    const parentUniqueId = '00000000-0000-0000-0000-000000000001';
    const header = withParent(stamped, { parentUniqueId, parentName: 'base.vhd', locatorEntries: [entry] });
    expect(header).toEqual({
      ...stamped,
      parentUniqueId,
      parentTimeStampSeconds: 0,
      parentUnicodeName: 'base.vhd'.padEnd(256, '\0'),
      parentLocatorEntries: [entry, ...Array.from({ length: 7 }, unusedLocatorEntry)],
    });
  });

  it('stores the file name of a parent whose path does not fit', () => {
    const parent = { parentUniqueId: NIL_UUID, locatorEntries: [] };
    const nameIn = (parentName: string) => parentNameOf(withParent(windowsHeader, { ...parent, parentName }));
    expect(nameIn(`C:\\${'d'.repeat(247)}\\p.vhd`)).toBe(`C:\\${'d'.repeat(247)}\\p.vhd`);
    expect(nameIn(`C:\\${'d'.repeat(248)}\\p.vhd`)).toBe('p.vhd');
    expect(nameIn(`/${'d'.repeat(300)}/p.vhd`)).toBe('p.vhd');
  });
});

describe('a dynamic header is refused', () => {
  it('when its length, cookie, checksum or version is wrong, in this order', () => {
    const whole = encodeDynamicHeader(windowsHeader);
    expect(flawOf(whole.subarray(0, 512))).toBe('too-small');
    expect(flawOf(headerBytes({ cookie: 'cxsparsE', headerVersion: 0 }))).toBe('header-corrupt');
    expect(flawOf(whole.with(25, 2))).toBe('header-checksum');
    expect(flawOf(whole.with(1023, 1))).toBe('header-checksum');
    expect(flawOf(headerBytes({ headerVersion: 0x20000, blockSize: 0 }))).toBe('header-version');
  });

  it.each([0, 1, 2 * KIB, 3 * MIB, 512 * MIB, 0xffff_ffff])('when its block size is %i', (blockSize) => {
    expect(flawOf(headerBytes({ blockSize }))).toBe('block-size');
  });

  it('when its table has too few entries for the disk, or more than any disk needs', () => {
    expect(flawOf(headerBytes({ maxTableEntries: 1 }))).toBe('bat-size');
    expect(flawOf(headerBytes({ maxTableEntries: 2 }), { ...disk, currentSizeBytes: 4 * MIB + 512 })).toBe('bat-size');
    const large = { ...disk, fileSizeBytes: 64 * GIB };
    expect(flawOf(headerBytes({ maxTableEntries: 2 ** 20 + 1 }), large)).toBeNull();
    expect(flawOf(headerBytes({ maxTableEntries: 2 ** 20 + 2 }), large)).toBe('bat-size');
    expect(flawOf(headerBytes({ maxTableEntries: 0xffff_ffff }), large)).toBe('bat-size');
  });

  it('when its table lies between sectors, in the footer copy or beyond the file', () => {
    expect(flawOf(headerBytes({ tableOffset: 0n }))).toBe('bat-offset');
    expect(flawOf(headerBytes({ tableOffset: 700n }))).toBe('bat-offset');
    expect(flawOf(headerBytes({ tableOffset: 0xffff_ffff_ffff_fe00n }))).toBe('bat-offset');
    expect(flawOf(headerBytes({ tableOffset: 2183168n }))).toBe('bat-size');
    expect(flawOf(headerBytes({}), { ...disk, fileSizeBytes: 0x2008 })).toBeNull();
    expect(flawOf(headerBytes({}), { ...disk, fileSizeBytes: 0x2007 })).toBe('bat-size');
  });
});

import { describe, expect, it } from 'vitest';
import { GIB, MIB } from '../../quantities.js';
import { onesComplementChecksum } from '../checksum.js';
import {
  decodeFooter,
  encodeFooter,
  type Footer,
  footerLayout,
  hasSavedState,
  newFooter,
  sameFooter,
} from './footer.js';

/** The footer of `fat-differential.vhd` (dfvfs), as Windows 10 wrote it. */
const windowsFooter = newFooter({
  type: { diskType: 'differencing', dataOffsetBytes: 512 },
  currentSizeBytes: 4 * MIB,
  uniqueId: 'f84f1636-cd9e-9041-a69e-dcc2380e416a',
  timeStampSeconds: 0x27198e1b,
});

type Raw = ReturnType<typeof footerLayout.decode>;

/** A footer with some fields of its own, and a right checksum over them. */
const footerBytes = (changes: Partial<Raw>): Uint8Array => {
  const unsealed = footerLayout.encode({ ...footerLayout.decode(encodeFooter(windowsFooter)), ...changes });
  const checksum = onesComplementChecksum(unsealed, footerLayout.offsets.checksum);
  return footerLayout.encode({ ...footerLayout.decode(unsealed), checksum });
};

const flawOf = (encoded: Uint8Array) => {
  const decoded = decodeFooter(encoded);
  return decoded.ok ? null : decoded.error.flaw;
};

const decoded = (encoded: Uint8Array): Footer => {
  const footer = decodeFooter(encoded);
  if (!footer.ok) throw new Error(JSON.stringify(footer.error));
  return footer.value;
};

describe('a VHD footer', () => {
  it('has the checksum that Windows gave the same footer', () => {
    expect(footerLayout.decode(encodeFooter(windowsFooter)).checksum).toBe(0xfffff02c);
  });

  it('reads back with its values', () => {
    expect(decoded(encodeFooter(windowsFooter))).toEqual(windowsFooter);
    expect(windowsFooter).toMatchObject({
      diskType: 'differencing',
      dataOffsetBytes: 512,
      currentSizeBytes: 4_194_304,
      creatorApplication: 'win ',
      geometry: { cylinders: 120, heads: 4, sectorsPerTrack: 17 },
    });
  });

  it('keeps reserved bytes and unknown flags through decode and encode', () => {
    const reserved = new Uint8Array(427).fill(1, 0, 3);
    const encoded = footerBytes({ reserved, features: 0xa3, savedState: 7, creatorHostOs: '\0\0\0\0' });
    expect(encodeFooter(decoded(encoded))).toEqual(encoded);
  });

  it('says whether a virtual machine is saved on the disk', () => {
    expect(hasSavedState(windowsFooter)).toBe(false);
    expect(hasSavedState(decoded(footerBytes({ savedState: 1 })))).toBe(true);
  });

  it('of 511 bytes is read as if its last byte were 0, and written with 512', () => {
    const whole = encodeFooter(windowsFooter);
    const footer = decoded(whole.subarray(0, 511));
    expect(encodeFooter(footer)).toEqual(whole);
    expect(sameFooter(footer, windowsFooter)).toBe(true);
  });

  it('of a fixed disk points nowhere, in 64 or in 32 ones', () => {
    const ones = footerBytes({ diskType: 2, dataOffset: 0xffff_ffff_ffff_ffffn });
    const ones32 = footerBytes({ diskType: 2, dataOffset: 0xffff_ffffn });
    expect(decoded(ones)).toMatchObject({ diskType: 'fixed', dataOffsetBytes: null });
    expect(encodeFooter(decoded(ones))).toEqual(ones);
    expect(encodeFooter(decoded(ones32))).toEqual(ones32);
    expect(flawOf(footerBytes({ diskType: 2, dataOffset: 512n }))).toBe('footer-corrupt');
  });

  it('is the same footer only when every byte is the same', () => {
    expect(sameFooter(windowsFooter, { ...windowsFooter })).toBe(true);
    expect(sameFooter(windowsFooter, { ...windowsFooter, timeStampSeconds: 1 })).toBe(false);
  });
});

describe('a footer is refused', () => {
  const whole = encodeFooter(windowsFooter);

  it('when its length, cookie, checksum or version is wrong, in this order', () => {
    expect(flawOf(whole.subarray(0, 510))).toBe('too-small');
    expect(flawOf(footerBytes({ cookie: 'Conectix', fileFormatVersion: 0x20000 }))).toBe('footer-missing');
    expect(flawOf(whole.with(8, 0xff))).toBe('footer-checksum');
    expect(flawOf(whole.with(13, 2))).toBe('footer-checksum');
    expect(flawOf(footerBytes({ fileFormatVersion: 0x20000, diskType: 9 }))).toBe('unsupported-version');
    expect(flawOf(footerBytes({ fileFormatVersion: 0x10001 }))).toBeNull();
  });

  it.each([0, 1, 5, 6, 7])('when its disk type is %i', (diskType) => {
    expect(flawOf(footerBytes({ diskType }))).toBe('invalid-type');
  });

  it('when its size is 0, not whole sectors or above 2040 GiB', () => {
    expect(flawOf(footerBytes({ currentSize: 0n }))).toBe('invalid-size');
    expect(flawOf(footerBytes({ currentSize: 513n }))).toBe('invalid-size');
    expect(flawOf(footerBytes({ currentSize: BigInt(2040 * GIB) + 512n }))).toBe('invalid-size');
    expect(flawOf(footerBytes({ currentSize: 1n << 63n }))).toBe('invalid-size');
    expect(flawOf(footerBytes({ currentSize: BigInt(2040 * GIB) }))).toBeNull();
  });

  it('when a 64-bit field is too large to calculate with', () => {
    expect(flawOf(footerBytes({ originalSize: 1n << 53n }))).toBe('footer-corrupt');
    expect(flawOf(footerBytes({ dataOffset: 1n << 60n }))).toBe('header-corrupt');
  });

  it('when its dynamic header would lie in the footer copy or between sectors', () => {
    expect(flawOf(footerBytes({ dataOffset: 0n }))).toBe('header-corrupt');
    expect(flawOf(footerBytes({ dataOffset: 700n }))).toBe('header-corrupt');
    expect(flawOf(footerBytes({ dataOffset: 1024n }))).toBeNull();
  });
});

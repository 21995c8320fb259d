import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { chooseFooter, footerPlaces } from './footer-copies.js';
import { encodeFooter, newFooter } from './footer.js';

const footerOf = (diskType: 'fixed' | 'dynamic', timeStampSeconds: number, currentSizeBytes = 4 * MIB): Uint8Array =>
  encodeFooter(
    newFooter({
      type: diskType === 'fixed' ? { diskType } : { diskType, dataOffsetBytes: 512 },
      currentSizeBytes,
      uniqueId: '00010203-0405-0607-0809-0a0b0c0d0e0f',
      timeStampSeconds,
    }),
  );

const file = (parts: { size?: number; tail?: Uint8Array; shortTail?: Uint8Array; head?: Uint8Array }) => {
  const fileSizeBytes = parts.size ?? 1 * MIB;
  const nothing = new Uint8Array(512);
  return chooseFooter({
    fileSizeBytes,
    tail: parts.tail ?? nothing,
    shortTail: parts.shortTail ?? null,
    head: parts.head ?? nothing,
  });
};

const one = footerOf('dynamic', 1);
const two = footerOf('dynamic', 2);
const damaged = one.with(30, one[30]! ^ 1);
const unsupported = newFooterOfType9();

/** A whole footer, cookie and checksum right, whose type means nothing. */
function newFooterOfType9(): Uint8Array {
  const typed = one.with(63, 9);
  return typed.with(67, typed[67]! - 6);
}

const told = (choice: ReturnType<typeof chooseFooter>) =>
  choice.ok
    ? { copy: choice.value.copy, stamp: choice.value.footer.timeStampSeconds, warnings: choice.value.warnings }
    : choice.error.flaw;

describe('of the footer copies of a dynamic disk', () => {
  it('the tail counts, without a warning when the head is the same', () => {
    expect(told(file({ tail: one, head: one }))).toEqual({ copy: 'tail', stamp: 1, warnings: [] });
  });

  it('the tail counts when the head differs or is damaged, and the warning says which', () => {
    expect(told(file({ tail: one, head: two }))).toEqual({ copy: 'tail', stamp: 1, warnings: ['copies-differ'] });
    expect(told(file({ tail: one, head: damaged }))).toEqual({ copy: 'tail', stamp: 1, warnings: ['head-damaged'] });
    expect(told(file({ tail: one }))).toEqual({ copy: 'tail', stamp: 1, warnings: ['head-damaged'] });
  });

  it('the head counts when the tail is damaged or missing', () => {
    expect(told(file({ tail: damaged, head: two }))).toEqual({ copy: 'head', stamp: 2, warnings: ['tail-damaged'] });
    expect(told(file({ head: two }))).toEqual({ copy: 'head', stamp: 2, warnings: ['tail-damaged'] });
  });

  it('the one of 511 bytes counts between tail and head', () => {
    const short = one.subarray(0, 511);
    const size = 1 * MIB + 511;
    expect(told(file({ size, shortTail: short, head: two }))).toEqual({
      copy: 'short tail',
      stamp: 1,
      warnings: ['short-footer', 'copies-differ'],
    });
    expect(told(file({ size, tail: two, shortTail: short, head: two }))).toMatchObject({ copy: 'tail', stamp: 2 });
    const choice = file({ size, shortTail: short, head: one });
    expect(choice.ok && choice.value.endOfDataBytes).toBe(1 * MIB);
    expect(told(choice)).toMatchObject({ warnings: ['short-footer'] });
  });

  it('none counts when all are damaged, and the first with a cookie says why', () => {
    expect(told(file({ tail: damaged, head: damaged }))).toBe('footer-checksum');
    expect(told(file({ head: damaged }))).toBe('footer-checksum');
    expect(told(file({}))).toBe('footer-missing');
  });

  it('a whole tail with unusable values refuses the file, whatever the head says', () => {
    expect(told(file({ tail: unsupported, head: one }))).toBe('invalid-type');
  });

  it('the blocks end before a tail that is there, else at the end of the file', () => {
    const end = (choice: ReturnType<typeof chooseFooter>) => choice.ok && choice.value.endOfDataBytes;
    expect(end(file({ tail: one, head: one }))).toBe(1 * MIB - 512);
    expect(end(file({ tail: damaged, head: one }))).toBe(1 * MIB - 512);
    expect(end(file({ head: one }))).toBe(1 * MIB);
  });

  it('the file must have room for header and table', () => {
    expect(told(file({ size: 2559, tail: one, head: one }))).toBe('too-small');
    expect(told(file({ size: 2560, tail: one, head: one }))).toMatchObject({ copy: 'tail' });
    expect(told(file({ size: 2559, shortTail: one.subarray(0, 511), head: one }))).toMatchObject({
      copy: 'short tail',
    });
    expect(told(file({ size: 2047, head: one }))).toBe('too-small');
    expect(told(file({ size: 510, tail: one, head: one }))).toBe('too-small');
  });
});

describe('of a fixed disk', () => {
  const fixed = footerOf('fixed', 5);
  const size = 4 * MIB + 512;

  it('only the tail counts: sector 0 is the guest’s', () => {
    expect(told(file({ size, tail: fixed }))).toEqual({ copy: 'tail', stamp: 5, warnings: [] });
    expect(told(file({ size, head: fixed }))).toBe('footer-missing');
    expect(told(file({ size, tail: fixed.with(9, 1), head: fixed }))).toBe('footer-checksum');
  });

  it('a VHD footer in the guest’s first sector is reported, and never called a copy', () => {
    expect(told(file({ size, tail: fixed, head: one }))).toMatchObject({ warnings: ['fixed-disk-starts-with-footer'] });
  });

  it('the file must hold the whole disk', () => {
    expect(told(file({ size: size - 512, tail: fixed }))).toBe('invalid-file-size');
    expect(told(file({ size: size + 512, tail: fixed }))).toMatchObject({ copy: 'tail' });
  });
});

describe('the places of a footer', () => {
  it('are the last sector, sector 0, and 511 bytes at the end only where the size says so', () => {
    expect(footerPlaces(2048)).toEqual({
      tail: { offsetBytes: 1536, lengthBytes: 512 },
      shortTail: null,
      head: { offsetBytes: 0, lengthBytes: 512 },
    });
    expect(footerPlaces(1023).shortTail).toEqual({ offsetBytes: 512, lengthBytes: 511 });
    expect(footerPlaces(511)).toEqual({ tail: null, shortTail: { offsetBytes: 0, lengthBytes: 511 }, head: null });
    expect(footerPlaces(100)).toEqual({ tail: null, shortTail: null, head: null });
  });
});

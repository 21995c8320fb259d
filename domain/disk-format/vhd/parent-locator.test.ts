import { describe, expect, it } from 'vitest';
import {
  decodeLocator,
  encodePayload,
  isUnused,
  leadsBehind,
  locatorSpace,
  newLocatorEntry,
  parentLocatorEntry,
  type ParentLocatorEntry,
  pathCodeOf,
  payloadExtent,
  unusedLocatorEntry,
} from './parent-locator.js';

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const utf16 = (text: string): Uint8Array => encodePayload('W2ru', text);

const entryOf = (platformCode: string, payload: Uint8Array): ParentLocatorEntry => ({
  ...newLocatorEntry('W2ru', payload, 4096),
  platformCode,
});

const pathIn = (platformCode: string, payload: Uint8Array) => {
  const decoded = decodeLocator(entryOf(platformCode, payload), payload);
  return decoded.ok ? decoded.value.path : decoded.error;
};

const refused = expect.objectContaining({ flaw: 'parent-locator' }) as unknown;

describe('a parent locator entry', () => {
  it('reads as Windows and XenServer write it', () => {
    const windows = Uint8Array.from('573272750001000000000020000000000000000000003000'.match(/../g)!, (pair) =>
      parseInt(pair, 16),
    );
    expect(parentLocatorEntry.decode(windows)).toEqual({
      platformCode: 'W2ru',
      dataSpace: 65536,
      dataLength: 32,
      reserved: new Uint8Array(4),
      dataOffset: 0x3000n,
    });
    expect(parentLocatorEntry.encode(parentLocatorEntry.decode(windows))).toEqual(windows);
  });

  it('is written with its space in bytes, whole sectors', () => {
    expect(newLocatorEntry('W2ku', new Uint8Array(514), 0x4000)).toMatchObject({
      platformCode: 'W2ku',
      dataSpace: 1024,
      dataLength: 514,
      dataOffset: 0x4000n,
    });
  });

  it('with four NULs is an unused slot, with an unknown code is passed over', () => {
    expect(isUnused(unusedLocatorEntry())).toBe(true);
    expect(pathCodeOf(entryOf('Mac ', utf16('alias')))).toBeUndefined();
    expect(pathIn('M\u0016\u0032\u0058', latin1('file://./x.vhd'))).toEqual(refused);
  });
});

describe('the place of a locator', () => {
  const entry = { ...entryOf('W2ru', new Uint8Array(32)), dataSpace: 0 };
  const fileSizeBytes = 100_000;
  const spaceEnd = (dataSpace: number) => locatorSpace({ ...entry, dataSpace }, fileSizeBytes)?.endBytes;

  it('is known by its length, which is 1 byte to 64 KiB and inside the file', () => {
    expect(payloadExtent(entry, fileSizeBytes)).toEqual({ ok: true, value: { startBytes: 4096, endBytes: 4128 } });
    for (const bad of [
      { dataLength: 0 },
      { dataLength: 65537 },
      { dataOffset: 99_969n },
      { dataOffset: 0xffff_ffff_ffff_ffffn },
    ]) {
      expect(payloadExtent({ ...entry, ...bad }, fileSizeBytes)).toEqual({ ok: false, error: refused });
      expect(locatorSpace({ ...entry, ...bad }, fileSizeBytes)).toBeNull();
    }
    expect(payloadExtent({ ...entry, dataOffset: 99_968n }, fileSizeBytes).ok).toBe(true);
  });

  it('has a space in sectors when below 512, in bytes when a multiple of 512', () => {
    expect(spaceEnd(2)).toBe(4096 + 1024);
    expect(spaceEnd(512)).toBe(4096 + 512);
    expect(spaceEnd(65536)).toBe(4096 + 65536);
  });

  it('ends with the payload when the space means neither, is too small or leaves the file', () => {
    expect([0, 700, 0x7fff_fe00].map(spaceEnd)).toEqual([4128, 4128, 4128]);
    const long = { ...entry, dataLength: 2000 };
    expect(locatorSpace({ ...long, dataSpace: 512 }, fileSizeBytes)?.endBytes).toBe(4096 + 2000);
    expect(locatorSpace(unusedLocatorEntry(), fileSizeBytes)).toBeNull();
  });
});

describe('the path in a locator', () => {
  it('is UTF-16LE in W2ru and W2ku, without trailing NULs', () => {
    expect(encodePayload('W2ru', '.\\p')).toEqual(Uint8Array.of(0x2e, 0, 0x5c, 0, 0x70, 0));
    expect(pathIn('W2ru', utf16('.\\übung.vhd\0\0'))).toBe('.\\übung.vhd');
    expect(pathIn('W2ku', utf16('C:\\p.vhd'))).toBe('C:\\p.vhd');
  });

  it('keeps lone surrogates', () => {
    expect(pathIn('W2ru', utf16('.\\\ud83d.vhd'))).toBe('.\\\ud83d.vhd');
  });

  it('is Latin-1 in the deprecated codes', () => {
    expect(pathIn('Wi2r', latin1('.\\\u00fc.vhd\0'))).toBe('.\\\u00fc.vhd');
    expect(pathIn('Wi2k', latin1('C:\\p.vhd'))).toBe('C:\\p.vhd');
  });

  it('is what follows file:// in MacX, percent-decoded', () => {
    expect(pathIn('MacX', latin1('file://./xen-mid.vhd'))).toBe('./xen-mid.vhd');
    expect(pathIn('MacX', latin1('file:///vms/a%20b.vhd\0'))).toBe('/vms/a b.vhd');
    expect(pathIn('MacX', latin1('file://localhost/vms/p.vhd'))).toBe('/vms/p.vhd');
    expect(pathIn('MacX', latin1('file://localhost.vhd'))).toBe('localhost.vhd');
    expect(pathIn('MacX', latin1('file://./%C3%BC.vhd'))).toBe('./ü.vhd');
    expect(pathIn('MacX', latin1('file://./100%.vhd'))).toBe('./100%.vhd');
    expect(pathIn('MacX', latin1('p.vhd'))).toBe('p.vhd');
    expect(pathIn('MacX', Uint8Array.of(0xff, 0x41))).toBe('\ufffdA');
  });

  it('is written as XenServer writes it, and comes back', () => {
    expect(encodePayload('MacX', './xen-mid.vhd')).toEqual(latin1('file://./xen-mid.vhd'));
    expect(encodePayload('MacX', '/a b%ü.vhd')).toEqual(latin1('file:///a%20b%25%C3%BC.vhd'));
    expect(pathIn('MacX', encodePayload('MacX', '/a b%ü.vhd'))).toBe('/a b%ü.vhd');
  });

  it('is refused when its length is odd, not as told, or it is empty or has a NUL inside', () => {
    expect(pathIn('W2ru', new Uint8Array(7).fill(65))).toEqual(refused);
    expect(pathIn('W2ru', utf16('\0'))).toEqual(refused);
    expect(pathIn('W2ku', utf16('a\0b'))).toEqual(refused);
    expect(pathIn('MacX', latin1('file://a%00b'))).toEqual(refused);
    expect(decodeLocator(entryOf('W2ru', utf16('ab')), utf16('a')).ok).toBe(false);
  });

  it('leads behind an end with its payload, or with the space that it sets aside, as far as that is believed', () => {
    const entry = { ...entryOf('W2ru', utf16('x.vhd')), dataOffset: 8192n, dataLength: 100 };
    const behind = (dataSpace: number, end: number) => leadsBehind({ ...entry, dataSpace }, end);
    expect([behind(512, 8192 + 512), behind(512, 8192 + 511)]).toEqual([false, true]);
    expect([behind(1, 8192 + 512), behind(2, 8192 + 512)]).toEqual([false, true]);
    // 1000 is neither sectors nor whole sectors of bytes: only the payload counts.
    expect([behind(1000, 8292), behind(1000, 8291)]).toEqual([false, true]);
    expect(leadsBehind({ ...entry, dataOffset: 2n ** 64n - 1n }, 8192)).toBe(true);
    expect(leadsBehind({ ...entry, dataLength: 0 }, 0)).toBe(false);
    expect(leadsBehind(unusedLocatorEntry(), 0)).toBe(false);
  });
});

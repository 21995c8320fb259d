import { describe, expect, it } from 'vitest';
import {
  ascii,
  at,
  bytes,
  decodeU32beTable,
  encodeU32beTable,
  guid,
  guidBytes,
  repeated,
  reserved,
  struct,
  u16be,
  u16le,
  u32be,
  u32le,
  u64be,
  u64le,
  u8,
  utf16be,
  utf16le,
} from './layout.js';

describe('a structure', () => {
  const sample = struct('sample', 16, {
    mark: at(0, ascii(2)),
    small: at(2, u16be),
    big: at(4, u64be),
    flag: at(12, u8),
    rest: at(13, reserved(3)),
  });

  it('reads and writes each field at its written offset', () => {
    const encoded = Uint8Array.of(0x41, 0x42, 1, 2, 0, 0, 0, 0, 0, 0, 1, 0, 7, 8, 9, 10);
    const value = { mark: 'AB', small: 0x0102, big: 256n, flag: 7, rest: Uint8Array.of(8, 9, 10) };
    expect(sample.decode(encoded)).toEqual(value);
    expect(sample.encode(value)).toEqual(encoded);
    expect(sample.offsets.flag).toBe(12);
  });

  it('reads from a part of a larger buffer and keeps nothing of that buffer', () => {
    const buffer = new Uint8Array(40).fill(0xee);
    const part = buffer.subarray(10, 26);
    part.fill(5);
    const value = sample.decode(part);
    part.fill(6);
    expect(value.rest).toEqual(Uint8Array.of(5, 5, 5));
  });

  it('with a gap, an overlap or a wrong total throws when it is declared', () => {
    expect(() => struct('gap', 4, { one: at(0, u8), two: at(2, u16be) })).toThrow('a gap before two');
    expect(() => struct('overlap', 4, { one: at(0, u16be), two: at(1, u8) })).toThrow('an overlap before two');
    expect(() => struct('total', 4, { one: at(0, u16be) })).toThrow('end at 2, not at 4');
    expect(() => struct('start', 2, { one: at(1, u8) })).toThrow('a gap before one');
  });

  it('of another length than the bytes given is a bug, not a short read', () => {
    expect(() => sample.decode(new Uint8Array(15))).toThrow('takes 16 bytes, not 15');
    expect(() => sample.decode(new Uint8Array(17))).toThrow('takes 16 bytes, not 17');
  });

  it('can be a part of another structure', () => {
    const pair = struct('pair', 32, { both: at(0, repeated(2, sample)) });
    const encoded = Uint8Array.from({ length: 32 }, (_, n) => n);
    expect(pair.decode(encoded).both[1]?.small).toBe(0x1213);
    expect(pair.encode(pair.decode(encoded))).toEqual(encoded);
  });

  it('refuses to write a number that its field cannot hold', () => {
    const one = (codec: typeof u8) => struct('one', codec.sizeBytes, { n: at(0, codec) });
    expect(() => one(u8).encode({ n: 256 })).toThrow('no unsigned integer');
    expect(() => one(u32be).encode({ n: -1 })).toThrow('no unsigned integer');
    expect(() => one(u16be).encode({ n: 1.5 })).toThrow('no unsigned integer');
    expect(() => struct('wide', 8, { n: at(0, u64be) }).encode({ n: 1n << 64n })).toThrow('no unsigned integer');
    expect(() => struct('raw', 2, { n: at(0, bytes(2)) }).encode({ n: new Uint8Array(3) })).toThrow('takes 2 bytes');
    expect(() => struct('text', 2, { n: at(0, ascii(2)) }).encode({ n: 'ab\u0100'.slice(1) })).toThrow('one byte');
  });
});

describe('the codecs', () => {
  it('name their byte order', () => {
    const ordered = struct('ordered', 14, { a: at(0, u16le), b: at(2, u32le), c: at(6, u64le) });
    const encoded = Uint8Array.of(1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8);
    expect(ordered.decode(encoded)).toEqual({ a: 0x0201, b: 0x04030201, c: 0x0807060504030201n });
    expect(ordered.encode(ordered.decode(encoded))).toEqual(encoded);
  });

  it('give a VHD id in byte order and a Windows GUID with its first three numbers turned', () => {
    const ids = struct('ids', 32, { opaque: at(0, guidBytes), windows: at(16, guid) });
    const encoded = Uint8Array.from({ length: 32 }, (_, n) => n % 16);
    expect(ids.decode(encoded)).toEqual({
      opaque: '00010203-0405-0607-0809-0a0b0c0d0e0f',
      windows: '03020100-0504-0706-0809-0a0b0c0d0e0f',
    });
    expect(ids.encode(ids.decode(encoded))).toEqual(encoded);
    expect(() => ids.encode({ opaque: 'no id', windows: 'no id' })).toThrow('no lower-case GUID');
  });

  it('keep lone surrogates of UTF-16 names', () => {
    const name = struct('name', 4, { text: at(0, utf16be(4)) });
    const encoded = Uint8Array.of(0xd8, 0x3d, 0, 0x41);
    expect(name.decode(encoded).text).toBe('\ud83dA');
    expect(name.encode({ text: '\ud83dA' })).toEqual(encoded);
  });

  it('give UTF-16 in either byte order, padding included, of a fixed size', () => {
    const names = struct('names', 12, { big: at(0, utf16be(6)), little: at(6, utf16le(6)) });
    const encoded = Uint8Array.of(0xd8, 0x3d, 0, 0x41, 0, 0, 0x3d, 0xd8, 0x41, 0, 0, 0);
    const text = '\ud83dA\0';
    expect(names.decode(encoded)).toEqual({ big: text, little: text });
    expect(names.encode({ big: text, little: text })).toEqual(encoded);
    expect(() => names.encode({ big: text, little: 'AB' })).toThrow('Bug');
  });

  it('read a table of big-endian numbers, whole ones only', () => {
    const encoded = Uint8Array.of(0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 1);
    expect(decodeU32beTable(encoded)).toEqual(Uint32Array.of(4, 0xffffffff));
    expect(encodeU32beTable(Uint32Array.of(4, 0xffffffff))).toEqual(encoded.subarray(0, 8));
  });
});

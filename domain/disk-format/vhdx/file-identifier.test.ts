import { describe, expect, it } from 'vitest';
import { decodeCreator, encodeFileIdentifier, FILE_IDENTIFIER_BYTES, hasVhdxSignature } from './file-identifier.js';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the file type identifier', () => {
  it('is "vhdxfile", the creator in UTF-16LE, and zeros up to 64 KiB', () => {
    const encoded = encodeFileIdentifier('a\u{1f4be}');
    expect(encoded.length).toBe(FILE_IDENTIFIER_BYTES);
    expect(encoded.subarray(0, 8)).toEqual(ascii('vhdxfile'));
    expect(encoded.subarray(8, 16)).toEqual(Uint8Array.of(0x61, 0, 0x3d, 0xd8, 0xbe, 0xdc, 0, 0));
    expect(encoded.subarray(16).every((byte) => byte === 0)).toBe(true);
  });

  it('is known by its first eight bytes, all of them', () => {
    expect(hasVhdxSignature(ascii('vhdxfile'))).toBe(true);
    expect(hasVhdxSignature(ascii('vhdxfile and more'))).toBe(true);
    expect(hasVhdxSignature(ascii('VHDXFILE'))).toBe(false);
    expect(hasVhdxSignature(ascii('vhdxfilf'))).toBe(false);
    expect(hasVhdxSignature(ascii('vhdxfil'))).toBe(false);
    expect(hasVhdxSignature(new Uint8Array(0))).toBe(false);
  });

  it('names its creator up to the first NUL', () => {
    expect(decodeCreator(encodeFileIdentifier('chainfold 0.1'))).toBe('chainfold 0.1');
    expect(decodeCreator(encodeFileIdentifier('one\0two'))).toBe('one');
    expect(decodeCreator(encodeFileIdentifier(''))).toBe('');
    expect(decodeCreator(encodeFileIdentifier('lone \ud83d').subarray(0, 520))).toBe('lone \ud83d');
  });

  it('has room for 256 code units of it without a NUL', () => {
    const longest = 'x'.repeat(256);
    expect(decodeCreator(encodeFileIdentifier(longest))).toBe(longest);
    expect(() => encodeFileIdentifier(`${longest}x`)).toThrow('Bug');
  });
});

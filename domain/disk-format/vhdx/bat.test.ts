import { describe, expect, it } from 'vitest';
import { GIB, KIB, MIB, TIB } from '../../quantities.js';
import {
  batGeometry,
  bitmapIndex,
  chunkOf,
  decodeEntries,
  encodeEntries,
  entryOf,
  offsetOf,
  PAYLOAD,
  payloadIndex,
  stateOf,
  what,
} from './bat.js';

const disk = (changes: Partial<Parameters<typeof batGeometry>[0]> = {}) =>
  batGeometry({
    blockSizeBytes: 32 * MIB,
    logicalSectorSize: 512,
    virtualSizeBytes: 10 * GIB,
    hasParent: false,
    ...changes,
  });

describe('the geometry of a BAT', () => {
  it.each([
    [512, 1, 4096],
    [512, 2, 2048],
    [512, 32, 128],
    [512, 256, 16],
    [4096, 1, 32_768],
    [4096, 2, 16_384],
    [4096, 32, 1024],
    [4096, 256, 128],
  ])('has for sectors of %i and blocks of %i MiB a chunk ratio of %i', (logicalSectorSize, mib, chunkRatio) => {
    expect(disk({ logicalSectorSize, blockSizeBytes: mib * MIB }).chunkRatio).toBe(chunkRatio);
  });

  it('has an entry for each payload block and for each bitmap block between two of them', () => {
    expect(disk()).toMatchObject({ payloadBlocks: 320, bitmapBlocks: 3, entryCount: 322 });
    expect(disk({ virtualSizeBytes: 4 * GIB })).toMatchObject({ payloadBlocks: 128, bitmapBlocks: 1, entryCount: 128 });
    expect(disk({ virtualSizeBytes: 4 * GIB + 512 })).toMatchObject({ payloadBlocks: 129, entryCount: 130 });
    expect(disk({ virtualSizeBytes: 512 })).toMatchObject({ payloadBlocks: 1, bitmapBlocks: 1, entryCount: 1 });
  });

  it('has in a differencing disk the entries of whole chunks', () => {
    expect(disk({ hasParent: true })).toMatchObject({ payloadBlocks: 320, bitmapBlocks: 3, entryCount: 387 });
    expect(disk({ hasParent: true, virtualSizeBytes: 512 })).toMatchObject({ payloadBlocks: 1, entryCount: 129 });
  });

  it('is exact for the largest disk in its smallest blocks', () => {
    const largest = { virtualSizeBytes: 64 * TIB, blockSizeBytes: MIB };
    expect(disk({ ...largest, hasParent: true }).entryCount).toBe(67_108_864 + 16_384);
    expect(disk(largest).entryCount).toBe(67_108_864 + 16_383);
  });
});

describe('the index of an entry', () => {
  const geometry = disk({ hasParent: true });

  it('steps over a bitmap block after each chunk', () => {
    expect([0, 127, 128, 255, 256, 319].map((block) => payloadIndex(geometry, block))).toEqual([
      0, 127, 129, 256, 258, 321,
    ]);
    expect([0, 1, 2].map((chunk) => bitmapIndex(geometry, chunk))).toEqual([128, 257, 386]);
    expect([0, 127, 128, 319].map((block) => chunkOf(geometry, block))).toEqual([0, 0, 1, 2]);
  });

  it('tells whose the entry is', () => {
    expect(what(geometry, 127)).toEqual({ kind: 'payload', block: 127 });
    expect(what(geometry, 128)).toEqual({ kind: 'bitmap', chunk: 0 });
    expect(what(geometry, 129)).toEqual({ kind: 'payload', block: 128 });
    expect(what(geometry, 386)).toEqual({ kind: 'bitmap', chunk: 2 });
    expect(what(geometry, 385)).toEqual({ kind: 'payload', block: 383 });
    for (const block of [0, 1, 127, 128, 129, 255, 256, 319]) {
      expect(what(geometry, payloadIndex(geometry, block))).toEqual({ kind: 'payload', block });
    }
  });
});

describe('a BAT entry', () => {
  it('is an offset and a state: 0x400006 is FULLY_PRESENT at 4 MiB', () => {
    expect(entryOf(PAYLOAD.fullyPresent, 4 * MIB)).toBe(0x40_0006);
    expect(stateOf(0x40_0006)).toBe(PAYLOAD.fullyPresent);
    expect(offsetOf(0x40_0006)).toBe(4 * MIB);
    expect([stateOf(2), offsetOf(2)]).toEqual([PAYLOAD.zero, 0]);
  });

  it('is exact up to 256 TiB', () => {
    const entry = entryOf(PAYLOAD.partiallyPresent, 256 * TIB - MIB);
    expect([stateOf(entry), offsetOf(entry)]).toEqual([7, 256 * TIB - MIB]);
    expect([...decodeEntries(encodeEntries(Float64Array.of(entry)))]).toEqual([entry]);
  });

  it('has no offset between two MiB', () => {
    expect(() => entryOf(6, 4 * KIB)).toThrow(/^Bug: /);
    expect(() => entryOf(6, -MIB)).toThrow(/^Bug: /);
    expect(() => entryOf(6, NaN)).toThrow(/^Bug: /);
  });

  it('is 8 bytes, little-endian; part of one is none', () => {
    const encoded = encodeEntries(Float64Array.of(0x40_0006, 2));
    expect([...encoded]).toEqual([0x06, 0, 0x40, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    expect([...decodeEntries(encoded)]).toEqual([0x40_0006, 2]);
    expect(decodeEntries(encoded.subarray(0, 15))).toHaveLength(1);
  });
});

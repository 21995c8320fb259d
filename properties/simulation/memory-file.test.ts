import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { expectSameBytes } from '../models/same-bytes.js';
import { drawnFrom, keepAll, keepNothing } from './draws.js';
import { MemoryFileSystem } from './memory-file-system.js';
import { MemoryFile, SECTOR_BYTES } from './memory-file.js';

const TIB = 1024 ** 4;
const MOST_BYTES = 8 * SECTOR_BYTES;

type Change = { readonly write: Uint8Array; readonly at: number } | { readonly size: number };

const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.oneof(
    fc.record({
      write: fc
        .tuple(fc.nat(3), fc.integer({ min: 1, max: 3 * SECTOR_BYTES }))
        .map(([value, length]) => Buffer.alloc(length, value)),
      at: fc.nat(MOST_BYTES),
    }),
    fc.record({
      size: fc.oneof(
        fc.nat(MOST_BYTES),
        fc.nat(8).map((sectors) => sectors * SECTOR_BYTES),
      ),
    }),
  ),
  { maxLength: 12 },
);

const apply = (file: MemoryFile, list: readonly Change[]): void => {
  for (const change of list) {
    if ('size' in change) file.truncate(change.size);
    else file.write(change.write, change.at);
  }
};

/** The same on an array of bytes. */
const applied = (content: Uint8Array, list: readonly Change[]): Uint8Array => {
  let bytes = content;
  const resize = (size: number): void => {
    const resized = new Uint8Array(size);
    resized.set(bytes.subarray(0, size));
    bytes = resized;
  };
  for (const change of list) {
    if ('size' in change) resize(change.size);
    else {
      if (change.at + change.write.length > bytes.length) resize(change.at + change.write.length);
      bytes.set(change.write, change.at);
    }
  }
  return bytes;
};

const contentOf = (file: MemoryFile): Uint8Array => {
  const content = new Uint8Array(file.size);
  expect(file.read(content, 0)).toBe(file.size);
  return content;
};

describe('a file of the simulated disk', () => {
  test.prop([changes])('reads as an array of bytes does', (list) => {
    const file = new MemoryFile(1);
    apply(file, list);
    expectSameBytes(contentOf(file), applied(new Uint8Array(), list), 'the file');
    const beyond = Buffer.alloc(100, 7);
    expect(file.read(beyond, Math.max(0, file.size - 10))).toBe(Math.min(10, file.size));
    expect(beyond.subarray(Math.min(10, file.size)).every((byte) => byte === 7)).toBe(true);
  });

  test.prop([changes, changes])(
    'has after a power loss what was flushed, with all or nothing of the rest',
    (old, late) => {
      const file = new MemoryFile(1);
      apply(file, old);
      file.flush();
      const flushed = contentOf(file);
      apply(file, late);
      expectSameBytes(contentOf(file.afterPowerLoss(keepNothing)), flushed, 'what was flushed');
      // What a shorter size has cut off between two writes may come back: writes and sizes are durable each by itself.
      const grown = late.flatMap((change) => ('size' in change ? [] : [change]));
      const growing = new MemoryFile(1);
      apply(growing, old);
      growing.flush();
      apply(growing, grown);
      const all = contentOf(growing.afterPowerLoss(keepAll));
      const expected = applied(flushed, grown);
      expect(all.length).toBe(expected.length);
      for (const change of grown) {
        const [from, to] = [change.at, change.at + change.write.length];
        expectSameBytes(all.subarray(from, to), expected.subarray(from, to), 'a write');
      }
    },
  );

  test.prop([changes, changes, fc.nat()])(
    'has in each sector what was flushed or something written since',
    (old, late, seed) => {
      const file = new MemoryFile(1);
      apply(file, old);
      file.flush();
      const states = [contentOf(file)];
      for (const change of late) {
        apply(file, [change]);
        states.push(contentOf(file));
      }
      const left = contentOf(file.afterPowerLoss(drawnFrom(seed)));
      const sectorOf = (content: Uint8Array, at: number): string => {
        const sector = new Uint8Array(SECTOR_BYTES);
        sector.set(content.subarray(at, Math.min(at + SECTOR_BYTES, left.length)));
        return Buffer.from(sector).toString('latin1');
      };
      const noiseFrom = states[0]!.length - (states[0]!.length % SECTOR_BYTES);
      for (let at = 0; at < Math.min(left.length, noiseFrom); at += SECTOR_BYTES) {
        const cuts = late.flatMap((change) => ('size' in change ? [change.size] : []));
        const isCut = cuts.some((size) => size < at + SECTOR_BYTES);
        if (!isCut) expect(states.map((state) => sectorOf(state, at))).toContain(sectorOf(left, at));
      }
    },
  );

  test.prop([changes, changes])('shows what a failed flush has lost until its cache is dropped', (old, lost) => {
    const file = new MemoryFile(1);
    apply(file, old);
    file.flush();
    const flushed = contentOf(file);
    apply(file, lost);
    const seen = contentOf(file);
    file.loseUnflushed();
    file.flush();
    expectSameBytes(contentOf(file), seen, 'what the failed flush has lost');
    file.dropCache();
    expectSameBytes(contentOf(file), flushed, 'what was flushed');
    apply(file, lost);
    file.dropCache();
    expectSameBytes(contentOf(file), seen, 'what is still to be written');
  });

  test('keeps the bytes of a write, whatever the writer does with its buffer afterwards', () => {
    const file = new MemoryFile(1);
    const buffer = Buffer.alloc(SECTOR_BYTES, 1);
    file.write(buffer, 0);
    buffer.fill(2);
    file.write(Buffer.alloc(8, 3), 0);
    file.flush();
    file.write(Buffer.alloc(8, 4), 8);
    const left = contentOf(file.afterPowerLoss(keepNothing));
    expect([left[0], left[8], left[16]]).toEqual([3, 1, 1]);
  });

  test('has zeros or noise where a size has come without its data', () => {
    const file = new MemoryFile(1);
    file.truncate(2 * SECTOR_BYTES);
    const left = (...drawn: number[]): Uint8Array => contentOf(file.afterPowerLoss(() => drawn.shift() ?? 0));
    expect([left(0, 1).length, left(1, 0).length]).toEqual([0, 2 * SECTOR_BYTES]);
    expect(left(1, 0).some((byte) => byte !== 0)).toBe(false);
    const noise = left(1, 1);
    expect([noise.subarray(0, SECTOR_BYTES), noise.subarray(SECTOR_BYTES)].map((n) => n.some((b) => b !== 0))).toEqual([
      true,
      true,
    ]);
  });

  test('costs nothing where it is zero, so that it may be as large as a disk', () => {
    const file = MemoryFile.holding(1, {
      sizeBytes: TIB,
      extents: [{ offsetBytes: TIB / 2, bytes: Buffer.from('here') }],
    });
    file.truncate(2 * TIB);
    file.write(Buffer.from('there'), 3 * TIB - 5);
    file.flush();
    const left = file.afterPowerLoss(keepNothing);
    const read = (at: number, length: number): string => {
      const bytes = Buffer.alloc(length, 7);
      expect(left.read(bytes, at)).toBe(length);
      return bytes.toString();
    };
    expect([left.size, read(TIB / 2, 4), read(3 * TIB - 5, 5), read(TIB, 2)]).toEqual([
      3 * TIB,
      'here',
      'there',
      '\0\0',
    ]);
    left.truncate(TIB / 2 + 1);
    left.truncate(TIB);
    expect(read(TIB / 2, 4)).toBe('h\0\0\0');
  });
});

describe('the simulated disk', () => {
  test('shows a judge a file as it was when the judge was called', async () => {
    const files = new MemoryFileSystem();
    files.put('/a', { sizeBytes: 4 * TIB, extents: [{ offsetBytes: TIB, bytes: Buffer.from('before') }] });
    const source = files.source('/a');
    const file = await files.open('/a', 'read-write');
    await file.write(Buffer.from('after!'), TIB);
    await file.truncate(TIB + 6);
    expect([source.sizeBytes, source.read(TIB, 6).toString(), source.read(4 * TIB - 1, 1)[0]]).toEqual([
      4 * TIB,
      'before',
      0,
    ]);
    expect(files.source('/a').read(TIB, 6).toString()).toBe('after!');
    expect(() => source.read(4 * TIB, 1)).toThrow('ends before byte');
    expect(files.calls[0]?.bytes).toEqual(new Uint8Array(Buffer.from('after!')));
  });
});

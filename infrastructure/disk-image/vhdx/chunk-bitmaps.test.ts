import { describe, expect, test } from 'vitest';
import type { OpenFile } from '#application/ports/file-system';
import { batGeometry, bitmapIndex } from '#domain/disk-format/vhdx/bat';
import { KIB, MIB } from '#domain/quantities';
import { heldBack } from '../../../properties/simulation/held-back.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { ChunkBitmaps } from './chunk-bitmaps.js';
import { PagedBat } from './paged-bat.js';

const PATH = '/disk.vhdx';
const TABLE_OFFSET = MIB;
/** The bitmap blocks of the chunks 0 and 2; chunk 1 has none. */
const BITMAP_AT = new Map([
  [0, 5 * MIB],
  [2, 4 * MIB],
]);

/** A disk of three chunks whose bitmap blocks have a byte of their own at every 32 bytes, and a count of the reads of them. */
const bitmapsOf = async (blockSizeBytes: number, logicalSectorSize: number) => {
  const chunkBytes = 2 ** 23 * logicalSectorSize;
  const disk = { blockSizeBytes, logicalSectorSize, virtualSizeBytes: 3 * chunkBytes, hasParent: true };
  const geometry = batGeometry(disk);
  const content = Buffer.alloc(6 * MIB);
  for (const [chunk, at] of BITMAP_AT) {
    content.writeBigUInt64LE(BigInt(at + 6), TABLE_OFFSET + bitmapIndex(geometry, chunk) * 8);
    for (let n = 0; n < MIB / 32; n += 1) content.writeUInt32LE(chunk * 2 ** 24 + n, at + n * 32);
  }
  const files = new MemoryFileSystem();
  files.put(PATH, content);
  const file = await files.open(PATH, 'read-write');
  let reads = 0;
  const counting: OpenFile = {
    ...file,
    read: (into, position) => {
      if (position >= 4 * MIB) reads += 1;
      return file.read(into, position);
    },
  };
  const bat = new PagedBat(counting, { tableOffsetBytes: TABLE_OFFSET, geometry });
  return { bitmaps: new ChunkBitmaps(counting, bat, geometry), geometry, content, file, reads: () => reads };
};

describe.each([
  ['1 MiB and sectors of 512 bytes', MIB, 512, 256],
  ['32 MiB and sectors of 512 bytes', 32 * MIB, 512, 8 * KIB],
  ['256 MiB and sectors of 512 bytes', 256 * MIB, 512, 64 * KIB],
  ['1 MiB and sectors of 4096 bytes', MIB, 4096, 32],
])('the bits of a block of %s', (_, blockSizeBytes, logicalSectorSize, bitsBytes) => {
  test('are its own, from its first sector on', async () => {
    const { bitmaps, geometry, content } = await bitmapsOf(blockSizeBytes, logicalSectorSize);
    const { chunkRatio } = geometry;
    for (const inChunk of [0, 1, chunkRatio / 2, chunkRatio - 1]) {
      for (const [chunk, at] of BITMAP_AT) {
        const expected = content.subarray(at + inChunk * bitsBytes, at + (inChunk + 1) * bitsBytes);
        const bits = await bitmaps.bitsOf(chunk * chunkRatio + inChunk);
        expect(Buffer.from(bits).equals(expected)).toBe(true);
        expect(bitmaps.offsetInBitmap(chunk * chunkRatio + inChunk)).toBe(inChunk * bitsBytes);
      }
    }
  });

  test('belong to the caller, and change here only when they are learnt', async () => {
    const { bitmaps, geometry } = await bitmapsOf(blockSizeBytes, logicalSectorSize);
    const block = 2 * geometry.chunkRatio + 3;
    const before = await bitmaps.bitsOf(block);
    const neighbour = await bitmaps.bitsOf(block + 1);
    const changed = before.slice().fill(0xa5);
    (await bitmaps.bitsOf(block)).fill(0xff);
    expect(await bitmaps.bitsOf(block)).toEqual(before);
    bitmaps.learn(new Map([[block, changed]]));
    expect(await bitmaps.bitsOf(block)).toEqual(changed);
    expect(await bitmaps.bitsOf(block + 1)).toEqual(neighbour);
    bitmaps.forget();
    expect(await bitmaps.bitsOf(block)).toEqual(before);
  });
});

describe('sector bitmaps', () => {
  test('are read in pages: neighbours cost one read', async () => {
    const { bitmaps, reads } = await bitmapsOf(MIB, 512);
    for (let block = 0; block < 32; block += 1) await bitmaps.bitsOf(block);
    expect(reads()).toBe(2);
  });

  test('are kept up to a mebibyte', async () => {
    const { bitmaps, geometry, reads } = await bitmapsOf(256 * MIB, 512);
    const blocks = [0, 2].flatMap((chunk) =>
      Array.from({ length: geometry.chunkRatio }, (_, n) => chunk * geometry.chunkRatio + n),
    );
    for (const block of blocks) await bitmaps.bitsOf(block);
    expect(reads()).toBe(32);
    for (const block of blocks.slice(16)) await bitmaps.bitsOf(block);
    expect(reads()).toBe(32);
    await bitmaps.bitsOf(0);
    expect(reads()).toBe(33);
  });

  test('that were learnt are not undone by a page whose reading began before', async () => {
    const { geometry, file } = await bitmapsOf(MIB, 512);
    const slow = heldBack(file);
    const bitmaps = new ChunkBitmaps(
      slow.file,
      new PagedBat(file, { tableOffsetBytes: TABLE_OFFSET, geometry }),
      geometry,
    );
    const changed = new Uint8Array(256).fill(0x5a);
    const reading = bitmaps.bitsOf(1);
    await slow.hasRead;
    await file.write(changed, BITMAP_AT.get(0)! + 256);
    bitmaps.learn(new Map([[1, changed]]));
    slow.goOn();
    expect(await reading).toEqual(changed);
    expect(await bitmaps.bitsOf(1)).toEqual(changed);
  });

  test('of a chunk without a bitmap block, or of the wrong length, are a bug', async () => {
    const { bitmaps, geometry } = await bitmapsOf(MIB, 512);
    await expect(bitmaps.bitsOf(geometry.chunkRatio)).rejects.toThrow('Bug');
    expect(() => {
      bitmaps.learn(new Map([[0, new Uint8Array(255)]]));
    }).toThrow('Bug');
  });
});

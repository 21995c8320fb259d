import { describe, expect, test } from 'vitest';
import { BlockSpaceExhausted, type DiskItem } from '#application/ports/disk-image';
import {
  checkPlainVhdx,
  ITEMS,
  NIL_GUID,
  openPlainVhdx,
  type PlainItem,
  type PlainVhdx,
  plainVhdxImage,
  type PlainVhdxSpec,
} from '../../../properties/models/plain-vhdx.js';
import {
  before,
  data,
  firstDifferenceOf,
  found,
  merge,
  MIB,
  onDisk,
  PATH,
  shown,
  tinyVhdx,
  toWrite,
} from '../../../properties/simulation/tiny-vhdx-destination.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { guids } from '../../../properties/simulation/vhdx-sessions.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdxImages } from './vhdx-images.js';

const SOURCE = '/vms/source.vhdx';
const id = (n: number): string => `c4a10f01-d000-4000-a000-${String(n).padStart(12, '0')}`;

/** Items of the disk, of the file, and a user's with the id of another's. */
const ofDisk = (n: number, bytes: Uint8Array, isUser = false): PlainItem => ({
  itemId: id(n),
  bytes,
  isVirtualDisk: true,
  isUser,
});
const ofFile = (n: number, bytes: Uint8Array): PlainItem => ({ itemId: id(n), bytes });

/** An image that a destination of this file system can be completed with. */
const sourceOf = async (spec: PlainVhdxSpec) => {
  const files = new MemoryFileSystem();
  files.put(SOURCE, plainVhdxImage(spec));
  return valueOf(await new VhdxImages(files, 'posix', guids()).open(SOURCE));
};

/** Of a file: what is in its items, by their id, with `user` before it for a user's. */
const contentsOf = ({ items }: PlainVhdx): ReadonlyMap<string, string> =>
  new Map(items.map(({ itemId, isUser, bytes }) => [`${isUser ? 'user ' : ''}${itemId}`, bytes.toString('hex')]));

const source = tinyVhdx('differencing', new Map(), {
  sizeBytes: 1.5 * MIB,
  virtualDiskId: id(77),
  physicalSectorBytes: 512,
  items: [
    ofDisk(1, Buffer.from('new')),
    ofDisk(2, Buffer.from('added')),
    ofDisk(1, Buffer.from('user’s'), true),
    ofFile(3, Buffer.from('of the source’s file')),
  ],
});

const destination = tinyVhdx(
  'dynamic',
  new Map([
    [0, { state: 6, content: before(0, [1]) }],
    [1, { state: 6, content: before(1, [2, 1030]) }],
    [2, { state: 6, content: before(2, [1]) }],
    [4, { state: 6, content: before(4, [1]) }],
  ]),
  {
    sizeBytes: 4.5 * MIB,
    physicalSectorBytes: 4096,
    items: [
      ofDisk(1, Buffer.from('longer than the new one')),
      ofDisk(4, Buffer.from('goes')),
      ofFile(5, Buffer.from('stays')),
    ],
  },
);

describe('a destination that is completed', () => {
  test('has the source’s size and items in place of its own, keeps those of the file, and is clean', async () => {
    const { files, into } = await onDisk(destination);
    const old = found(files);
    await into.complete(await sourceOf(source));

    const image = found(files);
    expect(into.description.virtualSizeBytes).toBe(1.5 * MIB);
    expect([image.sizeBytes, image.physicalSectorBytes, image.virtualDiskId]).toEqual([1.5 * MIB, 512, id(77)]);
    expect([image.type, image.blockSizeBytes]).toEqual(['dynamic', MIB]);
    const contents = contentsOf(image);
    expect([1, 2, 3, 4, 5].map((n) => contents.get(id(n)))).toEqual(
      ['new', 'added', undefined, undefined, 'stays'].map((text) => text && Buffer.from(text).toString('hex')),
    );
    expect(contents.get(`user ${id(1)}`)).toBe(Buffer.from('user’s').toString('hex'));
    expect(contents.get(ITEMS.fileParameters)).toBe(contentsOf(old).get(ITEMS.fileParameters));
    expect(image.header.logGuid).toBe(NIL_GUID);
    expect(image.dataWriteGuid).toBe(old.dataWriteGuid);
    expect(firstDifferenceOf(shown(old).slice(0, 3072), shown(image))).toBeUndefined();
    // No entry is left behind the last block.
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
    expect([2, 3, 4].map((index) => image.batEntry(index).offsetBytes)).toEqual([0, 0, 0]);
    expect(await into.supplied({ start: 0, count: 9000 })).toEqual([{ start: 0, count: 3072, kind: 'data' }]);
  });

  test('asked again writes nothing', async () => {
    const { files, into } = await onDisk(destination);
    const from = await sourceOf(source);
    await into.complete(from);
    const calls = files.calls.length;
    await into.complete(from);
    expect(files.calls.length).toBe(calls);
  });

  test('that grew before and was merged into keeps what was merged', async () => {
    const { files, into } = await onDisk(tinyVhdx('differencing', new Map([[1, { state: 7 }]])));
    const from = await sourceOf({ ...source, sizeBytes: 6 * MIB });
    await into.growTo(6 * MIB);
    await merge(into, [toWrite(into, 5, [data(9)]), toWrite(into, 1, [data(3)])]);
    const merged = shown(found(files));
    await into.complete(from);
    expect(firstDifferenceOf(merged, shown(found(files)))).toBeUndefined();
    expect(found(files).parent).toBeDefined();
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test('that shrinks keeps the bitmap block of its last chunk, and no entry of the chunks behind it', async () => {
    const bits = [{ firstSector: 1, sectorCount: 1 }];
    const payload = new Map([0, 1, 4100].map((block) => [block, { state: 7, content: before(block, [1]), bits }]));
    const spec = tinyVhdx('differencing', payload as PlainVhdxSpec['payload'], { sizeBytes: 4101 * MIB });
    const { files, into } = await onDisk(spec);
    const bitmap = found(files).bitmap(0);
    await into.complete(await sourceOf(source));
    const image = openPlainVhdx(files.source(PATH));
    expect(image.bitmap(0)).toEqual(bitmap);
    expect(shown(image).flatMap((name, sector) => (name === 'before' ? [sector] : []))).toEqual([1, 2049]);
    const bat = image.view.read(image.regions.bat.offsetBytes, image.regions.bat.lengthBytes);
    const used = Array.from({ length: bat.length / 8 }, (_, n) => n).filter((n) => bat.readBigUInt64LE(n * 8) !== 0n);
    expect(used).toEqual([0, 1, 4096]);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test('whose metadata region has no room for the items is not changed, and the fault names it', async () => {
    const { files, into } = await onDisk(destination);
    const old = contentsOf(found(files));
    const tooMuch = [6, 7].map((n) => ({ ...ofDisk(n, new Uint8Array(600_000).fill(n)) }));
    const items: DiskItem[] = [
      ...(await (await sourceOf(source)).diskItems()),
      ...tooMuch.map(({ itemId, bytes }) => ({ itemId, content: bytes, isUser: false, isRequired: false })),
    ];
    const completing = into.complete({ description: into.description, diskItems: async () => items });
    await expect(completing).rejects.toThrow(BlockSpaceExhausted);
    await expect(completing).rejects.toThrow(PATH);
    await into.rest();
    expect(contentsOf(found(files))).toEqual(old);
    expect(checkPlainVhdx(files.source(PATH))).toEqual([]);
  });

  test.each([
    ['a larger disk', { sizeBytes: 9 * MIB }],
    ['a disk of other sectors', { logicalSectorBytes: 4096 }],
  ] as const)('with %s is a bug', async (_, changes) => {
    const { files, into } = await onDisk(destination);
    const from = await sourceOf({ ...source, ...changes });
    await expect(into.complete(from)).rejects.toThrow('Bug');
    expect(found(files).sizeBytes).toBe(4.5 * MIB);
  });
});

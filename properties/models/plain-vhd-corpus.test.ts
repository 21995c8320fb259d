/**
 * The plain reader, checker and writer against every VHD that others wrote, except the one of 264 MB (plain-vhd-corpus.long.ts).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { bitmapBytes, bitOf } from './plain-vhd-layout.js';
import {
  checkPlainVhd,
  followChain,
  guestSha256,
  imageBytes,
  openChain,
  openPlainVhd,
  type PlainBlock,
  type PlainVhd,
  type PlainVhdSpec,
  plainVhdImage,
} from './plain-vhd.js';
import { scratchFolder } from './scratch-folder.js';

const BIG_BYTES = 200 * 1024 ** 2;

describeWithCorpus('of the corpus', (corpus) => {
  const folder = scratchFolder();
  const vhds = corpus.images.filter(({ format, containerBytes }) => format === 'vhd' && containerBytes < BIG_BYTES);
  const sound = vhds.filter(({ kind }) => !kind.includes('damaged'));
  const damaged = vhds.filter(({ kind }) => kind.includes('damaged'));
  const unpackChain = (name: string): Promise<readonly string[]> =>
    corpus.unpack(
      corpus.chainOf(name).map((image) => image.name),
      folder(),
    );

  test('no VHD is forgotten: eight sound ones, two damaged ones', () => {
    expect(sound.map(({ name }) => name)).toHaveLength(8);
    expect(damaged.map(({ name }) => name)).toEqual(['image.vhd', 'image-differential.vhd']);
  });

  test.each(sound)('$name is read as the manifest says', async (expected) => {
    const paths = await unpackChain(expected.name);
    const chain = openChain(paths);
    const [leaf] = chain;
    expect(leaf).toMatchObject({ type: expected.kind.split(',')[0], sizeBytes: expected.virtualSize });
    expect(leaf?.table?.blockSizeBytes ?? null).toBe(expected.blockSize);
    if (expected.uniqueId !== undefined) expect(leaf?.uniqueId).toBe(expected.uniqueId);
    expect(leaf?.parent?.uniqueId).toBe(expected.parentUniqueId);
    if (expected.guestSha256 !== null) expect(guestSha256(chain)).toBe(expected.guestSha256);
    else expect(leaf?.table?.bat.every((entry) => entry === 0xffffffff)).toBe(true);
  });

  test.each(sound)('$name leads to its parents by its locators', async ({ name }) => {
    const paths = await unpackChain(name);
    expect(followChain(paths[0]!).map(({ source }) => source.path)).toEqual(paths);
  });

  test.each(sound)('$name has nothing that the checker complains of', async ({ name }) => {
    const [path = ''] = await corpus.unpack([name], folder());
    expect(checkPlainVhd(path)).toEqual([]);
  });

  test.each(damaged)('$name is refused', async ({ name }) => {
    const paths = await unpackChain(name);
    expect(() => openChain(paths)).toThrow('no footer with a good checksum');
    expect(checkPlainVhd(paths[0]!)).toMatchObject([{ kind: 'unreadable' }]);
  });

  test('the locators of Windows and XenServer say what the manifest says', async () => {
    const [windows = '', xen = ''] = await corpus.unpack(['fat-differential.vhd', 'xen-leaf.vhd'], folder());
    const locators = (path: string): unknown =>
      openPlainVhd(path).parent?.locators.map(({ code, path: text }) => `${code} ${text}`);
    expect(locators(windows)).toEqual([
      'W2ku C:\\Projects\\dfvfs\\test_data\\fat-parent.vhd',
      'W2ru .\\fat-parent.vhd',
    ]);
    expect(locators(xen)).toEqual(['MacX file://./xen-mid.vhd', 'W2ku .\\xen-mid.vhd', 'W2ru .\\xen-mid.vhd']);
  });

  describe('the plain writer, given what is in them, writes again byte for byte', () => {
    test.each(['fat-parent', 'fat-differential', 'ntfs-dynamic'])('%s.vhd, as Windows wrote it', async (name) => {
      const [path = ''] = await corpus.unpack([`${name}.vhd`], folder());
      const written = imageBytes(plainVhdImage({ ...specOf(openPlainVhd(path)), dialect: 'windows' }));
      expect(readFileSync(path).compare(written)).toBe(0);
    });

    // XenServer leaves old footers in the gaps between blocks.
    test.each(['xen-base', 'xen-mid', 'xen-leaf'])('%s.vhd, as XenServer wrote it, but for gaps', async (name) => {
      const [path = ''] = await corpus.unpack([`${name}.vhd`], folder());
      const file = readFileSync(path);
      const { sizeBytes, extents } = plainVhdImage({ ...specOf(openPlainVhd(path)), dialect: 'xen' });
      expect(sizeBytes).toBe(file.length);
      for (const { offsetBytes, bytes } of extents)
        expect(file.subarray(offsetBytes, offsetBytes + bytes.length).compare(bytes)).toBe(0);
    });
  });
});

/** The writer's specification of an image that was read; the dialect is a guess for the caller to better. */
const specOf = (vhd: PlainVhd): PlainVhdSpec => {
  const { source, table, parent, sizeBytes, uniqueId, timeStamp } = vhd;
  const blockSizeBytes = table?.blockSizeBytes ?? sizeBytes;
  const bitmapSize = bitmapBytes(blockSizeBytes);
  const used = (table?.bat ?? [])
    .map((entry, index) => ({ index, start: entry * 512 }))
    .filter(({ start }) => start !== 0xffffffff * 512)
    .sort((a, b) => a.start - b.start);
  const blocks = new Map<number, PlainBlock>(
    used.map(({ index, start }) => {
      const bitmap = source.read(start, bitmapSize);
      const bits = Array.from({ length: blockSizeBytes / 512 }, (_, sector) => bitOf(bitmap, sector));
      return [index, { bits, data: source.read(start + bitmapSize, blockSizeBytes) }];
    }),
  );
  if (table === undefined) blocks.set(0, { bits: [], data: source.read(0, sizeBytes) });
  const fileOrder = used.map(({ index }) => index);
  const common = { dialect: 'bare', sizeBytes, blockSizeBytes, blocks, uniqueId, timeStamp, fileOrder } as const;
  if (parent === undefined) return { ...common, type: vhd.type === 'fixed' ? 'fixed' : 'dynamic' };
  const cut = parent.name.lastIndexOf('\\');
  return {
    ...common,
    type: 'differencing',
    parent: {
      uniqueId: parent.uniqueId,
      timeStamp: parent.timeStamp,
      fileName: parent.name.slice(cut + 1),
      windowsFolder: parent.name.slice(0, Math.max(0, cut)),
    },
  };
};

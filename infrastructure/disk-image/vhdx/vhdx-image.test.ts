import { test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { ChainView } from '#application/chain/chain-view';
import type { SuppliedRun } from '#application/ports/disk-image';
import { MIB } from '#domain/quantities';
import { type VhdxChainSpec, vhdxChains } from '../../../properties/arbitraries/vhdx-chains.js';
import { vhdxChainImages, vhdxViews } from '../../../properties/arbitraries/vhdx-materialise.js';
import { firstDifference } from '../../../properties/models/flat-disk.js';
import { openPlainVhdx, type PlainVhdxSpec, vhdxRuns } from '../../../properties/models/plain-vhdx.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { child, damaged, dynamic, IDENTITY, opened, PATH } from '../../../properties/simulation/damaged-vhdx.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { openVhdx } from './open-vhdx.js';
import { VhdxImage } from './vhdx-image.js';

const imageOf = async (spec: PlainVhdxSpec): Promise<VhdxImage> =>
  new VhdxImage(valueOf(await opened((await damaged(spec)).files)));

const BLOCK_SECTORS = 2048;
/** A run that counts from the first sector of a block. */
const run = (kind: SuppliedRun['kind'], block: number, start: number, count: number): SuppliedRun => ({
  start: block * BLOCK_SECTORS + start,
  count,
  kind,
});
const wholeDisk = { start: 0, count: 6 * BLOCK_SECTORS };

describe('whatever the chain, and whoever wrote it', () => {
  const opening = async (chain: VhdxChainSpec) => {
    const files = new MemoryFileSystem();
    const images: VhdxImage[] = [];
    const paths = vhdxChainImages(chain).map(({ fileName, image }) => {
      files.put(`/chain/${fileName}`, image);
      return `/chain/${fileName}`;
    });
    for (const path of paths)
      images.push(new VhdxImage(valueOf(await openVhdx(await files.open(path, 'read'), path, 'posix'))));
    return { files, paths, images };
  };

  property.prop({ chain: vhdxChains() }, { numRuns: 40 })(
    'it shows what its layers hold, and nothing is written',
    async ({ chain }) => {
      const { files, images } = await opening(chain);
      for (const [index, expected] of vhdxViews(chain).entries()) {
        const view = new ChainView(images.slice(index));
        const shown = new Uint8Array(expected.length);
        await view.read({ start: 0, count: view.diskSectors }, shown);
        expect(firstDifference(expected, shown)).toBeUndefined();
      }
      expect(files.calls).toEqual([]);
    },
  );

  property.prop({ chain: vhdxChains() }, { numRuns: 40 })(
    'an image supplies what the plain reader finds, in runs that are joined, and finds the next of each kind',
    async ({ chain }) => {
      const { files, paths, images } = await opening(chain);
      for (const [index, image] of images.entries()) {
        const plain = openPlainVhdx(files.source(paths[index]!));
        const count = plain.sizeBytes / plain.logicalSectorBytes;
        const expected: SuppliedRun[] = [];
        for (const { firstSector, sectorCount, place } of vhdxRuns(plain, 0, count)) {
          if (place === undefined) continue;
          const kind = place === 'zeros' ? 'zero' : 'data';
          const last = expected.at(-1);
          if (last?.kind === kind && last.start + last.count === firstSector)
            expected[expected.length - 1] = { ...last, count: last.count + sectorCount };
          else expected.push({ start: firstSector, count: sectorCount, kind });
        }
        expect(await image.supplied({ start: 0, count: count + 100 })).toEqual(expected);
        const [first] = expected;
        const firstData = expected.find(({ kind }) => kind === 'data');
        expect((await image.nextSupplied(0)) ?? Infinity).toBeLessThanOrEqual(first?.start ?? Infinity);
        expect((await image.nextData(0)) ?? Infinity).toBeLessThanOrEqual(firstData?.start ?? Infinity);
      }
    },
  );
});

describe('what an image supplies', () => {
  test('is in a child the present sectors as data, blocks in states that read zero as zeros, and nothing else', async () => {
    const image = await imageOf(child);
    expect(await image.supplied(wholeDisk)).toEqual([
      run('data', 0, 0, BLOCK_SECTORS),
      run('data', 1, 8, 8),
      run('zero', 2, 0, 2 * BLOCK_SECTORS),
      run('zero', 5, 0, BLOCK_SECTORS),
    ]);
  });

  test('is in a base the same, but for the sectors that only a child can leave to its parent', async () => {
    const image = await imageOf(dynamic);
    expect(await image.supplied(wholeDisk)).toEqual([
      run('data', 0, 0, 2 * BLOCK_SECTORS),
      run('zero', 2, 0, 2 * BLOCK_SECTORS),
      run('zero', 5, 0, BLOCK_SECTORS),
    ]);
  });

  test('is clipped to what was asked for', async () => {
    const image = await imageOf(child);
    expect(await image.supplied({ start: BLOCK_SECTORS - 1, count: 12 })).toEqual([
      run('data', 0, BLOCK_SECTORS - 1, 1),
      run('data', 1, 8, 3),
    ]);
    expect(await image.supplied({ start: 3 * BLOCK_SECTORS + 5, count: 7 })).toEqual([run('zero', 3, 5, 7)]);
    expect(await image.supplied({ start: 6 * BLOCK_SECTORS, count: 100 })).toEqual([]);
  });

  test('ends with the disk, whose last block may reach beyond it', async () => {
    const bits = [{ firstSector: 0, sectorCount: BLOCK_SECTORS }];
    const payload = new Map([[0, { state: 7, bits }]] as const);
    const image = await imageOf({ ...child, sizeBytes: MIB - 512, payload });
    expect(await image.supplied(wholeDisk)).toEqual([run('data', 0, 0, BLOCK_SECTORS - 1)]);
    expect(await image.nextSupplied(BLOCK_SECTORS - 1)).toBeNull();
  });

  test('in sectors of 4096 bytes counts in these', async () => {
    const bits = [{ firstSector: 3, sectorCount: 2 }];
    const payload = new Map([[1, { state: 7, bits }]] as const);
    const image = await imageOf({ ...child, logicalSectorBytes: 4096, payload });
    expect(await image.supplied({ start: 0, count: 1536 })).toEqual([{ start: 259, count: 2, kind: 'data' }]);
  });
});

test('the next sector supplied is found across blocks that are not present, the next data across zeros too', async () => {
  const image = await imageOf(child);
  const from = [0, 5, 1, 2, 4, 5].map((block, n) => block * BLOCK_SECTORS + n);
  expect(await Promise.all(from.map((sector) => image.nextSupplied(sector)))).toEqual([
    0,
    5 * BLOCK_SECTORS + 1,
    BLOCK_SECTORS + 2,
    2 * BLOCK_SECTORS + 3,
    5 * BLOCK_SECTORS,
    5 * BLOCK_SECTORS + 5,
  ]);
  expect(await Promise.all(from.map((sector) => image.nextData(sector)))).toEqual([
    0,
    null,
    BLOCK_SECTORS + 2,
    null,
    null,
    null,
  ]);
});

describe('reading', () => {
  test('goes across blocks, wherever they are in the file', async () => {
    const fileOrder = [
      { kind: 'payload', index: 1 },
      { kind: 'payload', index: 0 },
    ] as const;
    const image = await imageOf({ ...dynamic, fileOrder });
    const into = Buffer.alloc(24 * 512, 0xee);
    await image.read({ start: BLOCK_SECTORS - 2, count: 24 }, into);
    expect(
      into.equals(Buffer.concat([Buffer.alloc(2 * 512), Buffer.alloc(20 * 512, 0xa1), Buffer.alloc(2 * 512)])),
    ).toBe(true);
  });

  test('a block that the file gets with its log is zeros', async () => {
    const log = { state: 'dirty', logGuid: IDENTITY, holds: ['bat'], fileShorterByMib: 1 } as const;
    const payload = new Map([[0, { state: 6 }]] as const);
    const image = await imageOf({ ...dynamic, payload, log });
    const into = new Uint8Array(1024).fill(0xee);
    await image.read({ start: 0, count: 2 }, into);
    expect(into).toEqual(new Uint8Array(1024));
  });

  test('a sector that the image does not hold, or one outside the disk, is a bug', async () => {
    const image = await imageOf(child);
    for (const start of [2 * BLOCK_SECTORS, 4 * BLOCK_SECTORS, 6 * BLOCK_SECTORS, -1]) {
      await expect(image.read({ start, count: 1 }, new Uint8Array(512))).rejects.toThrow('Bug');
    }
    await expect(image.read({ start: 0, count: 1 }, new Uint8Array(1024))).rejects.toThrow('Bug');
  });

  test('after it was settled shows what is in the file then', async () => {
    const { files, image: place } = await damaged(child);
    const image = new VhdxImage(valueOf(await opened(files)));
    expect((await image.supplied(wholeDisk)).length).toBe(4);
    const file = await files.open(PATH, 'read-write');
    await file.write(new Uint8Array(6 * 8), place.bat.offsetBytes);
    expect((await image.supplied(wholeDisk)).length).toBe(4);
    expect(await image.settle()).toBe('dropped');
    expect(await image.supplied(wholeDisk)).toEqual([]);
  });
});

test('the items of the disk are those that go with it in a merge, another program’s and a user’s too', async () => {
  const others = [
    { itemId: IDENTITY, bytes: Buffer.from('disk'), isVirtualDisk: true },
    { itemId: IDENTITY, bytes: Buffer.from('user'), isVirtualDisk: true, isUser: true },
    { itemId: child.parent.dataWriteGuid, bytes: Buffer.from('file') },
  ];
  const items = await (await imageOf({ ...child, items: others })).diskItems();
  expect(
    items.map(({ itemId, isUser, isRequired, content }) => [
      itemId,
      isUser,
      isRequired,
      Buffer.from(content).toString('hex'),
    ]),
  ).toEqual([
    ['2fa54224-cd1b-4876-b211-5dbed83bf4b8', false, true, '0000600000000000'],
    ['8141bf1d-a96f-4709-ba47-f233a8faab5f', false, true, '00020000'],
    ['cda348c7-445d-4471-9cc9-e9885251c556', false, true, '00100000'],
    ['beca12ab-b2e6-4523-93ef-c309e000c746', false, true, 'cc1823d6ce56e242898d16e1d1c9843e'],
    [IDENTITY, false, false, Buffer.from('disk').toString('hex')],
    [IDENTITY, true, false, Buffer.from('user').toString('hex')],
  ]);
});

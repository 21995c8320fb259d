/** Power lost before every single call of a VHDX's growth, and of its completion: `surviving-destination.ts` says how. */
import { describe, expect, test } from 'vitest';
import type { DiskItem } from '#application/ports/disk-image';
import { GIB } from '#domain/quantities';
import { ITEMS, type PlainVhdx, type PlainVhdxSpec } from '../../../properties/models/plain-vhdx.js';
import { type Story, survives } from '../../../properties/simulation/surviving-destination.js';
import {
  before,
  diskWith,
  firstDifferenceOf,
  found,
  MIB,
  opened,
  shown,
  tinyVhdx,
} from '../../../properties/simulation/tiny-vhdx-destination.js';

const CHANGED_ITEM = 'c4a10f01-d000-4000-a000-000000000001';
const GONE_ITEM = 'c4a10f01-d000-4000-a000-000000000002';

const growthStory = (spec: PlainVhdxSpec, sizeBytes: number): Story => {
  const old = shown(found(diskWith(spec)));
  const expectGrown = (image: PlainVhdx): void => {
    // Behind the old end as far as the old last block goes, then block by block.
    const blockSectors = MIB / spec.logicalSectorBytes;
    const end = Math.ceil(old.length / blockSectors) * blockSectors;
    const upTo = Math.min(end, sizeBytes / spec.logicalSectorBytes);
    expect(shown(image, old.length, upTo).filter((name) => name !== 'zeros')).toEqual([]);
    for (let block = end / blockSectors; block < image.geometry.payloadBlocks; block += 1) {
      const { state, offsetBytes } = image.payload(block);
      if (state === 6 && image.view.read(offsetBytes, MIB).every((byte) => byte === 0)) continue;
      if (state !== 2) throw new Error(`block ${block} is in state ${state}`);
    }
  };
  return {
    spec,
    run: async (files, nthRun) => {
      const into = await opened(files, nthRun);
      await into.growTo(sizeBytes);
      await into.rest();
    },
    expectUnharmed: (image) => {
      expect(firstDifferenceOf(old, shown(image, 0, old.length))).toBeUndefined();
      if (image.sizeBytes !== spec.sizeBytes) {
        expect(image.sizeBytes).toBe(sizeBytes);
        expectGrown(image);
      }
    },
    expectDone: (image) => {
      expect(image.sizeBytes).toBe(sizeBytes);
      expectGrown(image);
    },
  };
};

describe('a growth that loses its power before any call', () => {
  const stale = { slackMib: 1, leftovers: 'stale' } as const;

  test('of a disk with a parent, whose last block gets bits', async () => {
    const payload = new Map([[0, { state: 6, content: before(0, [1]) }]] as const);
    await survives(growthStory(tinyVhdx('differencing', payload, stale), 4.5 * MIB));
  }, 120_000);

  test('of a fixed disk, whose new blocks get space', async () => {
    const content = before(2, [1, 511, 512, 900]);
    const payload = new Map([[2, { state: 6, content }]] as const);
    await survives(growthStory(tinyVhdx('fixed', payload, stale), 4.5 * MIB));
  }, 120_000);

  test('of a disk whose table moves', async () => {
    const content = before(2, [1, 511, 512, 900]);
    const bits = [{ firstSector: 1, sectorCount: 600 }];
    const payload = new Map([[2, { state: 7, content, bits }]] as const);
    await survives(growthStory(tinyVhdx('differencing', payload, stale), 129 * GIB));
  }, 120_000);
});

describe('a completion that loses its power before any call', () => {
  test('leaves the destination’s items or the source’s, all of them, and every sector of the source', async () => {
    const spec = tinyVhdx(
      'differencing',
      new Map([0, 1, 4].map((block) => [block, { state: 6, content: before(block, [1, 900]) }] as const)),
      {
        sizeBytes: 5 * MIB,
        items: [
          { itemId: CHANGED_ITEM, bytes: Buffer.from('old'), isVirtualDisk: true },
          { itemId: GONE_ITEM, bytes: Buffer.from('old'), isVirtualDisk: true },
        ],
      },
    );
    const sizeBytes = 1.5 * MIB;
    const old = shown(found(diskWith(spec)));
    const itemsOf = ({ items }: PlainVhdx): readonly string[] =>
      items.map(({ itemId, bytes }) => `${itemId} ${bytes.toString('hex')}`).sort();
    const itemsBefore = itemsOf(found(diskWith(spec)));
    const run: Story['run'] = async (files, nthRun) => {
      const into = await opened(files, nthRun);
      const own = await into.diskItems();
      const source: DiskItem[] = own
        .filter(({ itemId }) => itemId !== GONE_ITEM)
        .map((item) => (item.itemId === CHANGED_ITEM ? { ...item, content: longer } : item))
        .map((item) => (item.itemId === ITEMS.virtualDiskSize ? { ...item, content: sizeItem(sizeBytes) } : item));
      await into.complete({ description: into.description, diskItems: async () => source });
    };
    const whole = diskWith(spec);
    await run(whole, 1, () => undefined);
    const itemsAfter = itemsOf(found(whole));
    await survives({
      spec,
      run,
      expectUnharmed: (image) => {
        expect([itemsBefore, itemsAfter]).toContainEqual(itemsOf(image));
        expect(image.sizeBytes).toBe(itemsOf(image).join() === itemsAfter.join() ? sizeBytes : 5 * MIB);
        expect(firstDifferenceOf(old.slice(0, image.sizeBytes / 512), shown(image))).toBeUndefined();
      },
      expectDone: (image) => {
        expect(itemsOf(image)).toEqual(itemsAfter);
        expect(firstDifferenceOf(old.slice(0, sizeBytes / 512), shown(image))).toBeUndefined();
      },
    });
  }, 120_000);
});

const longer = Buffer.alloc(5000, 'longer');

const sizeItem = (sizeBytes: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(sizeBytes));
  return bytes;
};

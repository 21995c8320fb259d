import { fc, test } from '@fast-check/vitest';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { chainImages, differencingChains, materialise } from '../arbitraries/chains.js';
import { firstDifference } from './flat-disk.js';
import { bytesSource } from './byte-source.js';
import {
  checkPlainVhd,
  followChain,
  guestBytes,
  guestRange,
  guestSha256,
  imageBytes,
  openChain,
  openPlainVhd,
  plainVhdImage,
  type PlainVhdSpec,
  writePlainVhd,
} from './plain-vhd.js';
import { scratchFolder } from './scratch-folder.js';
import { sectorContent } from './sector-content.js';
import { createHash } from 'node:crypto';

const GIB = 1024 ** 3;

describe('a chain that the plain writer wrote', () => {
  const folder = scratchFolder();

  test.prop([differencingChains()], { numRuns: 150 })(
    'reads from every layer as the flat disk does, opened by paths or by following the locators',
    (chain) => {
      const { paths, views, uniqueIds } = materialise(chain, folder());
      views.forEach((view, index) => {
        expect(firstDifference(view, guestBytes(openChain(paths.slice(index))))).toBeUndefined();
      });
      const [leaf = ''] = paths;
      const followed = followChain(leaf);
      expect(followed.map(({ uniqueId }) => uniqueId)).toEqual(uniqueIds);
      expect(followed.map(({ source }) => source.path)).toEqual(paths);
      expect(guestSha256(followed)).toBe(createHash('sha256').update(views[0]!).digest('hex'));
    },
  );

  test.prop([differencingChains()])('has nothing that the checker complains of', (chain) => {
    for (const { fileName, image } of chainImages(chain))
      expect(checkPlainVhd(bytesSource(fileName, imageBytes(image)))).toEqual([]);
  });

  test.prop([differencingChains(), fc.nat(), fc.nat()])(
    'reads in part as the same part of the whole',
    (chain, from, to) => {
      const { paths, views } = materialise(chain, folder());
      const [first, end] = [from % chain.sizeSectors, to % chain.sizeSectors].sort((a, b) => a - b) as [number, number];
      const part = guestRange(openChain(paths), first * 512, (end - first) * 512);
      expect(firstDifference(views[0]!.subarray(first * 512, end * 512), part)).toBeUndefined();
    },
  );

  test.prop([differencingChains({ minDepth: 2 })])('does not open with a layer left out', (chain) => {
    const { paths } = materialise(chain, folder());
    expect(() => openChain([paths[0]!, ...paths.slice(2)])).toThrow('its parent is');
  });

  test.prop([differencingChains()])('says in each file what the specification asked for', (chain) => {
    for (const { fileName, spec, image } of chainImages(chain)) {
      const found = openPlainVhd(bytesSource(fileName, imageBytes(image)));
      const { type, sizeBytes, uniqueId, timeStamp } = spec;
      expect(found).toMatchObject({ type, sizeBytes, uniqueId, timeStamp });
      expect(found.table?.blockSizeBytes).toBe(type === 'fixed' ? undefined : spec.blockSizeBytes);
      expect(found.parent?.uniqueId).toBe(type === 'differencing' ? spec.parent.uniqueId : undefined);
      if (type === 'differencing') expect(found.parent?.name.endsWith(spec.parent.fileName)).toBe(true);
    }
  });
});

describe('of the habits of other writers', () => {
  const bits = [true, ...Array.from({ length: 7 }, () => false)];
  const parentless = {
    sizeBytes: 4096,
    blockSizeBytes: 4096,
    blocks: new Map([[0, { bits, data: new Uint8Array(4096) }]]),
    uniqueId: '00112233-4455-6677-8899-aabbccddeeff',
    timeStamp: 1000,
  };
  const child = {
    ...parentless,
    type: 'differencing',
    parent: { uniqueId: 'ffeeddcc-bbaa-9988-7766-554433221100', fileName: 'parent.vhd', timeStamp: 900 },
  } as const;
  const written = (spec: PlainVhdSpec): Buffer => Buffer.from(imageBytes(plainVhdImage(spec)));
  const parentOf = (spec: PlainVhdSpec): ReturnType<typeof openPlainVhd>['parent'] =>
    openPlainVhd(bytesSource('child.vhd', written(spec))).parent;

  test("a Windows child stores time stamp 0, XenServer's the parent's", () => {
    expect(parentOf({ ...child, dialect: 'windows' })?.timeStamp).toBe(0);
    expect(parentOf({ ...child, dialect: 'xen' })?.timeStamp).toBe(900);
  });

  test('a bare child has the name of its parent only', () => {
    expect(parentOf({ ...child, dialect: 'bare' })).toMatchObject({ name: 'parent.vhd', locators: [] });
  });

  test('QEMU sets whole bitmaps and puts the first block behind the BAT, unaligned', () => {
    const qemu = written({ ...parentless, type: 'dynamic', dialect: 'qemu' });
    const bare = written({ ...parentless, type: 'dynamic', dialect: 'bare' });
    expect([qemu.readUInt32BE(0x600), qemu.readUInt32BE(0x604)]).toEqual([4, 0xffffffff]);
    expect([qemu.readUInt8(0x800), bare.readUInt8(0x800)]).toEqual([0xff, 0x80]);
  });
});

describe('the largest disk that VHD allows', () => {
  const folder = scratchFolder();
  const sizeBytes = 2040 * GIB;
  const blockSizeBytes = 2 * 1024 ** 2;
  const lastBlock = sizeBytes / blockSizeBytes - 1;
  const data = new Uint8Array(blockSizeBytes);
  data.set(sectorContent(1, 0));
  data.set(sectorContent(1, 4095), 4095 * 512);
  const bits = Array.from({ length: 4096 }, (_, sector) => sector % 4095 === 0);
  const spec: PlainVhdSpec = {
    type: 'dynamic',
    dialect: 'windows',
    sizeBytes,
    blockSizeBytes,
    blocks: new Map([
      [lastBlock, { bits, data }],
      [0, { bits, data }],
    ]),
    uniqueId: '00112233-4455-6677-8899-aabbccddeeff',
    timeStamp: 1,
    fileOrder: [lastBlock, 0],
    gapsSectors: [0, (1024 * GIB) / 512], // The second block lies where sector numbers have their top bit set.
  };

  test('costs its blocks only, and shows its first and its last sector', () => {
    const path = join(folder(), 'largest.vhd');
    writePlainVhd(path, spec);
    expect(statSync(path).size).toBeGreaterThan(1024 * GIB);
    expect(statSync(path).blocks * 512).toBeLessThan(16 * 1024 ** 2);
    const chain = openChain([path]);
    expect(guestRange(chain, 0, 1024)).toEqual(new Uint8Array(1024).fill(0, 512).map((_, at) => data[at]!));
    expect(Buffer.from(guestRange(chain, sizeBytes - 512, 512)).equals(sectorContent(1, 4095))).toBe(true);
    expect(guestRange(chain, 1000 * GIB, 4096)).toEqual(new Uint8Array(4096));
    expect(checkPlainVhd(path)).toEqual([]);
  });

  test('can be a fixed disk as well, and costs nothing where it is zero', () => {
    const path = join(folder(), 'fixed.vhd');
    writePlainVhd(path, { ...spec, type: 'fixed' });
    expect(statSync(path).size).toBe(sizeBytes + 512);
    expect(statSync(path).blocks * 512).toBeLessThan(16 * 1024 ** 2);
    expect(Buffer.from(guestRange(openChain([path]), sizeBytes - 512, 512)).equals(sectorContent(1, 4095))).toBe(true);
  });
});

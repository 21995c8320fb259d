/**
 * The plain writer's images as QEMU sees them. Of a differencing image QEMU sees the allocated blocks, bits or not, and no parent
 * (FORMATS.md §0); that suffices to see that BAT and blocks are where they should be.
 */
import { fc, test } from '@fast-check/vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runs } from '../budget.js';
import { ChainSpec, chainImages, differencingChains, materialise } from '../arbitraries/chains.js';
import { describeWithQemu, qemuInfo, qemuRawSha256, withRawCopy } from '../qemu.js';
import { firstDifference } from './flat-disk.js';
import { guestSha256, openChain, type PlainVhdSpec, writeImage } from './plain-vhd.js';
import { scratchFolder } from './scratch-folder.js';

describeWithQemu('of what the plain writer wrote, qemu-img reads', () => {
  const folder = scratchFolder();
  const rawBytes = (path: string): Promise<Buffer> => withRawCopy(path, async (raw) => readFileSync(raw));

  test.prop([differencingChains({ maxDepth: 1 })], runs(20, 150))(
    'fixed and dynamic disks as the flat disk',
    async (chain) => {
      const base = chain.layers.length - 1;
      const { paths, views } = materialise(chain, folder());
      expect(qemuInfo(paths[base]!)).toEqual({ format: 'vpc', virtualSizeBytes: chain.sizeBytes });
      expect(firstDifference(views[base]!, await rawBytes(paths[base]!))).toBeUndefined();
    },
    120_000,
  );

  test.prop([differencingChains({ minDepth: 1, maxDepth: 1 })], runs(12, 100))(
    'of differencing disks the data of every allocated block, and zeros elsewhere',
    async (chain) => {
      const [{ fileName, spec, image }] = chainImages(chain) as [ReturnType<typeof chainImages>[number]];
      const path = join(folder(), fileName);
      writeImage(path, image);
      expect(firstDifference(allocatedData(spec), await rawBytes(path))).toBeUndefined();
    },
    120_000,
  );

  test.prop([fc.constantFrom('windows' as const, 'xen' as const, 'qemu' as const, 'bare' as const)], runs(4, 16))(
    'dynamic disks with blocks of 2 MiB and 512 KiB in every dialect, by hash',
    async (dialect) => {
      for (const blockSizeBytes of [512 * 1024, 2048 * 1024]) {
        const [path = ''] = materialise(twoBlocks(dialect, blockSizeBytes), folder()).paths;
        expect(await qemuRawSha256(path)).toBe(guestSha256(openChain([path])));
      }
    },
    120_000,
  );
});

const twoBlocks = (dialect: PlainVhdSpec['dialect'], blockSizeBytes: number): ChainSpec =>
  new ChainSpec(
    blockSizeBytes / 512 + 3,
    [
      {
        type: 'dynamic',
        dialect,
        blockSizeBytes,
        strokes: [{ firstSector: 1, sectorCount: blockSizeBytes / 512 + 2, everyOther: true, content: 'data' }],
        alsoAllocated: [],
        bitsPastEnd: false,
        leftovers: 'stale',
        orderSeed: 3,
        gapsSectors: [5],
        slackSectors: 2,
      },
    ],
    'two blocks, in a name with a comma',
  );

const allocatedData = ({ sizeBytes, blockSizeBytes, blocks }: PlainVhdSpec): Uint8Array => {
  const disk = new Uint8Array(sizeBytes);
  for (const [index, { data }] of blocks)
    disk.set(data.subarray(0, sizeBytes - index * blockSizeBytes), index * blockSizeBytes);
  return disk;
};

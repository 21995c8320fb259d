/** One small chain of each kind of destination, written with holes, and what its source shows. */
import { join } from 'node:path';
import { followChain, guestSha256, writePlainVhd } from '../models/plain-vhd.js';
import { followVhdxChain, vhdxGuestBytes } from '../models/plain-vhdx.js';
import { block, child, common, id } from '../product/small-disks.js';
import { MIB, pathOf, writeDisks } from './vhdx-disks.js';
import { createHash } from 'node:crypto';

export type SpaceChain = {
  readonly title: string;
  /** Leaf and base. */
  readonly write: (folder: string) => { readonly source: string; readonly destination: string };
  /** A write to the destination in the middle of the merge. */
  readonly fullAt: number;
  /** Of what a disk shows, read through its chain. */
  readonly sha256: (path: string) => string;
};

const BLOCKS = 120;
const sizes = { ...common, sizeBytes: BLOCKS * common.blockSizeBytes };

const vhd = (type: 'fixed' | 'dynamic'): SpaceChain => ({
  title: `a ${type} VHD`,
  // A fixed disk is merged 2 MiB at a time.
  fullAt: type === 'fixed' ? 1 : 12,
  write: (folder) => {
    const [destination, source] = [join(folder, 'base.vhd'), join(folder, 'child.vhd')];
    writePlainVhd(destination, { ...sizes, type, uniqueId: id(1), blocks: new Map([[3, block(1)]]) });
    const blocks = new Map(Array.from({ length: BLOCKS - 50 }, (_, n) => [n, block(1 + (n % 250))]));
    writePlainVhd(source, { ...child(2, 1, 'base.vhd', blocks), sizeBytes: sizes.sizeBytes });
    return { source, destination };
  },
  sha256: (path) => guestSha256(followChain(path)),
});

/** One block that is there, and three that are not; of one of these only a part is covered. */
const vhdx = (): SpaceChain => ({
  title: 'a dynamic VHDX',
  fullAt: 12,
  write: (folder) => {
    const shape = { sizeBytes: 6 * MIB, blockMib: 1 } as const;
    writeDisks(folder, {
      sectorBytes: 512,
      layers: [
        {
          type: 'differencing',
          ...shape,
          data: [
            [0, 6000],
            [8192, 600],
          ],
        },
        { type: 'dynamic', ...shape, data: [[0, 8]] },
      ],
    });
    return { source: pathOf(folder, 0), destination: pathOf(folder, 1) };
  },
  sha256: (path) =>
    createHash('sha256')
      .update(vhdxGuestBytes(followVhdxChain(path)))
      .digest('hex'),
});

export const SPACE_CHAINS: readonly SpaceChain[] = [vhd('dynamic'), vhd('fixed'), vhdx()];

import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writePlainVhd } from '../../properties/models/plain-vhd.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { filesInMemory, merge, productPorts, type Merged } from '../../properties/product/product.js';
import { BLOCK_BYTES, block, child, common, id } from '../../properties/product/small-disks.js';
import { StoreThat } from '../../properties/product/store-that.js';

const SECTOR = 512;

/** Three disks; each of the upper two has two blocks of its own. */
const chainOfThree = (folder: string) => {
  const [base, middle, leaf] = ['base.vhd', 'middle.vhd', 'leaf.vhd'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map([[0, block(1)]]) });
  const two = (fill: number) =>
    new Map([
      [0, block(fill)],
      [5, block(fill)],
    ]);
  writePlainVhd(middle, child(2, 1, 'base.vhd', two(2)));
  writePlainVhd(leaf, child(3, 2, 'middle.vhd', two(3)));
  return { base, middle, leaf };
};

/** Writes over bytes in the middle of the file, as a program does that asks for no lock. */
const scribble = (path: string, position: number): void => {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(SECTOR, 0xee), 0, SECTOR, position);
  closeSync(fd);
};

describe('a chain that changes behind the back of a merge', () => {
  const scratch = scratchFolder(folderInMemory());

  /** One block a window, and something happens after the first is committed. */
  const mergeWhile = async (
    [source, destination]: readonly [string, string],
    meddle: () => void,
  ): Promise<{ readonly merged: Merged; readonly again: () => Promise<Merged> }> => {
    let once = true;
    const store = new StoreThat('BlockMerged', () => {
      if (once) meddle();
      once = false;
    });
    const ports = productPorts({ store, files: filesInMemory() });
    const options = { windowBytes: BLOCK_BYTES };
    return {
      merged: await merge(ports, source, destination, options),
      again: () => merge(ports, source, destination, options),
    };
  };

  const changed = (path: string) => ({
    outcome: { outcome: 'failed', resumable: true, error: { kind: 'image-changed', path } },
  });

  it('stops before another block is committed when a source is written to; the next run sees what was committed differ', async () => {
    const { middle, leaf } = chainOfThree(scratch());
    const { merged, again } = await mergeWhile([leaf, middle], () => {
      scribble(leaf, readFileSync(leaf).indexOf(Buffer.alloc(SECTOR, 3)));
    });
    expect(merged).toMatchObject(changed(leaf));
    expect(await again()).toMatchObject({ answer: 'refused', error: { kind: 'image-changed', path: leaf } });
  });

  it('goes on in the next run when the source was only touched', async () => {
    const { middle, leaf } = chainOfThree(scratch());
    const { merged, again } = await mergeWhile([leaf, middle], () => {
      utimesSync(leaf, new Date(), new Date(1_700_000_000_000));
    });
    expect(merged).toMatchObject(changed(leaf));
    expect(await again()).toMatchObject({ outcome: { outcome: 'completed' } });
  });

  it.each([
    ['a copy takes the place of the source', 'leaf'],
    ['a copy takes the place of the image between', 'middle'],
    ['a copy takes the place of the destination', 'base'],
  ] as const)('stops when %s', async (_, which) => {
    const chain = chainOfThree(scratch());
    const { merged } = await mergeWhile([chain.leaf, chain.base], () => {
      copyFileSync(chain[which], `${chain[which]}.new`);
      renameSync(`${chain[which]}.new`, chain[which]);
    });
    expect(merged).toMatchObject(changed(chain[which]));
  });

  it('stops when the disk under the destination is changed', async () => {
    const { base, middle, leaf } = chainOfThree(scratch());
    const { merged } = await mergeWhile([leaf, middle], () => {
      scribble(base, 6 * SECTOR);
    });
    expect(merged).toMatchObject(changed(base));
  });

  it('stops when the source is gone', async () => {
    const { middle, leaf } = chainOfThree(scratch());
    const { merged } = await mergeWhile([leaf, middle], () => {
      unlinkSync(leaf);
    });
    expect(merged).toMatchObject(changed(leaf));
  });
});

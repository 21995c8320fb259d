import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateImage } from '../../application/use-cases/create-image.js';
import { filesInMemory, productPorts } from './product.js';

/** A child over a base, in a folder of their own so that they are nobody's siblings. */
export type SmallChain = {
  readonly folder: string;
  readonly base: string;
  readonly child: string;
  /** What the child shows. */
  readonly shown: Uint8Array;
};

export const SMALL_BLOCK_BYTES = 4096;

/** The child has one sector in each block. */
export const smallChain = async (scratch: string, { blocks = 4 } = {}): Promise<SmallChain> => {
  const folder = mkdtempSync(join(scratch, 'chain-'));
  const [base, child] = [join(folder, 'base.vhd'), join(folder, 'child.vhd')];
  const create = new CreateImage(productPorts({ files: filesInMemory() }));
  const content = { sizeBytes: blocks * SMALL_BLOCK_BYTES };
  const shown = new Uint8Array(content.sizeBytes);
  for (let block = 0; block < blocks; block++) shown[block * SMALL_BLOCK_BYTES + 512] = block + 1;
  const rawPath = join(scratch, randomUUID());
  writeFileSync(rawPath, shown);
  const common = { blockSizeBytes: SMALL_BLOCK_BYTES, roots: [] };
  const made = [
    await create.create({ ...common, path: base, type: 'dynamic', logicalSectorSize: 512, content }),
    await create.createChild({ ...common, path: child, parentPath: base, rawPath }),
  ];
  for (const image of made) if (!image.ok) throw new Error(image.error.message);
  return { folder, base, child, shown };
};

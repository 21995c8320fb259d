import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writePlainVhd } from '../../properties/models/plain-vhd.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { merge, productPorts, filesInMemory } from '../../properties/product/product.js';
import { block, child, common, id } from '../../properties/product/small-disks.js';
import { childrenOf } from './relatives.js';

/** A base, a source over it, and a child of the source, each in a folder of its own below one. */
const tree = (folder: string) => {
  const [base, source, kid] = ['a/base.vhd', 'b/source.vhd', 'c/deep/kid.vhd'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [base, source, kid]) mkdirSync(dirname(path), { recursive: true });
  writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map([[0, block(1)]]) });
  writePlainVhd(source, child(2, 1, '../a/base.vhd', new Map([[0, block(2)]])));
  writePlainVhd(kid, child(3, 2, '../../b/source.vhd', new Map([[1, block(3)]])));
  writeFileSync(join(folder, 'c', 'no disk'), 'text');
  return { base, source, kid };
};

describe('disks that hang on a chain', () => {
  const scratch = scratchFolder(folderInMemory());

  it('are found in a folder, and in a tree with all that is below it', async () => {
    const folder = mkdtempSync(join(scratch(), 't-'));
    const { source, kid } = tree(folder);
    const ports = productPorts({ files: filesInMemory() });
    const found = async (folders: readonly string[], trees: readonly string[]) =>
      (await childrenOf(id(2), [{ path: source }], { folders, trees }, ports)).map(({ image }) => image.path);
    expect(await found([folder], [])).toEqual([]);
    expect(await found([dirname(kid)], [])).toEqual([kid]);
    expect(await found([], [folder])).toEqual([kid]);
    expect(await found([dirname(kid)], [folder])).toEqual([kid]);
  });

  it('are not orphaned by a merge that is given a root above them', async () => {
    const folder = mkdtempSync(join(scratch(), 't-'));
    const { base, source, kid } = tree(folder);
    const ports = productPorts({ files: filesInMemory() });
    const merged = await merge(ports, source, base, { roots: [folder], retire: 'delete' });
    expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
    expect(await ports.images.probe(kid)).toMatchObject({ parentIdentities: [id(1)] });
  });
});

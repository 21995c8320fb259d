import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PathMap } from '#domain/chain/path-map';
import { NodeFileSystem } from '#infrastructure/file-system/node-file-system';
import { utf16, writeChild } from '../../properties/infrastructure/paths-chain.js';
import { writePlainVhd } from '../../properties/models/plain-vhd.js';
import { folderInMemory, scratchFolder } from '../../properties/models/scratch-folder.js';
import { merge, productPorts, filesInMemory } from '../../properties/product/product.js';
import { block, child, common, id } from '../../properties/product/small-disks.js';
import { openAndCheck, placesOf } from '../merge/locked-chain.js';
import { allowedRoots } from './allowed-roots.js';
import type { DiskImages } from '../ports/disk-image.js';
import { FileSystemFault, type FileSystem, type OpenFile } from '../ports/file-system.js';
import { childrenOf, findRelatives, relativeInWords } from './relatives.js';

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

describe('a disk whose link is broken', () => {
  const scratch = scratchFolder(folderInMemory());
  /** A base, a source over it, and `name`, which says that `parentName` is its parent and was made from the disk `madeFrom`. */
  const withStray = (name: string, madeFrom: number, parentName: string) => {
    const folder = mkdtempSync(join(scratch(), 'b-'));
    const [base, source, stray] = ['base.vhd', 'source.vhd', name].map((one) => join(folder, one)) as [
      string,
      string,
      string,
    ];
    writePlainVhd(base, { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map([[0, block(1)]]) });
    writePlainVhd(source, child(2, 1, 'base.vhd', new Map([[0, block(2)]])));
    writePlainVhd(stray, child(5, madeFrom, parentName, new Map([[1, block(3)]])));
    return { folder, base, source, stray, ports: productPorts({ files: filesInMemory() }) };
  };
  const relatives = async ({ source, base, ports }: ReturnType<typeof withStray>) => {
    const roots = await allowedRoots([source, base], { roots: [] }, ports.files);
    const checked = await openAndCheck({ source, destination: base }, roots, ports);
    if (!checked.ok) throw new Error(checked.error.message);
    const { sources, destination, chain } = checked.value;
    const found = await findRelatives(sources, destination, placesOf(chain, roots), ports);
    await chain.close();
    return found;
  };

  it('is a sibling by the path to its parent, and the words say so', async () => {
    const made = withStray('stray.vhd', 9, 'base.vhd');
    const { siblings, children } = await relatives(made);
    expect(children).toEqual([]);
    expect(siblings.map(({ image, link }) => [image.path, link])).toEqual([[made.stray, 'path']]);
    expect(relativeInWords(siblings[0]!)).toContain(`made from a disk with identity ${id(9)}`);
  });

  it('stops a merge, and does not when it is named; nor the merges after that', async () => {
    const { source, base, stray, folder, ports } = withStray('stray.vhd', 9, 'base.vhd');
    expect(await merge(ports, source, base)).toMatchObject({ error: { kind: 'siblings-present', related: [stray] } });
    const named = await merge(ports, source, base, { allowedSiblings: [stray] });
    expect(named).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
    const next = join(folder, 'next.vhd');
    writePlainVhd(next, child(6, 1, 'base.vhd', new Map([[2, block(4)]])));
    // The source was kept and hangs on the base by identity; the broken one was given up already.
    expect(await merge(ports, next, base)).toMatchObject({ error: { kind: 'siblings-present', related: [source] } });
  });

  it('is none when it names the source only, or its true parent is where it says as well', async () => {
    expect((await relatives(withStray('stray.vhd', 9, 'source.vhd'))).siblings).toEqual([]);
    const made = withStray('stray.vhd', 9, 'nowhere.vhd');
    expect((await relatives(made)).siblings).toEqual([]);
    // Two stored paths of one file lead to two places: the first to the base, the second to the disk that it was made from.
    const images = new Proxy(made.ports.images, {
      get: (real, name: keyof DiskImages) =>
        name === 'probe'
          ? async (path: string) => {
              const probed = await real.probe(path);
              const at = (file: string) => ({ source: 'test', stored: file, path: join(made.folder, file), why: null });
              return probed === null || path !== made.stray
                ? probed
                : { ...probed, parentCandidates: [at('base.vhd'), at('true.vhd')] };
            }
          : real[name].bind(real),
    });
    const twoPaths = { ...made, ports: { ...made.ports, images } };
    expect((await relatives(twoPaths)).siblings).toHaveLength(1);
    writePlainVhd(join(made.folder, 'true.vhd'), { ...common, type: 'dynamic', uniqueId: id(9), blocks: new Map() });
    expect((await relatives(twoPaths)).siblings).toEqual([]);
  });
});

describe('a search for relatives', () => {
  const scratch = scratchFolder(folderInMemory());
  const searched = async (folder: string, files: FileSystem, maps: readonly PathMap[] = []) => {
    const [base, source] = [join(folder, 'base.vhd'), join(folder, 'source.vhd')];
    const ports = productPorts({ files });
    const roots = await allowedRoots([source, base], { roots: [folder], maps }, files);
    const checked = await openAndCheck({ source, destination: base }, roots, ports);
    if (!checked.ok) throw new Error(checked.error.message);
    const { sources, destination, chain } = checked.value;
    const places = placesOf(chain, roots);
    await chain.close();
    return await findRelatives(sources, destination, places, ports);
  };
  const pair = (): string => {
    const folder = mkdtempSync(join(scratch(), 's-'));
    writePlainVhd(join(folder, 'base.vhd'), { ...common, type: 'dynamic', uniqueId: id(1), blocks: new Map() });
    writePlainVhd(join(folder, 'source.vhd'), child(2, 1, 'base.vhd', new Map()));
    return folder;
  };

  it('names the folders and files that it may not look into, and nothing that cannot hide a disk', async () => {
    const folder = pair();
    for (const name of ['open', 'locked']) mkdirSync(join(folder, name));
    for (const name of ['secret.vhd', 'notes.txt', 'open/other.vhd']) writeFileSync(join(folder, name), 'text');
    symlinkSync('base.vhd', join(folder, 'link.vhd'));
    const files = new (class extends NodeFileSystem {
      override async list(path: string): Promise<readonly string[]> {
        if (path.endsWith('locked')) throw new FileSystemFault('access-denied', 'list', path);
        return await super.list(path);
      }

      override async open(path: string, mode: 'read' | 'read-write'): Promise<OpenFile> {
        if (path.endsWith('secret.vhd')) throw new FileSystemFault('access-denied', 'open', path);
        return await super.open(path, mode);
      }
    })({ native: () => Promise.resolve(null) });
    const { unseen } = await searched(folder, files);
    expect([...unseen].sort()).toEqual([join(folder, 'locked'), join(folder, 'secret.vhd')]);
  });

  it.each([
    ['W2ku', utf16('C:\\VMs\\base.vhd')],
    ['MacX', Buffer.from('file:///C:/VMs/base.vhd')],
  ] as const)('follows a broken link by the map of the Windows path in %s', async (code, payload) => {
    const folder = pair();
    writeChild(join(folder, 'stray.vhd'), { uniqueId: id(5), parentId: id(9), locator: { code, payload } });
    expect(await searched(folder, filesInMemory())).toMatchObject({ siblings: [] });
    const maps = [{ stored: 'C:\\VMs', path: folder }];
    expect(await searched(folder, filesInMemory(), maps)).toMatchObject({
      siblings: [{ image: { path: join(folder, 'stray.vhd') }, link: 'path' }],
    });
  });
});

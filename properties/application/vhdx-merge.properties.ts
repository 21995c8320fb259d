import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { PATIENCE_MS, runs } from '../budget.js';
import { vhdxChains, vhdxMergePairs, vhdxView, type VhdxChainSpec } from '../arbitraries/vhdx-chains.js';
import { checkPlainVhdx, followVhdxChain, openPlainVhdx, openVhdxChain, vhdxGuestBytes } from '../models/plain-vhdx.js';
import { expectSameBytes } from '../models/same-bytes.js';
import { merge, productPorts } from '../product/product.js';
import { vhdxFiles } from '../product/simulated-merge.js';
import { FreeLocks } from '../simulation/free-locks.js';
import { MemoryFileSystem } from '../simulation/memory-file-system.js';

const merges = () =>
  vhdxChains({ maxSizeBytes: 4 * 1024 * 1024 }).chain((chain) =>
    fc.record({
      chain: fc.constant(chain),
      pair: vhdxMergePairs(chain),
      windowBytes: fc.constantFrom(512, 1024 * 1024, 64 * 1024 * 1024),
      verify: fc.constantFrom('blocks', 'full', 'none'),
    }),
  );

describe('a merge of VHDX', () => {
  test.prop([merges()], runs(40, 500))(
    'of any source into any ancestor leaves a destination that shows what the source showed, with all its disk items',
    async ({ chain, pair, windowBytes, verify }) => {
      const { files, paths } = onDisk(chain);
      const [source, destination] = [paths[pair.source]!, paths[pair.destination]!];
      const direct = paths[pair.destination - 1]!;
      const changed = [destination, direct, ...(pair.source > 0 ? [paths[pair.source - 1]!] : [])];
      const kept = new Map(paths.filter((path) => !changed.includes(path)).map((path) => [path, files.bytes(path)]));
      const before = { oddities: kindsOf(files, destination), direct: openPlainVhdx(files.source(direct)) };
      const sourceImage = openPlainVhdx(files.source(source));
      const ports = { ...productPorts({ files }), locks: new FreeLocks() };

      const merged = await merge(ports, source, destination, { windowBytes, verify });
      expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });

      const view = vhdxView(chain, pair.source);
      const sources = paths.map((path) => files.source(path));
      expectSameBytes(vhdxGuestBytes(openVhdxChain(sources.slice(pair.destination))), view, 'the destination');
      expectSameBytes(vhdxGuestBytes(openVhdxChain(sources.slice(pair.source))), view, 'the source');
      expect(kindsOf(files, destination).filter((kind) => !before.oddities.includes(kind))).toEqual([]);
      for (const [path, bytes] of kept) expect(Buffer.compare(files.bytes(path), bytes)).toBe(0);
      const now = openPlainVhdx(files.source(direct));
      expect(now.dataWriteGuid).toBe(before.direct.dataWriteGuid);
      expect(diskItemsOf(openPlainVhdx(files.source(destination)))).toEqual(diskItemsOf(sourceImage));
      if (pair.source > 0) {
        const leaf = followVhdxChain(paths[0]!, (path) => (paths.includes(path) ? files.source(path) : undefined));
        expectSameBytes(vhdxGuestBytes(leaf), vhdxView(chain), 'the leaf over the destination');
      }
      const calls = files.calls.length;
      expect(await merge(ports, source, destination)).toMatchObject({ answer: 'already-completed' });
      expect(files.calls.slice(calls).filter(({ operation }) => operation === 'write')).toEqual([]);
    },
    PATIENCE_MS,
  );
});

const onDisk = (chain: VhdxChainSpec): { readonly files: MemoryFileSystem; readonly paths: readonly string[] } => {
  const files = new MemoryFileSystem();
  const images = vhdxFiles(chain);
  for (const { fileName, content } of images) files.put(`/d/${fileName}`, content);
  return { files, paths: images.map(({ fileName }) => `/d/${fileName}`) };
};

const kindsOf = (files: MemoryFileSystem, path: string): readonly string[] =>
  checkPlainVhdx(files.source(path)).map(({ kind }) => kind);

/** What goes where the disk goes, by id: size, page-83 id, sector sizes, and what users put there. */
const diskItemsOf = ({ items }: ReturnType<typeof openPlainVhdx>): readonly string[] =>
  items
    .filter(({ isVirtualDisk }) => isVirtualDisk)
    .map((item) => `${item.itemId} ${String(item.isUser)} ${item.bytes.toString('hex')}`)
    .sort();

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { ScanFolder } from '../../application/use-cases/scan-folder.js';
import { writePlainVhd } from '../models/plain-vhd.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { merge, productPorts } from '../product/product.js';
import { block, child, common, id } from '../product/small-disks.js';
import { printed } from './paths-cli.js';
import { expectAllReported, type ScanJson } from './scan-expected.js';
import { identity, patch, writeDisk, writeManyChains } from './scan-forest.js';

const scratch = scratchFolder(folderInMemory());

const scanned = async (...words: readonly string[]) => {
  const { code, stdout, stderr } = await printed('scan', ...words, '--journal', join(scratch(), 'no-journal.db'));
  return { code, out: stdout, err: stderr };
};

const base = (path: string, n: number): void => {
  writePlainVhd(path, { ...common, type: 'dynamic', uniqueId: id(n), blocks: new Map([[0, block(1)]]) });
};

/** Two children on a base, one of them with a child; and one of each thing that can be wrong. */
const zoo = (): string => {
  const folder = mkdtempSync(join(scratch(), 'z-'));
  mkdirSync(join(folder, 'sub'));
  const at = (name: string): string => join(folder, name);
  base(at('base.vhd'), 1);
  writePlainVhd(at('a.vhd'), child(2, 1, 'base.vhd', new Map()));
  writePlainVhd(at('a1.vhd'), child(4, 2, 'a.vhd', new Map()));
  writePlainVhd(at('b.vhd'), child(3, 1, 'base.vhd', new Map()));
  writePlainVhd(at('broken.vhd'), child(6, 9, 'base.vhd', new Map()));
  writePlainVhd(at('orphan".vhd'), child(5, 9, 'gone.vhd', new Map()));
  copyFileSync(at('base.vhd'), at('sub/damaged.vhd'));
  truncateSync(at('sub/damaged.vhd'), 1536);
  symlinkSync('../base.vhd', at('sub/link.vhd'));
  writeFileSync(at('sub/notes.txt'), 'text');
  writeFileSync(at('.chainfold-1.part'), 'x');
  return folder;
};

describe('a scan of a folder', () => {
  it('draws each chain once, says what is wrong, and exits with 1', async () => {
    const folder = zoo();
    const { code, out } = await scanned(folder);
    expect(code).toBe(1);
    const names = out.split('\n').map((line) => /^(?:[│├└─ ]*)(\S+\.vhd) /.exec(line)?.[0].trimEnd());
    expect(names.filter((name) => name !== undefined)).toEqual([
      ...['base.vhd', '├─ a.vhd', '│  └─ a1.vhd', '└─ b.vhd', 'broken.vhd', 'orphan".vhd', 'sub/damaged.vhd'],
    ]);
    expect(out).toContain(`broken: made from a disk with identity ${id(9)}, but ${folder}/base.vhd has ${id(1)}`);
    expect(out).toContain(`${folder}/gone.vhd (nothing is there)`);
    expect(out).toContain('leftover: .chainfold-1.part: a file that was not finished, or may be being made');
    expect(out).toMatch(/\n7 images in 4 chains, 1 orphan, 2 broken, 1 leftover, \d+ KiB\.\n$/);
  });

  it('gives the same as JSON and as a graph with escaped labels', async () => {
    const folder = zoo();
    const json = await scanned(folder, '--json');
    expect(json.code).toBe(1);
    const found = JSON.parse(json.out) as { chains: { images: { path: string; parent: string | null }[] }[] };
    const links = found.chains.flatMap(({ images }) => images.map(({ path, parent }) => [path, parent]));
    expect(links.slice(0, 4)).toEqual(
      [
        ['base.vhd', null],
        ['a.vhd', 'base.vhd'],
        ['a1.vhd', 'a.vhd'],
        ['b.vhd', 'base.vhd'],
      ].map((pair) => pair.map((name) => (name === null ? null : join(folder, name)))),
    );
    expect(found).toMatchObject({
      passedOver: [{ path: join(folder, 'sub/link.vhd'), why: 'a link, which is not followed' }],
      summary: { images: 7, chains: 4, orphans: 1, broken: 2, leftovers: 1 },
    });
    const dot = await scanned(folder, '--dot');
    expect(dot.out).toContain('label="orphan\\".vhd\\n');
    expect(dot.out).toContain('  image4 -> image0 [style=dashed, color=red];');
    expect((await scanned(folder, '--dot')).out).toBe(dot.out);
    expect((await scanned(folder, '--dot', '--json')).code).toBe(2);
  });

  it('is content with a folder that is well, or empty, and refuses what is none', async () => {
    const folder = mkdtempSync(join(scratch(), 'w-'));
    expect(await scanned(folder)).toMatchObject({
      code: 0,
      out: '0 images in 0 chains, 0 orphans, 0 broken, 0 leftovers, 0 B.\n',
    });
    base(join(folder, 'base.vhd'), 1);
    expect(await scanned(folder)).toMatchObject({ code: 0 });
    expect(await scanned(join(folder, 'base.vhd'))).toMatchObject({ code: 3, out: '' });
    expect(await scanned(join(folder, 'none'))).toMatchObject({ code: 3, out: '' });
  });

  it('follows a parent into another folder only with --root', async () => {
    const folder = mkdtempSync(join(scratch(), 'r-'));
    for (const name of ['gold', 'vm']) mkdirSync(join(folder, name));
    base(join(folder, 'gold/base.vhd'), 1);
    writePlainVhd(join(folder, 'vm/a.vhd'), child(2, 1, '../gold/base.vhd', new Map()));
    expect((await scanned(join(folder, 'vm'))).out).toContain('allow its folder with --root');
    const rooted = await scanned(join(folder, 'vm'), '--root', join(folder, 'gold'));
    expect(rooted).toMatchObject({ code: 0, out: expect.stringContaining('└─ a.vhd') as string });
  });

  it('says which merged source was kept, and when it is not to be removed', async () => {
    const folder = mkdtempSync(join(scratch(), 'k-'));
    const [parent, kept] = [join(folder, 'base.vhd'), join(folder, 'a.vhd')];
    base(parent, 1);
    writePlainVhd(kept, child(2, 1, 'base.vhd', new Map([[1, block(2)]])));
    const ports = productPorts();
    expect(await merge(ports, kept, parent)).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
    const rows = async () => {
      const found = await new ScanFolder(ports).scan(folder, { roots: [] }, ports);
      if (!found.ok) throw new Error(found.error.message);
      return found.value.chains.flatMap((one) => one.rows).map(({ image, isRemovable }) => [image.path, isRemovable]);
    };
    expect(await rows()).toEqual([
      [parent, false],
      [kept, true],
    ]);
    writePlainVhd(join(folder, 'late.vhd'), child(3, 2, 'a.vhd', new Map()));
    expect((await rows())[1]).toEqual([kept, false]);
    writeFileSync(join(folder, 'late.vhd'), '');
    writeFileSync(kept, readFileSync(kept));
    expect((await rows())[1]).toEqual([kept, false]);
  });

  it('reports all of 100 images in 10 chains, eight of which have something wrong with them', async () => {
    const folder = mkdtempSync(join(scratch(), 'm-'));
    const many = writeManyChains(folder, 10, 10);
    const { code, out } = await scanned(folder, '--json');
    expect(code).toBe(1);
    expectAllReported(JSON.parse(out) as ScanJson, many);
    const text = await scanned(folder, '--quiet');
    for (const path of many.damaged) expect(text.out).toContain(`broken: ${path.slice(folder.length + 1)}: `);
  });
});

/** `parents[n]` is less than n, or n itself for a base. */
const forests = fc
  .array(fc.nat(), { minLength: 1, maxLength: 12 })
  .map((numbers) => numbers.map((number, n) => number % (n + 1)));

describe('a forest of images', () => {
  const diskOf = (folder: string, parents: readonly number[], n: number) => ({
    path: join(folder, `${n}.vhd`),
    identity: identity(n + 1),
    parent: parents[n] === n ? null : { identity: identity(parents[n]! + 1), name: `${parents[n]!}.vhd` },
  });
  const factsOf = async (folder: string) => {
    const found = await new ScanFolder(productPorts()).scan(folder, { roots: [] }, null);
    if (!found.ok) throw new Error(found.error.message);
    return found.value.chains
      .flatMap(({ rows }) => rows)
      .map(
        ({ image, parent, troubles }) => [image.path, { parent, troubles: troubles.map(({ kind }) => kind) }] as const,
      );
  };

  test.prop([forests, fc.nat(), fc.constantFrom('cut', 'header', 'emptied')], { numRuns: 15 })(
    'comes back as it was written, and harm to one file changes only what hangs on it directly',
    async (parents, which, harm) => {
      const folder = mkdtempSync(join(scratch(), 'f-'));
      const disks = parents.map((_, n) => diskOf(folder, parents, n));
      for (const disk of disks) writeDisk(disk);
      const parentOf = (n: number) => (parents[n] === n ? null : disks[parents[n]!]!.path);
      const expected = new Map(disks.map(({ path }, n) => [path, { parent: parentOf(n), troubles: [] as string[] }]));
      const before = await factsOf(folder);
      expect(before).toHaveLength(disks.length);
      expect(new Map(before)).toEqual(expected);
      const harmed = disks[which % disks.length]!;
      if (harm === 'header') patch(harmed.path, 512 + 36, 0xee);
      else truncateSync(harmed.path, harm === 'cut' ? 700 : 0);
      // As long as the footer and the start of the header are there, it is known who it is.
      const own = expected.get(harmed.path)!;
      if (harm === 'header') expected.set(harmed.path, { ...own, troubles: ['damaged'] });
      else if (harm === 'cut') expected.set(harmed.path, { parent: null, troubles: ['damaged'] });
      else expected.delete(harmed.path);
      for (const { path, parent } of disks)
        if (harm !== 'header' && parent?.identity === harmed.identity)
          expected.set(path, { parent: null, troubles: [harm === 'cut' ? 'broken-link' : 'orphan'] });
      const after = await factsOf(folder);
      expect(after).toHaveLength(expected.size);
      expect(new Map(after)).toEqual(expected);
    },
  );
});

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type ForestImage, type ForestNode, forestOf } from './forest.js';

const image = (n: number, parent: number | null, more: Partial<ForestImage> = {}): ForestImage => ({
  path: `/d/${String(n).padStart(4, '0')}`,
  fileKey: `f${n}`,
  format: 'vhd',
  type: parent === null ? 'dynamic' : 'differencing',
  virtualSizeBytes: 1024,
  logicalSectorSize: 512,
  identity: `id${n}`,
  parentIdentities: parent === null ? [] : [`id${parent}`],
  leads: parent === null ? [] : [{ tried: `/d/${parent}`, fileKey: `f${parent}`, why: null }],
  ...more,
});

type Flat = { readonly path: string; readonly parent: string | null; readonly troubles: readonly string[] };

const flat = (nodes: readonly ForestNode<ForestImage>[], parent: string | null = null): readonly Flat[] =>
  nodes.flatMap(({ image: { path }, troubles, children }) => [
    { path, parent, troubles: troubles.map(({ kind }) => kind) },
    ...flat(children, path),
  ]);

const troublesOf = (...images: readonly ForestImage[]) =>
  Object.fromEntries(flat(forestOf(images)).map(({ path, troubles }) => [path, troubles]));

/** `parents[n]` is less than n, or n itself for a base. */
const forests = fc
  .array(fc.nat(), { minLength: 1, maxLength: 40 })
  .map((numbers) => numbers.map((number, n) => number % (n + 1)));
const imagesOf = (parents: readonly number[]) => parents.map((parent, n) => image(n, parent === n ? null : parent));

describe('a forest of chains', () => {
  test.prop([forests, fc.array(fc.nat(), { minLength: 40, maxLength: 40 })])(
    'is what its links say, in whatever order they are found',
    (parents, order) => {
      const images = imagesOf(parents);
      const shuffled = images
        .map((one, n) => ({ one, key: order[n]! }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one);
      const found = flat(forestOf(shuffled));
      expect(found).toEqual(flat(forestOf(images)));
      expect(new Map(found.map(({ path, parent }) => [path, parent]))).toEqual(
        new Map(images.map((one, n) => [one.path, parents[n] === n ? null : images[parents[n]!]!.path])),
      );
      expect(found.flatMap(({ troubles }) => troubles)).toEqual([]);
    },
  );

  test.prop([fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)), { maxLength: 30 })])(
    'has every image once, whatever the links are',
    (links) => {
      const images = links.map(([identity, lead, wanted], n) => ({
        ...image(n, lead),
        identity: `id${identity}`,
        parentIdentities: [`id${wanted}`],
      }));
      const paths = flat(forestOf(images)).map(({ path }) => path);
      expect([...paths].sort()).toEqual(images.map(({ path }) => path).sort());
    },
  );

  test.prop([forests, fc.nat()])('changes for the children of a disk alone when that disk goes', (parents, which) => {
    const gone = which % parents.length;
    const images = imagesOf(parents);
    const before = flat(forestOf(images)).filter(({ path }) => path !== images[gone]!.path);
    const after = new Map(flat(forestOf(images.filter((_, n) => n !== gone))).map((one) => [one.path, one]));
    for (const one of before)
      expect(after.get(one.path)).toEqual(
        one.parent === images[gone]!.path ? { ...one, parent: null, troubles: ['orphan'] } : one,
      );
  });

  test('names what is wrong with a link', () => {
    expect(troublesOf(image(1, 7))).toEqual({ '/d/0001': ['orphan'] });
    expect(troublesOf(image(0, null), image(1, 0, { parentIdentities: ['other'] }))).toMatchObject({
      '/d/0001': ['broken-link'],
    });
    expect(troublesOf(image(0, null), image(1, 0, { virtualSizeBytes: 512 }))).toMatchObject({
      '/d/0001': ['wrong-size'],
    });
    expect(troublesOf(image(0, null), image(1, 0, { format: 'vhdx' }))).toMatchObject({ '/d/0001': ['other-format'] });
    expect(troublesOf(image(0, null), image(1, 0, { logicalSectorSize: 4096 }))).toMatchObject({
      '/d/0001': ['sector-size'],
    });
    expect(troublesOf(image(1, 1))).toEqual({ '/d/0001': ['cycle'] });
    expect(troublesOf(image(1, 2), image(2, 3), image(3, 1), image(4, 2))).toEqual({
      '/d/0001': ['cycle'],
      '/d/0002': ['cycle'],
      '/d/0003': ['cycle'],
      '/d/0004': [],
    });
    expect(troublesOf(image(1, null), image(2, null, { identity: 'id1' }))).toEqual({
      '/d/0001': ['copies'],
      '/d/0002': ['copies'],
    });
  });

  test('says where a chain gets too deep, and takes a long one', () => {
    const found = flat2(imagesOf(Array.from({ length: 3000 }, (_, n) => Math.max(0, n - 1))));
    expect(found.filter(({ troubles }) => troubles.length > 0).map(({ path }) => path)).toEqual(['/d/0256']);
  });
});

/** Without recursion. */
const flat2 = (images: readonly ForestImage[]) => {
  const all = [...forestOf(images)];
  for (const node of all) all.push(...node.children);
  return all.map(({ image: { path }, troubles }) => ({ path, troubles }));
};

/** Rights, flags and mounts that would stop a merge in its middle stop it before its first write. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MergeOptions } from '../../domain/merge-job/events.js';
import { isLong } from '../budget.js';
import { merge, productPorts } from '../product/product.js';
import { resultOf, run } from './built-program.js';
import { attributesOf, giveAttributes } from './rights-attributes.js';
import { SPACE_CHAINS } from './space-chains.js';
import { describeWithMounts, sha256Of, withExt4, withTmpfs } from './space-mounts.js';

const MIB = 1024 * 1024;
const NOBODY = { uid: 65534, gid: 65534 } as const;

type Paths = { readonly source: string; readonly destination: string; readonly grandchild: string };
type Obstacle = {
  readonly title: string;
  readonly retire?: MergeOptions['retire'];
  readonly onlyVhdx?: true;
  readonly raise: (paths: Paths) => readonly [command: string, ...words: string[]];
  readonly at: (paths: Paths) => string;
  readonly found: string;
};

const flag =
  (sign: 'i' | 'a', of: (paths: Paths) => string): Obstacle['raise'] =>
  (paths) => ['chattr', `+${sign}`, of(paths)];
const folderOf = ({ source }: Paths): string => dirname(source);

const OBSTACLES: readonly Obstacle[] = [
  {
    title: 'an immutable destination',
    raise: flag('i', (p) => p.destination),
    at: (p) => p.destination,
    found: 'immutable flag',
  },
  {
    title: 'a destination that can only be appended to',
    raise: flag('a', (p) => p.destination),
    at: (p) => p.destination,
    found: 'append-only flag',
  },
  {
    title: 'a direct child whose link must follow, but can only be appended to',
    onlyVhdx: true,
    raise: flag('a', (p) => p.source),
    at: (p) => p.source,
    found: 'append-only flag',
  },
  {
    title: 'an immutable child of the source',
    raise: flag('i', (p) => p.grandchild),
    at: (p) => p.grandchild,
    found: 'immutable flag',
  },
  {
    title: 'an immutable source that is to be deleted',
    retire: 'delete',
    raise: flag('i', (p) => p.source),
    at: (p) => p.source,
    found: 'immutable flag',
  },
  {
    title: 'an immutable folder whose source is to be renamed',
    retire: 'quarantine',
    raise: flag('i', folderOf),
    at: (p) => p.source,
    found: 'immutable flag',
  },
  {
    title: 'a folder that can only be added to, whose source is to be deleted',
    retire: 'delete',
    raise: flag('a', folderOf),
    at: (p) => p.source,
    found: 'append-only flag',
  },
  {
    title: 'a mount that is read-only',
    raise: (p) => ['mount', '-o', 'remount,ro', mountOf(p)],
    at: (p) => p.destination,
    found: 'read-only',
  },
];

/** In `npm test` what both formats have alike is asked of VHD only. */
const isAsked = (onlyVhdx: boolean, title: string): boolean =>
  title.includes('VHDX') ? onlyVhdx || isLong : !onlyVhdx;

const mountOf = (paths: Paths): string => dirname(folderOf(paths));

/** A chain in a folder of its own, with a copy of the source as a child of it where the format allows that cheaply. */
const written = async (folder: string, { write }: (typeof SPACE_CHAINS)[number]): Promise<Paths> => {
  const disks = join(folder, 'disks');
  mkdirSync(disks);
  const { source, destination } = write(disks);
  const grandchild = source.replace(/(\.vhdx?)$/, '-child$1');
  const made = await run(['diff', grandchild, source]);
  if (made.code !== 0) throw new Error(`diff: ${made.stderr}`);
  return { source, destination, grandchild };
};

const looks = (folder: string): unknown =>
  readdirSync(folder)
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { mtimeNs, ctimeNs, size } = statSync(path, { bigint: true });
      return { name, mtimeNs, ctimeNs, size, sha256: sha256Of(path) };
    });

describeWithMounts('a merge on ext4', () => {
  describe.each(SPACE_CHAINS.filter(({ title }) => !title.includes('fixed')))('into $title', (chain) => {
    test('is refused for what would stop it later, with the file named and every file as it was', () =>
      withExt4(48 * MIB, async (folder) => {
        const paths = await written(folder, chain);
        for (const obstacle of OBSTACLES.filter(({ onlyVhdx }) => isAsked(onlyVhdx === true, chain.title))) {
          const [command, ...words] = obstacle.raise(paths);
          execFileSync(command, words);
          const before = looks(folderOf(paths));
          try {
            const merged = await merge(productPorts(), paths.source, paths.destination, {
              retire: obstacle.retire ?? 'keep',
            });
            expect({ title: obstacle.title, merged }).toMatchObject({
              title: obstacle.title,
              merged: { answer: 'refused', error: { kind: 'access-denied', path: obstacle.at(paths) } },
            });
            expect('error' in merged ? merged.error.message : '').toContain(obstacle.found);
            expect(looks(folderOf(paths))).toEqual(before);
          } finally {
            execFileSync(
              command,
              words.map((word) => word.replace(/^\+/, '-').replace('remount,ro', 'remount,rw')),
            );
          }
        }
      }));
  });
});

describeWithMounts('a merge that has ended', () => {
  const mounts = [
    ['tmpfs', withTmpfs],
    ['ext4', withExt4],
  ] as const;
  test.each(isLong ? mounts : mounts.slice(0, 1))(
    'on %s has changed neither owner, mode, ACL, attributes nor flags of any file',
    (_name, withMount) =>
      withMount(64 * MIB, async (folder) => {
        for (const chain of SPACE_CHAINS.filter(({ title }) => !title.includes('fixed'))) {
          const home = join(folder, chain.title.replaceAll(' ', '-'));
          mkdirSync(home);
          const paths = await written(home, chain);
          const files = [paths.source, paths.destination, paths.grandchild];
          giveAttributes(...files);
          if (withMount === withExt4) execFileSync('chattr', ['+d', ...files]);
          const before = files.map(attributesOf);
          const merged = await merge(productPorts(), paths.source, paths.destination, { retire: 'quarantine' });
          expect(merged).toMatchObject({ answer: 'ran', outcome: { outcome: 'completed' } });
          const quarantined = readdirSync(folderOf(paths)).find((name) => name.includes('.merged-'))!;
          const after = [join(folderOf(paths), quarantined), paths.destination, paths.grandchild].map(attributesOf);
          expect(after).toEqual(before);
        }
      }),
  );
});

/** As another user, who has a folder of his own for the journal. */
describeWithMounts('a merge by a user who lacks a right', () => {
  test('is refused with 32769, names the file, and leaves every file as it was', () =>
    withTmpfs(48 * MIB, async (folder) => {
      const chain = SPACE_CHAINS[0]!;
      const paths = await written(folder, chain);
      const home = join(folder, 'home');
      mkdirSync(home);
      chownSync(home, NOBODY.uid, NOBODY.gid);
      const all = [paths.source, paths.destination, paths.grandchild];
      const give = (path: string): void => chownSync(path, NOBODY.uid, NOBODY.gid);
      const cases = [
        { title: 'destination', at: paths.destination, take: () => chownSync(paths.destination, 0, 0), words: [] },
        { title: 'child', at: paths.grandchild, take: () => chownSync(paths.grandchild, 0, 0), words: [] },
        {
          title: 'source',
          at: paths.source,
          take: () => {
            chownSync(paths.source, 0, 0);
            chmodSync(paths.source, 0o600);
          },
          words: [],
        },
        { title: 'folder', at: paths.source, take: () => undefined, words: ['--retire', 'delete'] },
        {
          title: 'sticky folder',
          at: paths.source,
          take: () => {
            chmodSync(folderOf(paths), 0o1777);
            chownSync(paths.source, 0, 0);
          },
          words: ['--retire', 'quarantine'],
        },
      ];
      for (const { title, at, take, words } of cases) {
        all.forEach(give);
        all.forEach((path) => chmodSync(path, 0o644));
        take();
        const before = looks(folderOf(paths));
        const ended = await run(['merge', '--json', ...words, paths.source, paths.destination], {
          ...NOBODY,
          cwd: home,
          env: {
            PATH: process.env.PATH,
            HOME: home,
            CHAINFOLD_JOURNAL: `sqlite:${join(home, 'journal.db')}`,
            CHAINFOLD_KEY: join(home, 'key.pem'),
          },
        });
        expect({ title, code: ended.code, err: ended.stderr }).toMatchObject({ title, code: 3 });
        expect(resultOf(ended)).toMatchObject({ returnValue: 32769, error: { kind: 'access-denied', path: at } });
        expect(looks(folderOf(paths))).toEqual(before);
      }
    }));
});

/** FORMATS.md Part E, Chain: what no chain may be, whatever its files say of one another. */
import { describe, expect, test } from 'vitest';
import { allowedRoots } from '#application/chain/allowed-roots';
import { openChain } from '#application/chain/open-chain';
import { DEEPEST_CHAIN } from '#domain/chain/chain-rules';
import { FormatImages } from '../../infrastructure/disk-image/format-images.js';
import { childVhd, damagedVhd, dynamicVhd, inFooters, u32, type VhdDamage } from '../models/plain-vhd-damage.js';
import type { PlainImage } from '../models/plain-vhd.js';
import { child as childVhdx, damagedImage, nothing } from '../models/plain-vhdx-damage.js';
import { answerOf, countingFiles } from './hostile-file.js';

const NEW_GUID = 'c4a10f01-d000-4000-8000-0000000000bb';
const idOf = (n: number): string => `c4a10f01-d000-4000-8000-${n.toString(16).padStart(12, '0')}`;

/** A small child `n` of the disk `parent`, which lies beside it under that name. */
const link = (
  n: number,
  parent: number,
  fileName = `${parent}.vhd`,
  damage: VhdDamage | readonly VhdDamage[] = [],
): PlainImage =>
  damagedVhd(
    { ...childVhd, blocks: new Map(), uniqueId: idOf(n), parent: { uniqueId: idOf(parent), fileName, timeStamp: 1 } },
    damage,
  );
const bottom = (n: number): PlainImage => damagedVhd({ ...dynamicVhd, blocks: new Map(), uniqueId: idOf(n) });

/** What the chain from /vms/1.vhd on is answered with. */
const answerTo = async (contents: Readonly<Record<string, PlainImage>>): Promise<readonly [string, string]> => {
  const { files } = countingFiles();
  for (const [name, content] of Object.entries(contents)) files.put(`/vms/${name}`, content);
  const images = new FormatImages(files, 'posix', () => NEW_GUID);
  const path = '/vms/1.vhd';
  const chain = await openChain(path, await allowedRoots([path], { roots: [] }, files), { images, files });
  expect(files.calls).toEqual([]);
  if (chain.ok) {
    await chain.value.close();
    return [`${chain.value.images.length} images`, ''];
  }
  return [answerOf(chain.error), chain.error.hresult.toString(16)];
};

const deep = (links: number): Record<string, PlainImage> => ({
  ...Object.fromEntries(Array.from({ length: links }, (_, n) => [`${n + 1}.vhd`, link(n + 1, n + 2)])),
  [`${links + 1}.vhd`]: bottom(links + 1),
});

describe('a chain', () => {
  test.each<[what: string, contents: () => Readonly<Record<string, PlainImage>>, answer: string, hresult: string]>([
    ['that is sound', () => ({ '1.vhd': link(1, 2), '2.vhd': bottom(2) }), '2 images', ''],
    [
      `of ${DEEPEST_CHAIN} images, the deepest there may be`,
      () => deep(DEEPEST_CHAIN - 1),
      `${DEEPEST_CHAIN} images`,
      '',
    ],
    ['of one more', () => deep(DEEPEST_CHAIN), 'chain-too-deep', 'c03a001c'],
    ['whose leaf is its own parent', () => ({ '1.vhd': link(1, 1) }), 'chain-cycle', 'c03a0018'],
    [
      'that comes back after three',
      () => ({ '1.vhd': link(1, 2), '2.vhd': link(2, 3), '3.vhd': link(3, 1) }),
      'chain-cycle',
      'c03a0018',
    ],
    [
      'with a copy of a disk below itself, under another name',
      () => ({ '1.vhd': link(1, 2), '2.vhd': link(2, 1, 'copy.vhd'), 'copy.vhd': link(1, 9) }),
      'chain-cycle',
      'c03a0018',
    ],
    ['whose parent is not there', () => ({ '1.vhd': link(1, 2) }), 'parent-not-found', 'c03a000d'],
    [
      'whose parent has another id',
      () => ({ '1.vhd': link(1, 2), '2.vhd': bottom(3) }),
      'identity-mismatch',
      'c03a000e',
    ],
    [
      'whose parent has an id of zeros, as anyone can write it',
      () => ({
        '1.vhd': link(1, 2),
        '2.vhd': damagedVhd(
          dynamicVhd,
          inFooters((footer) => footer.fill(0, 68, 84)),
        ),
      }),
      'identity-mismatch',
      'c03a000e',
    ],
    [
      'whose parent is damaged',
      () => ({ '1.vhd': link(1, 2), '2.vhd': damagedVhd(dynamicVhd, inFooters(u32(9, 60))) }),
      'invalid-type',
      'c03a001b',
    ],
    [
      'whose parent is a VHDX with the right name',
      () => ({ '1.vhd': link(1, 2, '2.vhdx'), '2.vhdx': damagedImage(childVhdx, nothing) }),
      'identity-mismatch',
      'c03a000e',
    ],
    [
      'whose parent’s path leads out of its folder',
      () => ({ '1.vhd': link(1, 2, '..\\..\\etc\\shadow') }),
      'parent-not-found',
      'c03a000d',
    ],
  ])('%s', async (_, contents, answer, hresult) => {
    expect(await answerTo(contents())).toEqual([answer, hresult]);
  });
});

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { followChain, guestSha256 } from '../models/plain-vhd.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { qemuOrReason, qemuRawSha256 } from '../qemu.js';
import { resultOf, run } from './built-program.js';

/** Real chains, merged by the built program (CHAINFOLD_BIN); read by the program, by a reader of our own and by QEMU. */
describeWithCorpus('a merge of a chain that others wrote', (corpus) => {
  const scratch = scratchFolder();
  const guestHash = (name: string): string => corpus.image(name).guestSha256 ?? '';
  const unpacked = async (...names: string[]): Promise<readonly string[]> =>
    await corpus.unpack(names, mkdtempSync(join(scratch(), 'c-')));
  const merge = async (source: string, destination: string, ...more: string[]) =>
    await run(['merge', source, destination, '--journal', `${source}.journal`, '--json', ...more]);
  const digest = async (path: string): Promise<unknown> =>
    (JSON.parse((await run(['digest', path, '--json'])).stdout) as { sha256: string }).sha256;

  const expectGuest = async (path: string, name: string): Promise<void> => {
    expect(await digest(path)).toBe(guestHash(name));
    expect(guestSha256(followChain(path))).toBe(guestHash(name));
  };

  test('Windows: the differencing FAT disk into its fixed parent', async () => {
    const [child, parent] = await unpacked('fat-differential.vhd', 'fat-parent.vhd');
    expect(resultOf(await merge(child!, parent!))).toMatchObject({
      returnValue: 0,
      jobState: 7,
      hresult: 0,
      error: null,
    });
    await expectGuest(parent!, 'fat-differential.vhd');
    if (typeof qemuOrReason() !== 'string')
      expect(await qemuRawSha256(parent!)).toBe(guestHash('fat-differential.vhd'));
  });

  test('XenServer: the leaf into the base', async () => {
    const [leaf, , base] = await unpacked('xen-leaf.vhd', 'xen-mid.vhd', 'xen-base.vhd');
    expect(resultOf(await merge(leaf!, base!))).toMatchObject({ returnValue: 0 });
    await expectGuest(base!, 'xen-leaf.vhd');
    await expectGuest(leaf!, 'xen-leaf.vhd');
    if (typeof qemuOrReason() !== 'string') expect(await qemuRawSha256(base!)).toBe(guestHash('xen-leaf.vhd'));
  });

  test('XenServer: the leaf into the middle, which stays a differencing disk', async () => {
    const [leaf, mid] = await unpacked('xen-leaf.vhd', 'xen-mid.vhd', 'xen-base.vhd');
    expect(resultOf(await merge(leaf!, mid!, '--retire', 'delete'))).toMatchObject({ returnValue: 0 });
    await expectGuest(mid!, 'xen-leaf.vhd');
    expect(statSync(leaf!, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('XenServer: the middle into the base; the leaf gets the base as its parent and shows what it showed', async () => {
    const [leaf, mid, base] = await unpacked('xen-leaf.vhd', 'xen-mid.vhd', 'xen-base.vhd');
    expect(resultOf(await merge(mid!, base!, '--retire', 'quarantine'))).toMatchObject({ returnValue: 0 });
    await expectGuest(base!, 'xen-mid.vhd');
    await expectGuest(leaf!, 'xen-leaf.vhd');
    expect(followChain(leaf!).map((image) => image.source.path)).toEqual([leaf, base]);
  });

  test('XenServer: the middle into the base is refused with --reparent none, and no file is touched', async () => {
    const paths = await unpacked('xen-leaf.vhd', 'xen-mid.vhd', 'xen-base.vhd');
    const before = paths.map(fingerprint);
    const ended = await merge(paths[1]!, paths[2]!, '--reparent', 'none');
    expect([ended.code, resultOf(ended).returnValue]).toEqual([3, 32775]);
    expect(paths.map(fingerprint)).toEqual(before);
  });

  test('a disk with wrong checksums is refused, and no file is touched', async () => {
    const paths = await unpacked('image-differential.vhd', 'image.vhd');
    const before = paths.map(fingerprint);
    const ended = await merge(paths[0]!, paths[1]!);
    expect([ended.code, resultOf(ended)]).toMatchObject([3, { returnValue: 32768, hresult: 0xc03a0002, jobState: 10 }]);
    expect(paths.map(fingerprint)).toEqual(before);
  });

  describe('and other disks', () => {
    test.each(['ntfs-dynamic.vhd', 'fat-parent.vhd', 'xen-base.vhd'])('%s reads with its hash', async (name) => {
      const [path] = await unpacked(name);
      expect(await digest(path!)).toBe(guestHash(name));
    });

    test.each(['hyperv2012r2-dynamic.vhd', 'virtualpc-dynamic.vhd'])(
      '%s, 127 GiB and empty, is sound and takes a merge',
      async (name) => {
        const [path] = await unpacked(name);
        const child = `${path!}.child.vhd`;
        expect((await run(['validate', path!])).code).toBe(0);
        expect((await run(['diff', child, path!])).code).toBe(0);
        const before = (await run(['digest', path!, '--chunked'])).stdout.split(' ')[0];
        expect(resultOf(await merge(child, path!))).toMatchObject({ returnValue: 0, blocksMerged: 0 });
        expect((await run(['digest', path!, '--chunked'])).stdout.split(' ')[0]).toBe(before);
      },
    );
  });
});

/** Content, size and every time that a write would change. */
const fingerprint = (path: string): string => {
  const { mtimeNs, ctimeNs, size } = statSync(path, { bigint: true });
  return `${path} ${size} ${mtimeNs} ${ctimeNs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
};

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithCorpus } from '../corpus.js';
import { checkPlainVhdx, fatalVhdx } from '../models/plain-vhdx.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { resultOf, run } from './built-program.js';
import { expectDone, expectShows, fingerprint, mergeVhdx, modelDigest, programDigest } from './vhdx-judges.js';

/** VHDX images that others wrote, read and merged by the built program (CHAINFOLD_BIN). */
describeWithCorpus('VHDX images that others wrote', (corpus) => {
  const scratch = scratchFolder();
  const guestHash = (name: string): string => corpus.image(name).guestSha256 ?? '';
  const unpacked = async (...names: string[]): Promise<readonly string[]> =>
    await corpus.unpack(names, mkdtempSync(join(scratch(), 'c-')));
  const journal = (): string => join(mkdtempSync(join(scratch(), 'j-')), 'journal.db');

  test('Windows: the differencing NTFS disk into its fixed parent', async () => {
    const [child, parent] = (await unpacked('ntfs-differential.vhdx', 'ntfs-parent.vhdx')) as [string, string];
    const expected = guestHash('ntfs-differential.vhdx');
    expect([await programDigest(child), modelDigest(child)]).toEqual([expected, expected]);

    expectDone(await mergeVhdx(child, parent, journal()));

    await expectShows(parent, expected);
    await expectShows(child, expected);
  });

  test('Windows left a dirty log: it reads with its hash and not a byte changes', async () => {
    const [base] = (await unpacked('vhdx-log-replay.vhdx')) as [string];
    const before = fingerprint(base);
    const expected = guestHash('vhdx-log-replay.vhdx');
    expect([await programDigest(base), modelDigest(base)]).toEqual([expected, expected]);
    for (const command of ['inspect', 'chain', 'validate'])
      expect([command, (await run([command, base])).code]).toEqual([command, 0]);
    expect(fingerprint(base)).toBe(before);
  }, 120_000);

  test.each(['ntfs-fixed.vhdx', 'ntfs-parent.vhdx'])(
    '%s reads with its hash, is sound, and stays as it is',
    async (name) => {
      const [path] = (await unpacked(name)) as [string];
      const before = fingerprint(path);
      expect(checkPlainVhdx(path).filter(fatalVhdx)).toEqual([]);
      expect([await programDigest(path), modelDigest(path)]).toEqual([guestHash(name), guestHash(name)]);
      expect((await run(['validate', path])).code).toBe(0);
      expect(fingerprint(path)).toBe(before);
    },
    120_000,
  );

  test('the differencing NTFS disk without its parent is refused with the places where it was looked for', async () => {
    const [child] = (await unpacked('ntfs-differential.vhdx')) as [string];
    const before = fingerprint(child);
    const ended = await mergeVhdx(child, join(child, '..', 'ntfs-parent.vhdx'), journal());
    expect([ended.code, resultOf(ended).returnValue]).toEqual([3, 32779]);
    expect(fingerprint(child)).toBe(before);
  });
});

import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { followVhdxChain, NIL_GUID, openPlainVhdx, writePlainVhdx } from '../models/plain-vhdx.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { resultOf, run } from './built-program.js';
import { type Disks, identityOf, MIB, type Shown, specOf, viewOf, writeDisks } from './vhdx-disks.js';
import { expectDone, expectShows, fingerprint, fingerprints, mergeVhdx, sha256 } from './vhdx-judges.js';

/** Who is whose parent before, during and after a merge by the built program (CHAINFOLD_BIN). */

const SIZE = 4 * MIB;
const M = 2048;
/** A child of `source`'s place in the chain: disk 0 is the source's child, 1 the source, 2 the middle, 3 the base. */
const FOUR: Disks = {
  sectorBytes: 512,
  layers: [
    { type: 'differencing', sizeBytes: SIZE, blockMib: 1, data: [[3 * M, 4]] },
    { type: 'differencing', sizeBytes: SIZE, blockMib: 1, data: [[2 * M, 4]] },
    { type: 'differencing', sizeBytes: SIZE, blockMib: 2, data: [[M, 4]] },
    { type: 'dynamic', sizeBytes: SIZE, blockMib: 2, data: [[0, 4]] },
  ],
};
const shownBy = (layer: number): string =>
  sha256(
    viewOf(
      SIZE,
      512,
      [3, 2, 1, 0].filter((n) => n >= layer).map((n): Shown => [(3 - n) * M, 4, n]),
    ),
  );

type Four = {
  readonly folder: string;
  readonly journal: string;
  readonly paths: readonly [string, string, string, string];
};

describe('the links of a VHDX chain', { timeout: 120_000 }, () => {
  const scratch = scratchFolder();

  const four = (): Four => {
    const folder = mkdtempSync(join(scratch(), 'l-'));
    const paths = writeDisks(folder, FOUR) as Four['paths'];
    return { folder, paths, journal: join(mkdtempSync(join(scratch(), 'j-')), 'journal.db') };
  };

  test('a leaf merged through the middle into the base: the middle accepts the new base and keeps its own identity', async () => {
    const { journal, paths } = four();
    const [leaf, source, middle, base] = paths;
    expectDone(await mergeVhdx(leaf, base, journal));

    const [now, below] = [openPlainVhdx(middle), openPlainVhdx(base)];
    expect(now.dataWriteGuid).toBe(identityOf(2));
    expect(now.parent?.linkages).toEqual([below.dataWriteGuid]);
    expect(below.dataWriteGuid).not.toBe(identityOf(3));
    expect(now.fileWriteGuid).not.toBe('f11e0000-0000-4000-8000-000000000002');
    // The two above the middle were read only.
    expect(openPlainVhdx(source).dataWriteGuid).toBe(identityOf(1));
    expect(openPlainVhdx(source).headers.map((header) => header?.sequenceNumber)).toEqual([10n, 11n]);
    await expectShows(base, shownBy(0));
    await expectShows(leaf, shownBy(0));
  });

  test('the sources above the direct child are not touched', async () => {
    const { journal, paths } = four();
    const before = [paths[0], paths[1]].map(fingerprint);
    expectDone(await mergeVhdx(paths[0], paths[3], journal));
    expect([paths[0], paths[1]].map(fingerprint)).toEqual(before);
  });

  test('a source that is no leaf: its child gets the destination as its parent and shows what it showed', async () => {
    const { journal, paths } = four();
    const [child, source, middle, base] = paths;
    expectDone(await mergeVhdx(source, base, journal));

    await expectShows(base, shownBy(1));
    await expectShows(source, shownBy(1));
    await expectShows(child, shownBy(0));
    expect(followVhdxChain(child).map((image) => image.source.path)).toEqual([child, base]);
    const now = openPlainVhdx(child);
    expect(now.dataWriteGuid).toBe(identityOf(0));
    const pairs = Object.fromEntries(now.parent!.pairs.map(({ key, value }) => [key, value]));
    expect(pairs.parent_linkage).toBe(`{${openPlainVhdx(base).dataWriteGuid}}`);
    expect(pairs.parent_linkage2 ?? `{${NIL_GUID}}`).toBe(`{${NIL_GUID}}`);
    expect(pairs.relative_path).toMatch(/^(\.\\)?disk-3\.vhdx$/);
    expect(existsSync(middle)).toBe(true);
  });

  test('a source that is no leaf, with --reparent none: refused, and no file is touched', async () => {
    const { folder, journal, paths } = four();
    const before = fingerprints(folder);
    const ended = await mergeVhdx(paths[1], paths[3], journal, '--reparent', 'none');
    expect([ended.code, resultOf(ended)]).toMatchObject([
      3,
      { returnValue: 32775, error: { kind: 'children-present' } },
    ]);
    expect(fingerprints(folder)).toEqual(before);
  });

  test('siblings stop the merge, each by its name; allowed, it goes on', async () => {
    const { folder, journal, paths } = four();
    const sibling = join(folder, 'sibling.vhdx');
    // Another child of the base, one of its own identity.
    writePlainVhdx(sibling, { ...specOf(FOUR, 2), dataWriteGuid: identityOf(9) });
    const before = fingerprints(folder);
    const refused = await mergeVhdx(paths[0], paths[3], journal);
    expect([refused.code, resultOf(refused)]).toMatchObject([
      3,
      { returnValue: 32775, hresult: 0xc03a001c, error: { kind: 'siblings-present' } },
    ]);
    expect(refused.stderr).toContain(sibling);
    expect(fingerprints(folder)).toEqual(before);
    const planned = await run(['plan', paths[0], paths[3], '--journal', journal, '--json']);
    expect([planned.code, JSON.parse(planned.stdout)]).toMatchObject([3, { refusal: { kind: 'siblings-present' } }]);
    expect(fingerprints(folder)).toEqual(before);

    expectDone(await mergeVhdx(paths[0], paths[3], journal, '--allow-sibling', sibling));
    await expectShows(paths[3], shownBy(0));
    // It lost its parent, and says so instead of showing what its parent shows now.
    expect((await run(['digest', sibling])).code).not.toBe(0);
  });

  test.each(['quarantine', 'delete'])(
    '--retire %s takes the merged images away, the destination shows all',
    async (retire) => {
      const { folder, journal, paths } = four();
      expectDone(await mergeVhdx(paths[0], paths[3], journal, '--retire', retire));
      for (const merged of paths.slice(0, 3)) expect(existsSync(merged)).toBe(false);
      const left = readdirSync(folder).length;
      expect(left).toBe(retire === 'delete' ? 1 : 4);
      await expectShows(paths[3], shownBy(0));
    },
  );

  test('the same merge again is answered from the journal; an older source is superseded', async () => {
    const { folder, journal, paths } = four();
    const [leaf, source, , base] = paths;
    const first = expectDone(await mergeVhdx(leaf, base, journal));
    const before = fingerprints(folder);

    const again = expectDone(await mergeVhdx(leaf, base, journal));
    expect(again).toMatchObject({ jobId: first.jobId, blocksMerged: first.blocksMerged, blocksRedone: 0 });
    const superseded = await mergeVhdx(source, base, journal);
    expect([superseded.code, resultOf(superseded)]).toMatchObject([
      3,
      { returnValue: 32775, error: { kind: 'source-superseded' } },
    ]);
    expect(fingerprints(folder)).toEqual(before);
  });

  test('a base that someone else has changed since the child was made is refused', async () => {
    const { folder, journal, paths } = four();
    writePlainVhdx(paths[3], { ...specOf(FOUR, 3), dataWriteGuid: identityOf(8) });
    const before = fingerprints(folder);
    const ended = await mergeVhdx(paths[0], paths[3], journal);
    expect([ended.code, resultOf(ended)]).toMatchObject([3, { returnValue: 32775, hresult: 0xc03a000e }]);
    expect(fingerprints(folder)).toEqual(before);
  });
});

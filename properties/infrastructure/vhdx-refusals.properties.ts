import { chmodSync, chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writePlainVhd } from '../models/plain-vhd.js';
import { INCOMPLETE, type PlainVhdxSpec, writePlainVhdx } from '../models/plain-vhdx.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { resultOf, run } from './built-program.js';
import { type Disks, identityOf, MIB, specOf, writeDisks } from './vhdx-disks.js';
import { fingerprints, mergeVhdx } from './vhdx-judges.js';

/** VHDX that cannot be merged, given to the built program (CHAINFOLD_BIN): its code, its HRESULT, a sentence, and no file touched. */

const DISKS: Disks = {
  sectorBytes: 512,
  layers: [
    { type: 'differencing', sizeBytes: 3 * MIB, blockMib: 1, data: [[0, 4]] },
    { type: 'dynamic', sizeBytes: 3 * MIB, blockMib: 1, data: [[0, 2048]] },
  ],
};
const [CHILD, BASE] = [specOf(DISKS, 0), specOf(DISKS, 1)];

type Case = {
  readonly title: string;
  readonly returnValue: number;
  readonly hresult: number;
  readonly says: RegExp;
  readonly child?: Partial<PlainVhdxSpec>;
  readonly base?: Partial<PlainVhdxSpec>;
  /** Damage done to the files. */
  readonly damage?: (child: string, base: string) => void;
};

const unknown = { itemId: '5eb0bb01-0000-4000-8000-000000000001', bytes: Buffer.from('?'), isRequired: true };

const CASES: readonly Case[] = [
  {
    title: 'an unknown required item in the child',
    returnValue: 32768,
    hresult: 0xc03a0005,
    says: /5eb0bb01/,
    child: { items: [unknown] },
  },
  {
    title: 'an unknown required item in the base',
    returnValue: 32768,
    hresult: 0xc03a0005,
    says: /5eb0bb01/,
    base: { items: [unknown] },
  },
  {
    title: 'an unknown required region',
    returnValue: 32768,
    hresult: 0xc03a0005,
    says: /unknown-required-region/,
    base: { regions: [{ guid: '5eb0bb02-0000-4000-8000-000000000002', lengthMib: 1, required: true }] },
  },
  {
    title: 'a base whose making was not completed',
    returnValue: 32768,
    hresult: 0xc03a001c,
    says: /incomplete-file/,
    base: { items: [INCOMPLETE] },
  },
  {
    title: 'a child whose making was not completed',
    returnValue: 32768,
    hresult: 0xc03a001c,
    says: /incomplete-file/,
    child: { items: [INCOMPLETE] },
  },
  { title: 'a base without a log', returnValue: 32770, hresult: 0x80070032, says: /log/, base: { logMib: 0 } },
  { title: 'a direct child without a log', returnValue: 32770, hresult: 0x80070032, says: /log/, child: { logMib: 0 } },
  {
    title: 'sectors of another size',
    returnValue: 32770,
    hresult: 0xc03a001d,
    says: /4096/,
    base: { logicalSectorBytes: 4096 },
  },
  {
    title: 'a parent with another identity',
    returnValue: 32775,
    hresult: 0xc03a000e,
    says: /Put the right parent there/,
    base: { dataWriteGuid: identityOf(7) },
  },
  {
    title: 'both headers damaged',
    returnValue: 32768,
    hresult: 0xc03a0006,
    says: /header/,
    damage: (_, base) => {
      flip(base, 64 * 1024 + 100);
      flip(base, 128 * 1024 + 100);
    },
  },
  {
    title: 'both region tables damaged',
    returnValue: 32768,
    hresult: 0xc03a0008,
    says: /region/,
    damage: (_, base) => {
      flip(base, 192 * 1024 + 20);
      flip(base, 256 * 1024 + 20);
    },
  },
  {
    title: 'a parent locator that is damaged',
    returnValue: 32768,
    hresult: 0xc03a0008,
    says: /parent locator/,
    damage: (child) => {
      flip(child, readFileSync(child).indexOf(Buffer.from('b7ef4ab09ed1814ab789', 'hex')));
    },
  },
  {
    title: 'a file cut off in a block',
    returnValue: 32768,
    hresult: 0xc03a000a,
    says: /block/i,
    damage: (_, base) => {
      writeFileSync(base, readFileSync(base).subarray(0, -5000));
    },
  },
];

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(path, bytes);
};

describe('a VHDX merge is refused, and no file is touched', { timeout: 60_000 }, () => {
  const scratch = scratchFolder();
  const folders = (): { readonly folder: string; readonly journal: string } => ({
    folder: mkdtempSync(join(scratch(), 'bad-')),
    journal: join(mkdtempSync(join(scratch(), 'j-')), 'journal.db'),
  });

  test.each(CASES.map((given) => [given.title, given] as const))('%s', async (_, given) => {
    const { returnValue, hresult, says, child, base, damage } = given;
    const { folder, journal } = folders();
    const paths = [join(folder, 'disk-0.vhdx'), join(folder, 'disk-1.vhdx')] as const;
    writePlainVhdx(paths[0], { ...CHILD, ...child } as PlainVhdxSpec);
    writePlainVhdx(paths[1], {
      ...BASE,
      ...base,
      ...(base?.logicalSectorBytes === 4096 ? { payload: new Map() } : {}),
    } as PlainVhdxSpec);
    damage?.(paths[0], paths[1]);
    const before = fingerprints(folder);

    const planned = await run(['plan', paths[0], paths[1], '--journal', journal, '--json']);
    expect(planned.code, planned.stderr).toBe(3);
    const ended = await mergeVhdx(paths[0], paths[1], journal);

    const result = resultOf(ended);
    expect([ended.code, result], ended.stderr).toMatchObject([3, { returnValue, hresult, jobState: 10 }]);
    expect((result.error as { message: string }).message).toMatch(says);
    expect(fingerprints(folder)).toEqual(before);
  });

  test('a VHD child of a VHDX, and a VHDX child of a VHD', async () => {
    const { folder, journal } = folders();
    const vhd = {
      dialect: 'windows',
      sizeBytes: 3 * MIB,
      blockSizeBytes: MIB,
      timeStamp: 7,
      blocks: new Map(),
    } as const;
    const [vhdChild, vhdBase] = [join(folder, 'child.vhd'), join(folder, 'base.vhd')];
    writePlainVhd(vhdChild, {
      ...vhd,
      type: 'differencing',
      uniqueId: identityOf(3),
      parent: { uniqueId: identityOf(1), fileName: 'disk-1.vhdx', timeStamp: 7 },
    });
    writePlainVhd(vhdBase, { ...vhd, type: 'dynamic', uniqueId: identityOf(4) });
    const vhdxBase = join(folder, 'disk-1.vhdx');
    const vhdxChild = join(folder, 'disk-0.vhdx');
    writePlainVhdx(vhdxBase, BASE);
    writePlainVhdx(vhdxChild, {
      ...CHILD,
      parent: { dataWriteGuid: identityOf(4), fileName: 'base.vhd' },
    } as PlainVhdxSpec);
    const before = fingerprints(folder);
    for (const [source, destination] of [
      [vhdChild, vhdxBase],
      [vhdxChild, vhdBase],
    ] as const) {
      const ended = await mergeVhdx(source, destination, journal);
      expect([ended.code, resultOf(ended)], ended.stderr).toMatchObject([
        3,
        { returnValue: 32770, error: { kind: 'mixed-formats' } },
      ]);
    }
    expect(fingerprints(folder)).toEqual(before);
  });

  test.runIf(process.getuid?.() === 0)('a direct child that this user may not write: 32769', async () => {
    const { folder, journal } = folders();
    const [child, base] = writeDisks(folder, DISKS) as [string, string];
    for (const path of [scratch(), folder]) chmodSync(path, 0o755);
    chmodSync(child, 0o644);
    chmodSync(base, 0o666);
    const own = join(journal, '..');
    chownSync(own, 65534, 65534);
    const before = fingerprints(folder);
    const ended = await run(['merge', child, base, '--journal', journal, '--json'], {
      uid: 65534,
      gid: 65534,
      cwd: own,
      env: { ...process.env, CHAINFOLD_KEY: join(own, 'key.pem') },
    });
    expect([ended.code, resultOf(ended)], ended.stderr).toMatchObject([3, { returnValue: 32769 }]);
    expect((resultOf(ended).error as { path: string }).path).toBe(child);
    expect(fingerprints(folder)).toEqual(before);
  });
});

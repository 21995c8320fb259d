import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writePlainVhd, type PlainBlock } from '../models/plain-vhd.js';
import { vhdChecksum } from '../models/plain-vhd-layout.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { resultOf, run } from './built-program.js';

/** Bad input, given to the built program (CHAINFOLD_BIN): its code, its HRESULT, a sentence to act on, and no file touched. */

const BLOCK_BYTES = 4096;
const SIZE_BYTES = 10 * BLOCK_BYTES;
const block = (fill: number): PlainBlock => ({
  bits: Array.from({ length: 8 }, () => true),
  data: new Uint8Array(BLOCK_BYTES).fill(fill),
});

type Chain = { readonly folder: string; readonly base: string; readonly child: string };

const id = (n: number): string => `bbbbbbbb-0000-4000-8000-00000000000${n}`;

const chainIn = (folder: string): Chain => {
  const common = { dialect: 'windows', sizeBytes: SIZE_BYTES, blockSizeBytes: BLOCK_BYTES, timeStamp: 7 } as const;
  const base = join(folder, 'base.vhd');
  const child = join(folder, 'child.vhd');
  writePlainVhd(base, {
    ...common,
    type: 'dynamic',
    uniqueId: id(1),
    blocks: new Map([
      [0, block(1)],
      [3, block(2)],
    ]),
  });
  const parent = { uniqueId: id(1), fileName: 'base.vhd', timeStamp: 7 };
  writePlainVhd(child, {
    ...common,
    type: 'differencing',
    uniqueId: id(2),
    parent,
    blocks: new Map([
      [0, block(3)],
      [1, block(4)],
    ]),
  });
  return { folder, base, child };
};

/** Changes bytes of a file; offsets from the start, or from the end when negative. */
const patch = (path: string, at: number, bytes: Uint8Array): void => {
  const content = readFileSync(path);
  content.set(bytes, at < 0 ? content.length + at : at);
  writeFileSync(path, content);
};

const u32be = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);

/** Changes a 32-bit field of the dynamic header at 512 and makes its checksum right again, so that only the value is wrong. */
const patchHeader = (path: string, field: number, value: number): void => {
  patch(path, 512 + field, u32be(value));
  const header = readFileSync(path).subarray(512, 1536);
  patch(path, 512 + 36, u32be(vhdChecksum(header, 36)));
};

const tableOf = (path: string): number => Number(readFileSync(path).readBigUInt64BE(512 + 16));

type Case = {
  readonly title: string;
  readonly returnValue: number;
  readonly hresult?: number;
  /** Makes the damage; returns the arguments when they are not child and base. */
  readonly make: (chain: Chain) => readonly [string, string] | undefined;
  readonly says: RegExp;
};

const given =
  (damage: (chain: Chain) => void): Case['make'] =>
  (chain) => {
    damage(chain);
    return undefined;
  };

const CASES: readonly Case[] = [
  {
    title: 'a source that is not there',
    returnValue: 32779,
    make: ({ folder, base }) => [join(folder, 'none.vhd'), base],
    says: /Check the path/,
  },
  {
    title: 'a destination that is not there',
    returnValue: 32779,
    make: ({ folder, child }) => [child, join(folder, 'none.vhd')],
    says: /Check the path/,
  },
  {
    title: 'a folder that is not there',
    returnValue: 32779,
    make: ({ base }) => ['/no/such/folder/child.vhd', base],
    says: /Check the path/,
  },
  { title: 'a relative source', returnValue: 32773, make: ({ base }) => ['child.vhd', base], says: /absolute path/ },
  {
    title: 'a relative destination',
    returnValue: 32773,
    make: ({ child }) => [child, './base.vhd'],
    says: /absolute path/,
  },
  { title: 'an empty path', returnValue: 32773, make: ({ base }) => ['', base], says: /empty/ },
  { title: 'one path twice', returnValue: 32773, make: ({ child }) => [child, child], says: /same file/ },
  {
    title: 'a destination above the source',
    returnValue: 32770,
    make: ({ child, base }) => [base, child],
    says: /no parent to merge into/,
  },
  {
    title: 'a destination outside the chain',
    returnValue: 32773,
    make: ({ folder, child }) => {
      writePlainVhd(join(folder, 'other.vhd'), {
        dialect: 'windows',
        type: 'dynamic',
        sizeBytes: SIZE_BYTES,
        blockSizeBytes: BLOCK_BYTES,
        timeStamp: 1,
        uniqueId: id(9),
        blocks: new Map(),
      });
      return [child, join(folder, 'other.vhd')];
    },
    says: /not an ancestor/,
  },
  {
    title: 'a source that is no virtual disk',
    returnValue: 32770,
    make: given(({ child }) => {
      writeFileSync(child, 'not a disk at all'.repeat(200));
    }),
    says: /no virtual hard disk/,
  },
  {
    title: 'a source that is an empty file',
    returnValue: 32770,
    make: given(({ child }) => {
      writeFileSync(child, '');
    }),
    says: /./,
  },
  {
    title: 'a source that is a folder',
    returnValue: 32770,
    make: given(({ child }) => {
      rmSync(child);
      mkdirSync(child);
    }),
    says: /./,
  },
  {
    title: 'a source that is a FIFO',
    returnValue: 32770,
    make: given(({ child }) => {
      rmSync(child);
      execFileSync('mkfifo', [child]);
    }),
    says: /./,
  },
  {
    title: 'a parent with another identity',
    returnValue: 32775,
    hresult: 0xc03a000e,
    make: given(({ base }) => {
      writePlainVhd(base, {
        dialect: 'windows',
        type: 'dynamic',
        sizeBytes: SIZE_BYTES,
        blockSizeBytes: BLOCK_BYTES,
        timeStamp: 7,
        uniqueId: id(5),
        blocks: new Map(),
      });
    }),
    says: /Put the right parent there/,
  },
  {
    title: 'a parent that is not there: every path tried is named',
    returnValue: 32779,
    hresult: 0xc03a000d,
    make: ({ folder, base, child }) => {
      copyFileSync(base, join(folder, 'elsewhere.bin'));
      rmSync(base);
      return [child, join(folder, 'elsewhere.bin')];
    },
    says: /base\.vhd \(W2ru: nothing is there\)/,
  },
  {
    title: 'a chain that comes back to itself',
    returnValue: 32775,
    hresult: 0xc03a0018,
    make: given(({ base }) => {
      const parent = { uniqueId: id(2), fileName: 'child.vhd', timeStamp: 7 };
      writePlainVhd(base, {
        dialect: 'windows',
        type: 'differencing',
        sizeBytes: SIZE_BYTES,
        blockSizeBytes: BLOCK_BYTES,
        timeStamp: 7,
        uniqueId: id(1),
        parent,
        blocks: new Map(),
      });
    }),
    says: /comes back/,
  },
  {
    title: 'a parent of another size',
    returnValue: 32775,
    hresult: 0xc03a0017,
    make: given(({ base }) => {
      writePlainVhd(base, {
        dialect: 'windows',
        type: 'dynamic',
        sizeBytes: SIZE_BYTES + 512,
        blockSizeBytes: BLOCK_BYTES,
        timeStamp: 7,
        uniqueId: id(1),
        blocks: new Map(),
      });
    }),
    says: /one size/,
  },
  {
    title: 'a footer with a wrong checksum, both copies',
    returnValue: 32768,
    hresult: 0xc03a0002,
    make: given(({ base }) => {
      patch(base, 60, u32be(0x77));
      patch(base, -512 + 60, u32be(0x77));
    }),
    says: /checksum/,
  },
  {
    title: 'a header with a wrong checksum',
    returnValue: 32768,
    hresult: 0xc03a0006,
    make: given(({ child }) => {
      patch(child, 512 + 40, u32be(1));
    }),
    says: /checksum/,
  },
  {
    title: 'a BAT that the file ends in',
    returnValue: 32768,
    hresult: 0xc03a000a,
    make: given(({ base }) => {
      patchHeader(base, 28, 0x7fffffff);
    }),
    says: /BAT|table/i,
  },
  {
    title: 'a BAT shorter than the disk',
    returnValue: 32768,
    hresult: 0xc03a000a,
    make: given(({ base }) => {
      patchHeader(base, 28, 2);
    }),
    says: /BAT|table/i,
  },
  {
    title: 'a BAT entry past the end of the file',
    returnValue: 32768,
    hresult: 0xc03a000a,
    make: given(({ base }) => {
      patch(base, tableOf(base), u32be(0x00ffffff));
    }),
    says: /block 0/,
  },
  {
    title: 'two blocks in one place',
    returnValue: 32768,
    hresult: 0xc03a000a,
    make: given(({ base }) => {
      patch(base, tableOf(base), readFileSync(base).subarray(tableOf(base) + 12, tableOf(base) + 16));
    }),
    says: /overlap|block 0/i,
  },
  {
    title: 'a file cut off in a block',
    returnValue: 32768,
    make: given(({ base }) => {
      truncateSync(base, lstatSync(base).size - 5000);
    }),
    says: /./,
  },
  {
    title: 'a block size of zero',
    returnValue: 32768,
    hresult: 0xc03a000b,
    make: given(({ child }) => {
      patchHeader(child, 32, 0);
    }),
    says: /block-size/,
  },
];

describe('bad input', () => {
  const scratch = scratchFolder();

  test.each(CASES)(
    '$title is refused with $returnValue, and no file is touched',
    async ({ returnValue, hresult, make, says }) => {
      const chain = chainIn(mkdtempSync(join(scratch(), 'bad-')));
      const [source, destination] = make(chain) ?? [chain.child, chain.base];
      const before = fingerprints(chain.folder);
      const journal = join(scratch(), 'journal', 'journal.db');
      const ended = await run(['merge', source, destination, '--journal', journal, '--json'], { cwd: chain.folder });
      const result = resultOf(ended);
      expect({ code: ended.code, returnValue: result.returnValue, jobState: result.jobState }, ended.stderr).toEqual({
        code: 3,
        returnValue,
        jobState: 10,
      });
      if (hresult !== undefined) expect(result.hresult).toBe(hresult);
      expect((result.error as { message: string }).message).toMatch(says);
      expect(fingerprints(chain.folder)).toEqual(before);
    },
  );

  test.runIf(process.getuid?.() === 0)(
    'a file that this user may not write is refused with 32769, and no file is touched',
    async () => {
      const chain = chainIn(mkdtempSync(join(scratch(), 'bad-')));
      chmodSync(scratch(), 0o755);
      chmodSync(chain.folder, 0o755);
      chmodSync(chain.child, 0o644);
      chmodSync(chain.base, 0o644);
      const journals = mkdtempSync(join(scratch(), 'nobody-'));
      chownSync(journals, 65534, 65534);
      const before = fingerprints(chain.folder);
      const env = { ...process.env, CHAINFOLD_KEY: join(journals, 'key.pem') };
      const nobody = { uid: 65534, gid: 65534, cwd: journals, env };
      const words = ['merge', chain.child, chain.base, '--journal', join(journals, 'journal.db'), '--json'];
      const ended = await run(words, nobody);
      expect([ended.code, resultOf(ended)], ended.stderr).toMatchObject([3, { returnValue: 32769 }]);
      expect(fingerprints(chain.folder)).toEqual(before);

      chmodSync(chain.base, 0o600);
      const unreadable = await run(words, nobody);
      expect([unreadable.code, resultOf(unreadable)], unreadable.stderr).toMatchObject([3, { returnValue: 32769 }]);
    },
  );
});

/** Name, kind, size, times and content of everything in the folder. */
const fingerprints = (folder: string): readonly string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const stat = lstatSync(path, { bigint: true });
      const hash = stat.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'no file';
      return `${name} ${stat.mode} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${hash}`;
    });

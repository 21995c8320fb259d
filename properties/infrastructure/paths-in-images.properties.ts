import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { everythingIn, id, utf16, writeBase, writeChild, type StoredLocator } from './paths-chain.js';
import { printed } from './paths-cli.js';

/**
 * A parent locator is a path that an attacker wrote. One case for each way to abuse it, through `chain`, `plan` and `merge`: all
 * refuse, at once, and neither change a file nor show a byte of one that lies outside.
 */

const SECRET = 'root:$6$this-is-of-nobodys-business';

type Place = { readonly folder: string; readonly child: string; readonly base: string; readonly outside: string };

type Case = {
  readonly title: string;
  readonly locator: (place: Place) => StoredLocator;
  /** What lies beside the child, besides the base. */
  readonly make?: (place: Place) => unknown;
  readonly roots?: readonly string[];
  readonly says: RegExp;
};

const windows =
  (path: string, code: 'W2ru' | 'W2ku' = 'W2ku') =>
  (): StoredLocator => ({ code, payload: utf16(path) });
const url = (text: string | Buffer) => (): StoredLocator => ({ code: 'MacX', payload: Buffer.from(text) });
const NOT_FOUND = /cannot be found/;
const OUTSIDE = /outside of the allowed folders/;
const WINDOWS = /absolute Windows path.*Say where a Windows path lies here with --map/s;

const CASES: readonly Case[] = [
  { title: 'an absolute path to a secret', locator: windows('/etc/shadow'), says: OUTSIDE },
  { title: 'a relative path out of the folder', locator: windows('..\\outside\\secret', 'W2ru'), says: OUTSIDE },
  {
    title: '`..` up to the root and beyond',
    locator: windows(`${'..\\'.repeat(64)}etc\\shadow`, 'W2ru'),
    says: OUTSIDE,
  },
  { title: 'a URL to a secret', locator: url('file:///etc/shadow'), says: OUTSIDE },
  { title: 'a URL with a host', locator: url('file://host/etc/shadow'), says: NOT_FOUND },
  { title: 'a URL with `..` in percents', locator: url('file://./%2e%2e/outside/secret'), says: OUTSIDE },
  { title: 'a URL with slashes in percents', locator: url('file://.%2f..%2Foutside%2fsecret'), says: OUTSIDE },
  { title: 'a URL with a NUL in percents', locator: url('file://./secret%00.vhd'), says: NOT_FOUND },
  {
    title: 'a URL with overlong UTF-8 in percents',
    locator: url('file://./%c0%ae%c0%ae/outside/secret'),
    says: NOT_FOUND,
  },
  {
    title: 'a URL with overlong UTF-8',
    locator: url(
      Buffer.from([...Buffer.from('file://./'), 0xc0, 0xae, 0xc0, 0xae, 0xc0, 0xaf, ...Buffer.from('outside/secret')]),
    ),
    says: NOT_FOUND,
  },
  { title: 'a UNC path', locator: windows('\\\\attacker\\share\\p.vhd'), says: WINDOWS },
  { title: 'a UNC path of the other kind', locator: windows('\\\\?\\UNC\\attacker\\share\\p.vhd'), says: WINDOWS },
  { title: 'a drive', locator: windows('C:\\Windows\\p.vhd'), says: WINDOWS },
  { title: 'a device of Windows', locator: windows('\\\\.\\PhysicalDrive0'), says: /absolute Windows path/ },
  { title: 'a NUL', locator: windows('p\0.vhd', 'W2ru'), says: NOT_FOUND },
  { title: '64 KiB of path', locator: windows('\\a'.repeat(16_384).slice(1), 'W2ru'), says: /characters more/ },
  { title: 'a name of 32,768 characters', locator: windows('x'.repeat(32_768), 'W2ru'), says: /characters more/ },
  { title: 'lone surrogates', locator: windows('\ud800\udfff\udc2f..\udc2foutside', 'W2ru'), says: NOT_FOUND },
  {
    title: 'a folder',
    locator: windows('.\\sub', 'W2ru'),
    make: ({ folder }) => mkdirSync(join(folder, 'sub')),
    says: /no regular file/,
  },
  {
    title: 'a FIFO, which nobody opens at the other end',
    locator: windows('.\\fifo', 'W2ru'),
    make: ({ folder }) => execFileSync('mkfifo', [join(folder, 'fifo')]),
    says: /no regular file/,
  },
  {
    title: 'a socket',
    locator: windows('.\\socket', 'W2ru'),
    make: ({ folder }) => createServer().listen(join(folder, 'socket')).unref(),
    says: /no regular file/,
  },
  {
    title: 'a link to a secret',
    locator: windows('.\\link.vhd', 'W2ru'),
    make: ({ folder, outside }) => symlinkSync(join(outside, 'secret'), join(folder, 'link.vhd')),
    says: /leads out of the allowed folders/,
  },
  {
    title: 'a folder that is a link',
    locator: windows('.\\link\\secret', 'W2ru'),
    make: ({ folder, outside }) => symlinkSync(outside, join(folder, 'link')),
    says: /leads out of the allowed folders/,
  },
  {
    title: 'links in a circle',
    locator: windows('.\\circle', 'W2ru'),
    make: ({ folder }) => symlinkSync('circle', join(folder, 'circle')),
    says: /links lead in a circle/,
  },
  { title: 'a device', locator: windows('/dev/zero'), roots: ['/dev'], says: /no regular file/ },
  { title: 'the memory of the process', locator: windows('/proc/self/mem'), says: OUTSIDE },
];

const COMMANDS = ['chain', 'plan', 'merge'] as const;
type CommandName = (typeof COMMANDS)[number];

const wordsOf = (command: CommandName, { child, base }: Place, roots: readonly string[]): readonly string[] => [
  command,
  child,
  ...(command === 'chain' ? [] : [base, '--journal', 'memory:']),
  ...roots.flatMap((folder) => ['--root', folder]),
];

/** Opening what must not be opened may wait for ever. */
const LONGEST_MS = 5000;

const refusedByAll = async (place: Place, roots: readonly string[], exitCode = 3): Promise<string> => {
  const before = [...everythingIn(place.folder), ...everythingIn(place.outside)];
  let said = '';
  for (const command of COMMANDS) {
    const begun = performance.now();
    const { code, stdout, stderr } = await printed(...wordsOf(command, place, roots));
    expect(performance.now() - begun).toBeLessThan(LONGEST_MS);
    expect({ command, code, stderr }).toMatchObject({ code: exitCode });
    expect(stdout + stderr).not.toContain(SECRET.slice(0, 12));
    for (const line of stderr.trimEnd().split('\n')) expect(line).toMatch(/^chainfold: /);
    said = stderr;
  }
  expect([...everythingIn(place.folder), ...everythingIn(place.outside)]).toEqual(before);
  return said;
};

describe.skipIf(process.platform === 'win32')('a parent locator with', () => {
  const scratch = scratchFolder(folderInMemory());

  const placeOf = (): Place => {
    const root = mkdtempSync(join(scratch(), 'case-'));
    const [folder, outside] = [join(root, 'folder'), join(root, 'outside')];
    mkdirSync(folder);
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), `${SECRET}\n`.repeat(100));
    const base = join(folder, 'base.vhd');
    writeBase(base, id(1));
    return { folder, outside, base, child: join(folder, 'child.vhd') };
  };

  test.each(CASES)(
    '$title is refused, and nothing is touched or shown',
    async ({ locator, make, roots = [], says }) => {
      const place = placeOf();
      make?.(place);
      writeChild(place.child, { uniqueId: id(2), parentId: id(1), locator: locator(place) });
      expect(await refusedByAll(place, roots)).toMatch(says);
    },
  );

  test('the memory of this process, in a root that somebody allowed, is a file that cannot be read', async () => {
    const place = placeOf();
    writeChild(place.child, { uniqueId: id(2), parentId: id(1), locator: windows('/proc/self/mem')() });
    expect(await refusedByAll(place, ['/proc'], 1)).toMatch(/operating system/);
  });

  test('a disk outside that would be the right parent is not opened', async () => {
    const place = placeOf();
    copyFileSync(place.base, join(place.outside, 'base.vhd'));
    writeChild(place.child, { uniqueId: id(2), parentId: id(1), locator: windows('..\\outside\\base.vhd', 'W2ru')() });
    expect(await refusedByAll(place, [])).toMatch(OUTSIDE);
    expect((await printed('chain', place.child, '--root', place.outside)).code).toBe(0);
  });

  test.each([1, 2, 3])('a cycle of %i, by the files, is refused', async (length) => {
    const place = placeOf();
    const pathOf = (n: number): string =>
      n % length === 0 ? place.child : join(place.folder, `c${String(n % length)}.vhd`);
    for (let n = 0; n < length; n++) {
      const name = pathOf(n + 1).slice(place.folder.length + 1);
      const parentId = id(2 + ((n + 1) % length));
      writeChild(pathOf(n), { uniqueId: id(2 + n), parentId, locator: windows(`.\\${name}`, 'W2ru')() });
    }
    expect(await refusedByAll(place, [])).toMatch(/comes back to a disk that it already contains/);
  });

  test.each([1, 2, 3])('a cycle of %i, by identity over copies, is refused', async (length) => {
    const place = placeOf();
    const pathOf = (n: number): string => (n === 0 ? place.child : join(place.folder, `c${String(n)}.vhd`));
    for (let n = 0; n <= length; n++) {
      const locator = windows(`.\\c${String(n + 1)}.vhd`, 'W2ru')();
      writeChild(pathOf(n), { uniqueId: id(2 + (n % length)), parentId: id(2 + ((n + 1) % length)), locator });
    }
    expect(await refusedByAll(place, [])).toMatch(/comes back to a disk that it already contains/);
  });

  test('300 images, each over the next, are too deep, and refused as soon as that is seen', async () => {
    const place = placeOf();
    const uniqueId = (n: number): string => `bbbbbbbb-0000-4000-8001-${String(n).padStart(12, '0')}`;
    const pathOf = (n: number): string => (n === 0 ? place.child : join(place.folder, `c${String(n)}.vhd`));
    for (let n = 0; n < 300; n++) {
      const locator = windows(`.\\c${String(n + 1)}.vhd`, 'W2ru')();
      writeChild(pathOf(n), { uniqueId: uniqueId(n), parentId: uniqueId(n + 1), locator });
    }
    const { code, stderr } = await printed('chain', place.child);
    expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringMatching(/at most 256 images/) as string });
  });
});

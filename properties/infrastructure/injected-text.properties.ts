import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { vhdChecksum } from '../models/plain-vhd-layout.js';
import { writePlainVhdx } from '../models/plain-vhdx.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { id, utf16, writeBase, writeChild } from './paths-chain.js';
import { printed, type Printed } from './paths-cli.js';

/**
 * Strings of images and names of files are others' words. Whatever is in them, every command prints one clean line for each line that
 * it means, and NDJSON stays NDJSON.
 */

const FORGED = 'FORGED';
/** Line ends of all kinds, terminal controls of 7 and 8 bits, text turned round and hidden, quotes of shells, JSON and HTML. */
const EVIL = `\n${FORGED}\r${FORGED}\u0085${FORGED}\u2028${FORGED}\u2029\u001b[2J\u001b]0;x\u0007\u009b31m\u202e\u2066\u200b\ufeff\t"'\`\\$&<b>`;
const EVIL_TEXT = `${EVIL}</script><script>${FORGED}</script>\ud800\udc00\ud800.vhd`;
const HARMFUL =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/;
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const clean = (text: string): void => {
  expect(text).not.toMatch(HARMFUL);
  expect(text).not.toMatch(HALF);
  for (const line of text.split('\n')) expect(line.trimStart().startsWith(FORGED)).toBe(false);
};

/** A creator application of control characters, in both copies of the footer. */
const forgeCreator = (path: string): void => {
  const bytes = readFileSync(path);
  for (const footer of [bytes.subarray(0, 512), bytes.subarray(-512)]) {
    footer.write('\n\u001b[J', 28, 'latin1');
    footer.writeUInt32BE(0, 64);
    footer.writeUInt32BE(vhdChecksum(footer, 64), 64);
  }
  writeFileSync(path, bytes);
};

/** A child with such words in its parent locator, and in an item of user metadata. */
const writeEvilVhdx = (path: string): void => {
  const pairs = [
    { key: 'parent_linkage', value: `{${id(5)}}` },
    { key: 'relative_path', value: EVIL_TEXT },
    { key: 'absolute_win32_path', value: `C:\\${EVIL_TEXT}` },
    { key: EVIL_TEXT, value: EVIL_TEXT },
  ];
  writePlainVhdx(path, {
    dialect: 'windows',
    type: 'differencing',
    sizeBytes: MIB,
    blockSizeBytes: MIB,
    logicalSectorBytes: 512,
    payload: new Map(),
    dataWriteGuid: id(6),
    parent: { dataWriteGuid: id(5), fileName: '', pairs },
    items: [{ itemId: id(7), bytes: utf16(EVIL_TEXT), isUser: true }],
  });
};

const MIB = 1024 * 1024;

type World = {
  readonly child: string;
  readonly base: string;
  readonly orphan: string;
  readonly vhdx: string;
  readonly folder: string;
  readonly journal: string;
  readonly merged: Printed;
  readonly refused: Printed;
  readonly jobId: string;
};

type Command = {
  readonly name: string;
  readonly words: (world: World) => readonly string[];
  readonly code: number;
  readonly isJson?: true;
};

const COMMANDS: readonly Command[] = [
  ...(['child', 'base', 'orphan', 'vhdx'] as const).flatMap((image): readonly Command[] => [
    { name: `inspect ${image}`, words: (world) => ['inspect', world[image]], code: 0 },
    { name: `inspect ${image} --json`, words: (world) => ['inspect', world[image], '--json'], code: 0, isJson: true },
    { name: `validate ${image}`, words: (world) => ['validate', world[image]], code: 0 },
    { name: `validate ${image} --json`, words: (world) => ['validate', world[image], '--json'], code: 0, isJson: true },
  ]),
  { name: 'chain', words: ({ child }) => ['chain', child], code: 0 },
  { name: 'chain --json', words: ({ child }) => ['chain', child, '--json'], code: 0, isJson: true },
  { name: 'chain of an orphan', words: ({ orphan }) => ['chain', orphan], code: 3 },
  { name: 'chain of an orphaned VHDX', words: ({ vhdx }) => ['chain', vhdx], code: 3 },
  { name: 'digest', words: ({ child }) => ['digest', child], code: 0 },
  { name: 'digest --json', words: ({ child }) => ['digest', child, '--json'], code: 0, isJson: true },
  { name: 'plan', words: ({ child, base, journal }) => ['plan', child, base, '--journal', journal], code: 0 },
  {
    name: 'plan --json',
    words: ({ child, base, journal }) => ['plan', child, base, '--json', '--journal', journal],
    code: 0,
    isJson: true,
  },
  { name: 'plan of an orphan', words: ({ orphan, base }) => ['plan', orphan, base, '--journal', 'memory:'], code: 3 },
  {
    name: 'plan --json of an orphan',
    words: ({ orphan, base }) => ['plan', orphan, base, '--json', '--journal', 'memory:'],
    code: 3,
    isJson: true,
  },
  { name: 'merge again', words: ({ child, base, journal }) => ['merge', child, base, '--journal', journal], code: 0 },
  { name: 'merge of an orphan', words: ({ orphan, base }) => ['merge', orphan, base, '--journal', 'memory:'], code: 3 },
  { name: 'a path that is none', words: ({ folder }) => ['inspect', join(folder, EVIL)], code: 3 },
  {
    name: 'a root that is none',
    words: ({ folder, child }) => ['chain', child, '--root', join(folder, EVIL)],
    code: 2,
  },
  { name: 'a map that is none', words: ({ child }) => ['chain', child, '--map', EVIL], code: 2 },
  { name: 'a command that is none', words: () => [EVIL], code: 2 },
  { name: 'jobs', words: ({ journal }) => ['jobs', '--journal', journal], code: 0 },
  { name: 'jobs --json', words: ({ journal }) => ['jobs', '--journal', journal, '--json'], code: 0, isJson: true },
  ...(['show', 'watch', 'events', 'audit'] as const).flatMap((name): readonly Command[] => [
    { name, words: ({ jobId, journal }) => [name, jobId, '--journal', journal], code: 0 },
    {
      name: `${name} --json`,
      words: ({ jobId, journal }) => [name, jobId, '--journal', journal, '--json'],
      code: 0,
      isJson: true,
    },
  ]),
];

describe.skipIf(process.platform === 'win32')('words of others', () => {
  const scratch = scratchFolder(folderInMemory());
  let world: World;

  beforeAll(async () => {
    const folder = join(mkdtempSync(join(scratch(), 'injected-')), EVIL);
    mkdirSync(folder);
    const path = (name: string): string => join(folder, `${name}${EVIL}`);
    const [base, child, orphan, vhdx] = [path('base'), path('child'), path('orphan'), path('vhdx')];
    const journal = join(folder, 'journal.db');
    writeBase(base, id(1));
    writeChild(child, {
      uniqueId: id(2),
      parentId: id(1),
      // `\` is a separator in a path of Windows, and a part of a name in a URL.
      locator: { code: 'MacX', payload: Buffer.from(`file://./${encodeURIComponent(`base${EVIL}`)}`) },
      name: EVIL_TEXT,
    });
    writeChild(orphan, {
      uniqueId: id(3),
      parentId: id(4),
      locator: { code: 'W2ru', payload: utf16(`.\\${EVIL_TEXT}${'x'.repeat(20_000)}`) },
      name: EVIL_TEXT,
    });
    for (const image of [base, child, orphan]) forgeCreator(image);
    writeEvilVhdx(vhdx);
    const merged = await printed('merge', child, base, '--journal', journal, '--json');
    const refused = await printed('merge', orphan, base, '--journal', journal, '--json');
    const { jobId } = JSON.parse(merged.stdout.trim().split('\n').at(-1)!) as { readonly jobId: string };
    world = { folder, base, child, orphan, vhdx, journal, merged, refused, jobId };
  });

  const oneObjectALine = (text: string): void => {
    for (const line of text.trimEnd().split('\n')) expect(() => void JSON.parse(line)).not.toThrow();
  };

  test.each(COMMANDS)('stay on their line: $name', async ({ words, code, isJson }) => {
    const ended = await printed(...words(world));
    expect({ code: ended.code, stderr: ended.code === code ? '' : ended.stderr }).toEqual({ code, stderr: '' });
    clean(ended.stdout);
    clean(ended.stderr);
    if (isJson === true) oneObjectALine(ended.stdout);
    if (isJson !== true) for (const line of ended.stderr.split('\n')) expect(line.length).toBeLessThan(20_000);
  });

  test('stay on their line: merge --json, done and refused', () => {
    const { merged, refused, base } = world;
    for (const { stdout, stderr } of [merged, refused]) {
      clean(stdout);
      clean(stderr);
      oneObjectALine(stdout);
    }
    expect([merged.code, refused.code]).toEqual([0, 3]);
    expect((JSON.parse(merged.stdout.split('\n')[0]!) as { data: { destination: string } }).data.destination).toBe(
      base,
    );
  });

  test('stay text in the page of a report', async () => {
    const path = join(scratch(), 'report.html');
    const { code, stderr } = await printed('audit', world.jobId, '--journal', world.journal, '--export', path);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const page = readFileSync(path, 'utf8');
    expect(page).toContain(FORGED);
    expect(page).not.toContain('<b>');
    clean(page);
  });

  test('stay values in the JSON of a report, whose canonical form has no line but its own', async () => {
    const path = join(scratch(), 'report.json');
    const { code, stderr } = await printed('audit', world.jobId, '--journal', world.journal, '--export', path);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const report = readFileSync(path, 'utf8');
    expect(report.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
    expect(JSON.stringify(JSON.parse(report))).toContain(JSON.stringify(world.base).slice(1, -1));
  });
});

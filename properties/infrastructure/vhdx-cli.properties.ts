import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkPlainVhdx, openPlainVhdx } from '../models/plain-vhdx.js';
import { scratchFolder } from '../models/scratch-folder.js';
import { type Environment, ran } from './cli-processes.js';
import { modelDigest } from './vhdx-judges.js';

/** What the command line says and makes of VHDX; starts the built program, CHAINFOLD_BIN. */

const MIB = 1024 * 1024;
const scratch = scratchFolder();
const place = (): Environment => {
  const cwd = mkdtempSync(join(scratch(), 'c-'));
  return { cwd, journal: join(mkdtempSync(join(scratch(), 'j-')), 'journal.db') };
};
const json = async (words: readonly string[], at: Environment): Promise<Record<string, unknown>> => {
  const { code, out, err } = await ran([...words, '--json'], at);
  expect([code, err], words.join(' ')).toEqual([0, '']);
  return JSON.parse(out) as Record<string, unknown>;
};

describe('create and diff', { timeout: 60_000 }, () => {
  it('make blocks of 32 MiB, those of a child of 2 MiB, as Windows does', async () => {
    const at = place();
    const base = await json(['create', 'base.vhdx', '--size', '100M'], at);
    const child = await json(['diff', 'child.vhdx', 'base.vhdx'], at);
    expect(base).toMatchObject({ format: 'vhdx', type: 'dynamic', virtualSize: 100 * MIB, blockSize: 32 * MIB });
    expect(child).toMatchObject({
      type: 'differencing',
      virtualSize: 100 * MIB,
      blockSize: 2 * MIB,
      parentIdentity: base.identity,
    });
    const found = openPlainVhdx(join(at.cwd, 'child.vhdx'));
    expect(found).toMatchObject({ logicalSectorBytes: 512, physicalSectorBytes: 4096, blockSizeBytes: 2 * MIB });
    expect(found.virtualDiskId).toBe(openPlainVhdx(join(at.cwd, 'base.vhdx')).virtualDiskId);
    for (const name of ['base.vhdx', 'child.vhdx']) expect(checkPlainVhdx(join(at.cwd, name))).toEqual([]);
  });

  it.each(['1M', '256M'])('take blocks of %s', async (size) => {
    const at = place();
    await json(['create', 'x.avhdx', '--size', '3M', '--block-size', size], at);
    expect(openPlainVhdx(join(at.cwd, 'x.avhdx')).blockSizeBytes).toBe(size === '1M' ? MIB : 256 * MIB);
    expect(checkPlainVhdx(join(at.cwd, 'x.avhdx'))).toEqual([]);
  });

  it('make disks of 4096-byte sectors, and their children have them too', async () => {
    const at = place();
    const raw = Buffer.alloc(3 * MIB, 7);
    writeFileSync(join(at.cwd, 'a.raw'), raw);
    await json(['create', 'base.vhdx', '--size', '2M', '--logical-sector', '4096'], at);
    await json(['diff', 'child.vhdx', 'base.vhdx', '--from', 'a.raw'], at);
    const child = join(at.cwd, 'child.vhdx');
    expect(openPlainVhdx(child)).toMatchObject({ logicalSectorBytes: 4096, sizeBytes: 3 * MIB });
    expect(modelDigest(child)).toBe(createHash('sha256').update(raw).digest('hex'));
    expect(checkPlainVhdx(child)).toEqual([]);
  });

  it('make fixed disks, all of whose blocks have their place', async () => {
    const at = place();
    const raw = Buffer.alloc(3 * MIB + 512);
    raw.fill(9, MIB, 2 * MIB);
    writeFileSync(join(at.cwd, 'a.raw'), raw);
    await json(['create', 'f.vhdx', '--from', 'a.raw', '--type', 'fixed', '--block-size', '1M'], at);
    const path = join(at.cwd, 'f.vhdx');
    const image = openPlainVhdx(path);
    expect([image.type, image.sizeBytes]).toEqual(['fixed', 3 * MIB + 512]);
    expect([0, 1, 2, 3].map((block) => image.payload(block).state)).toEqual([6, 6, 6, 6]);
    expect(checkPlainVhdx(path)).toEqual([]);
    expect(modelDigest(path)).toBe(createHash('sha256').update(raw).digest('hex'));
  });

  it.each<readonly [readonly string[], RegExp]>([
    [['create', 'x.vhdx', '--size', '1M', '--block-size', '512K'], /1M to 256M/],
    [['create', 'x.vhdx', '--size', '1M', '--block-size', '512M'], /power of two/],
    [['create', 'x.vhdx', '--size', '1M', '--block-size', '3M'], /power of two/],
    [['create', 'x.vhdx', '--size', '1M', '--logical-sector', '1024'], /512 or 4096/],
    [['create', 'x.vhdx', '--size', '1025K', '--logical-sector', '4096'], /multiple of 4096/],
    [['create', 'x.vhd', '--size', '1M', '--logical-sector', '4096'], /\.vhdx/],
    [['create', 'x.img', '--size', '1M'], /\.vhdx/],
    [['diff', 'x.vhdx', 'y.vhdx', '--block-size', '4K'], /1M to 256M/],
  ])('%j is wrong usage, and makes nothing', async (words, sentence) => {
    const at = place();
    const { code, out, err } = await ran(words, at);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(sentence);
    expect(readdirSync(at.cwd)).toEqual([]);
  });

  it.each([
    ['child.vhd', 'base.vhdx'],
    ['child.vhdx', 'base.vhd'],
  ])('refuse %s as a child of %s, and make nothing', async (child, base) => {
    const at = place();
    await json(['create', base, '--size', '1M'], at);
    const { code, err } = await ran(['diff', child, base], at);
    expect(code).toBe(3);
    expect(err).toMatch(/32770/);
    expect(readdirSync(at.cwd)).toEqual([base]);
  });

  it('never replace a file', async () => {
    const at = place();
    writeFileSync(join(at.cwd, 'x.vhdx'), 'mine');
    const { code } = await ran(['create', 'x.vhdx', '--size', '1M'], at);
    expect(code).toBe(3);
  });
});

describe('what is said of a VHDX with --json', { timeout: 60_000 }, () => {
  let at: Environment;
  beforeAll(async () => {
    at = place();
    const raw = Buffer.alloc(4 * MIB);
    raw.fill(3, 2 * MIB, 2 * MIB + 4096);
    writeFileSync(join(at.cwd, 'a.raw'), raw);
    await json(['create', 'base.vhdx', '--size', '4M', '--block-size', '1M'], at);
    await json(['diff', 'child.vhdx', 'base.vhdx', '--from', 'a.raw', '--block-size', '1M'], at);
  });

  it('inspect: the image, its parents, and each structure with its place', async () => {
    const child = await json(['inspect', 'child.vhdx'], at);
    const base = openPlainVhdx(join(at.cwd, 'base.vhdx'));
    const found = openPlainVhdx(join(at.cwd, 'child.vhdx'));
    expect(Object.keys(child)).toEqual([
      ...['path', 'format', 'type', 'virtualSize', 'blockSize', 'logicalSectorSize', 'identity', 'parentIdentities'],
      ...['parentCandidates', 'warnings', 'structures'],
    ]);
    expect(child).toMatchObject({
      ...{ format: 'vhdx', type: 'differencing', virtualSize: 4 * MIB, blockSize: MIB, logicalSectorSize: 512 },
      ...{ identity: found.dataWriteGuid, parentIdentities: [base.dataWriteGuid], warnings: [] },
    });
    const names = (child.structures as { structure: string }[]).map(({ structure }) => structure);
    for (const name of ['file identifier', 'header 1', 'header 2', 'log', 'region table 1', 'region table 2', 'BAT'])
      expect(names).toContain(name);
    const header = (child.structures as { structure: string; offsetBytes: number; fields: object }[])[1];
    expect(header).toMatchObject({ offsetBytes: 65536, fields: { dataWriteGuid: found.dataWriteGuid } });
  });

  it('chain: leaf first, each with its identity and its parent', async () => {
    const chain = (await json(['chain', 'child.vhdx'], at)) as unknown as readonly Record<string, unknown>[];
    const [child, base] = ['child.vhdx', 'base.vhdx'].map((name) => join(at.cwd, name)) as [string, string];
    const common = { format: 'vhdx', virtualSize: 4 * MIB, blockSize: MIB, logicalSectorSize: 512 };
    expect(chain).toEqual([
      { ...common, path: child, type: 'differencing', identity: openPlainVhdx(child).dataWriteGuid, parent: base },
      { ...common, path: base, type: 'dynamic', identity: openPlainVhdx(base).dataWriteGuid, parent: null },
    ]);
  });

  it('validate: sound, without findings', async () => {
    expect(await json(['validate', 'child.vhdx'], at)).toEqual({
      ...{ path: join(at.cwd, 'child.vhdx'), valid: true, findings: [], error: null },
    });
  });

  it('plan: one block of 4 KiB, a new one in the base', async () => {
    const [child, base] = ['child.vhdx', 'base.vhdx'].map((name) => join(at.cwd, name)) as [string, string];
    const plan = await json(['plan', child], at);
    expect(plan).toMatchObject({
      ...{ source: child, destination: base, blocks: 1, bytes: 4096, newBlocks: 1 },
      ...{ siblings: [], holders: [], refusal: null },
    });
    expect(plan.spaceNeeded).toBeGreaterThanOrEqual(MIB);
    // The block, a bitmap block and a new BAT; holes under the child's log and metadata; the journal, which lies there too.
    expect(plan.spaceNeeded).toBeLessThanOrEqual(3 * MIB + 4 * MIB + 5 * MIB + 1024);
  });

  it('digest: of the disk through the chain', async () => {
    const path = join(at.cwd, 'child.vhdx');
    expect(await json(['digest', path], at)).toEqual({
      ...{ path, format: 'vhdx', virtualSize: 4 * MIB, sha256: modelDigest(path) },
    });
  });
});

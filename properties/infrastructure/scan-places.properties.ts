import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ok } from '../../domain/result.js';
import { UnfinishedFiles } from '../../application/convert/unfinished-files.js';
import { FileSystemFault, type FileStat, type OpenFile } from '../../application/ports/file-system.js';
import { ScanFolder } from '../../application/use-cases/scan-folder.js';
import { NodeFileSystem } from '../../infrastructure/file-system/node-file-system.js';
import { writePlainVhdx } from '../models/plain-vhdx.js';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { productPorts } from '../product/product.js';
import { child as vhdxChild, dynamic } from '../simulation/damaged-vhdx.js';
import { run } from './built-program.js';
import { id, utf16, writeBase, writeChild } from './paths-chain.js';
import { printed } from './paths-cli.js';
import type { ScanJson } from './scan-expected.js';

const scratch = scratchFolder(folderInMemory());
const newFolder = (): string => mkdtempSync(join(scratch(), 'p-'));
const journal = (): readonly string[] => ['--journal', join(scratch(), 'none.db')];

describe('a scan passes over', () => {
  const json = async (folder: string) => {
    const { code, stdout } = await printed('scan', folder, '--json', ...journal());
    expect(code).toBe(0);
    return JSON.parse(stdout) as ScanJson;
  };

  it.skipIf(process.platform === 'win32')('pipes, sockets and devices, without waiting for any of them', async () => {
    const folder = newFolder();
    writeBase(join(folder, 'base.vhd'), id(1));
    execFileSync('mkfifo', [join(folder, 'pipe.vhd')]);
    symlinkSync('/dev/zero', join(folder, 'zero.vhd'));
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) execFileSync('mknod', [join(folder, 'device.vhd'), 'c', '1', '5']);
    const server = createServer().listen(join(folder, 'socket.vhd'));
    await once(server, 'listening');
    try {
      const { passedOver, summary } = await json(folder);
      const other = 'neither a file nor a folder';
      expect(passedOver.map(({ path, why }) => [path.slice(folder.length + 1), why])).toEqual([
        ...(isRoot ? [['device.vhd', other]] : []),
        ['pipe.vhd', other],
        ['socket.vhd', other],
        ['zero.vhd', 'a link, which is not followed'],
      ]);
      expect(summary).toMatchObject({ images: 1 });
    } finally {
      server.close();
    }
  });

  /** A disk on which some files go, and some may not be read. */
  class Meddled extends NodeFileSystem {
    constructor(private readonly vanishing: ReadonlySet<string>) {
      super({ native: () => Promise.resolve(null) });
    }

    override async list(folder: string): Promise<readonly string[]> {
      if (folder.endsWith('/locked')) throw new FileSystemFault('access-denied', 'list', folder);
      if (folder.endsWith('/bad')) throw new FileSystemFault('io', 'list', folder);
      return [...(await super.list(folder)), 'never-was.vhd'];
    }

    override async stat(path: string): Promise<FileStat | null> {
      const stat = await super.stat(path);
      if (this.vanishing.has(path)) unlinkSync(path);
      return stat;
    }

    override async realPath(path: string): Promise<string> {
      if (path.endsWith('sick.vhd')) throw new FileSystemFault('io', 'look at', path);
      return await super.realPath(path);
    }

    override async open(path: string, mode: 'read' | 'read-write'): Promise<OpenFile> {
      if (path.endsWith('secret.vhd')) throw new FileSystemFault('access-denied', 'open', path);
      if (path.endsWith('rotten.vhd')) throw new FileSystemFault('io', 'read', path);
      return await super.open(path, mode);
    }
  }

  it('what goes meanwhile, silently, and what it may not read or cannot, by name', async () => {
    const folder = newFolder();
    for (const name of ['locked', 'bad']) mkdirSync(join(folder, name));
    for (const [n, name] of ['base.vhd', 'goes.vhd', 'secret.vhd', 'rotten.vhd'].entries())
      writeBase(join(folder, name), id(n));
    writeChild(join(folder, 'child.vhd'), { uniqueId: id(7), parentId: id(8), locator: null, name: 'sick.vhd' });
    const ports = productPorts({ files: new Meddled(new Set([join(folder, 'goes.vhd')])) });
    const found = await new ScanFolder(ports).scan(folder, { roots: [] }, null);
    if (!found.ok) throw new Error(found.error.message);
    const { chains, passedOver } = found.value;
    const rows = chains.flatMap((chain) => chain.rows);
    expect(rows.map(({ image }) => image.path)).toEqual(['base.vhd', 'child.vhd'].map((name) => join(folder, name)));
    expect(rows[1]!.troubles.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('sick.vhd (it cannot be looked at (io))'),
    );
    expect(passedOver.map(({ path, why, hides }) => [path.slice(folder.length + 1), why.slice(0, 17), hides])).toEqual([
      ['bad', 'it cannot be read', true],
      ['locked', 'this user may not', true],
      ['rotten.vhd', 'it cannot be read', true],
      ['secret.vhd', 'this user may not', true],
    ]);
  });
});

describe('a scan', () => {
  it('says which VHDX has a log that is not applied, and shows what is in it', async () => {
    const folder = newFolder();
    const log = { state: 'dirty', logGuid: 'c4a10f01-d000-4000-8000-0000000000ff', holds: ['metadata'] } as const;
    writePlainVhdx(join(folder, 'base.vhdx'), { ...dynamic, dataWriteGuid: vhdxChild.parent.dataWriteGuid });
    writePlainVhdx(join(folder, 'child.vhdx'), { ...vhdxChild, log });
    const { code, stdout } = await printed('scan', folder, ...journal());
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n└─ child\.vhdx .*\n {7}attention: .*\blog\b.*\n/);
  });

  it.each([
    ['W2ku', utf16('C:\\VMs\\base.vhd')],
    ['MacX', Buffer.from('file:///C:/VMs/base.vhd')],
  ] as const)('finds a parent by the map of a Windows path in %s', async (code, payload) => {
    const [folder, disks] = [newFolder(), newFolder()];
    writeBase(join(disks, 'base.vhd'), id(1));
    writeChild(join(folder, 'child.vhd'), { uniqueId: id(2), parentId: id(1), locator: { code, payload } });
    expect(await printed('scan', folder, ...journal())).toMatchObject({ code: 1 });
    const mapped = await printed('scan', folder, '--map', `C:\\VMs=${disks}`, ...journal());
    expect(mapped).toMatchObject({ code: 0, stderr: '' });
    expect(mapped.stdout).toMatch(/\/base\.vhd .*\n(?: +attention.*\n)?└─ child\.vhd /);
    const wrong = await printed('scan', folder, '--map', `C:\\VMs=${folder}`, ...journal());
    expect(wrong.stdout).toContain(`${folder}/base.vhd, by the map C:\\VMs=${folder} (nothing is there)`);
  });

  it('does not take a file without content, or text, for an image', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'empty.vhd'), '');
    writeFileSync(join(folder, 'text.vhdx'), 'text');
    expect(await printed('scan', folder, ...journal())).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^0 images/) as string,
    });
  });
});

// Starts the built program, CHAINFOLD_BIN.
describe.runIf(process.platform === 'linux')('a file that another process makes', () => {
  it('is said to be made, and is a leftover when that process is gone', async () => {
    const [folder, left] = [newFolder(), newFolder()];
    const ports = productPorts();
    await new UnfinishedFiles(ports).publishing(join(folder, 'new.vhd'), async (path) => {
      writeFileSync(path, 'half');
      const shown = (await run(['scan', folder, ...journal()])).stdout;
      expect(shown).toMatch(/^being made: \.chainfold-.*\.claim: by a running chainfold, 0 B/);
      expect(shown).toContain('0 leftovers');
      for (const name of readdirSync(folder)) writeFileSync(join(left, name), 'left');
      return ok(null);
    });
    expect((await printed('scan', folder, ...journal())).stdout).toMatch(/^0 images/);
    expect((await printed('scan', left, ...journal())).stdout).toMatch(
      /^leftover: \.chainfold-.*: a file that was not finished.*\n/,
    );
  });
});

import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderInMemory, scratchFolder } from '../models/scratch-folder.js';
import { everythingIn, id, utf16, writeBase, writeChild } from './paths-chain.js';
import { printed } from './paths-cli.js';

/** `--map`: a child that knows its parent by a path of Windows only, which lies in another folder here. */

type Mapped = { readonly root: string; readonly child: string; readonly base: string; readonly disks: string };

describe.skipIf(process.platform === 'win32')('a parent that only a Windows path names', () => {
  const scratch = scratchFolder(folderInMemory());

  const chainWith = (stored: string): Mapped => {
    const root = mkdtempSync(join(scratch(), 'mapped-'));
    const [folder, disks] = [join(root, 'vms'), join(root, 'disks')];
    for (const one of [folder, disks, join(disks, 'golden')]) mkdirSync(one);
    const [base, child] = [join(disks, 'golden', 'base.vhd'), join(folder, 'child.vhd')];
    writeBase(base, id(1));
    writeChild(child, { uniqueId: id(2), parentId: id(1), locator: { code: 'W2ku', payload: utf16(stored) } });
    return { root, child, base, disks };
  };

  test.each([
    ['C:\\VMs\\golden\\base.vhd', 'C:\\VMs'],
    ['c:/vms/golden/base.vhd', 'C:\\VMS\\'],
    ['C:\\golden\\base.vhd', 'C:'],
    ['\\\\?\\C:\\VMs\\golden\\base.vhd', 'C:/VMs'],
    ['\\\\server\\share\\golden\\base.vhd', '\\\\SERVER\\share'],
    ['\\\\?\\UNC\\server\\share\\golden\\base.vhd', '\\\\server\\share'],
    [
      '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}\\golden\\base.vhd',
      '\\\\?\\Volume{9CDF8DFA-0000-0000-0000-501F00000000}',
    ],
  ])('%s is found by the map of %s', async (stored, from) => {
    const { child, base, disks } = chainWith(stored);
    const { code, stdout, stderr } = await printed('chain', child, '--map', `${from}=${disks}`, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject([{ path: child, parent: base }, { path: base }]);
  });

  test('is not found without a map, and the refusal says how to give one', async () => {
    const { child } = chainWith('C:\\VMs\\golden\\base.vhd');
    const { code, stderr } = await printed('chain', child);
    expect(code).toBe(3);
    expect(stderr).toContain("--map 'C:\\VMs\\golden=FOLDER'");
  });

  test('is not found by a wrong map, and the refusal says which was tried', async () => {
    const { child, disks } = chainWith('C:\\VMs\\golden\\base.vhd');
    const { code, stderr } = await printed('chain', child, '--map', `C:\\=${disks}`);
    expect(code).toBe(3);
    expect(stderr).toContain(`${disks}/VMs/golden/base.vhd, by the map C:\\=${disks} (W2ku: nothing is there)`);
    expect(stderr).not.toContain('Say where');
  });

  test('is not followed out of the folder of its map, neither by `..` nor by a link, not even into another root', async () => {
    const { root, child, base, disks } = chainWith('C:\\VMs\\..\\..\\disks\\golden\\base.vhd');
    const inner = join(root, 'inner');
    mkdirSync(inner);
    const search = ['--map', `C:\\VMs=${inner}`, '--root', disks];
    expect((await printed('chain', child, ...search)).stderr).toMatch(
      /inner\/disks\/golden\/base\.vhd.*nothing is there/,
    );
    mkdirSync(join(inner, 'disks'));
    symlinkSync(join(disks, 'golden'), join(inner, 'disks', 'golden'));
    const { code, stderr } = await printed('chain', child, ...search);
    expect(code).toBe(3);
    expect(stderr).toMatch(/leads out of the folder of its map/);
    expect(everythingIn(root).join('\n')).toContain(base.slice(-8));
  });

  test('is merged into by plan, merge and show alike, and a resumed job still has the map', async () => {
    const { root, child, base, disks } = chainWith('C:\\VMs\\golden\\base.vhd');
    const journal = ['--journal', join(root, 'journal.db')];
    const map = ['--map', `C:\\VMs=${disks}`];
    const planned = await printed('plan', child, base, ...journal, ...map);
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toContain(`Map: C:\\VMs is ${disks}\n`);
    const merged = await printed('merge', child, base, ...journal, ...map, '--json');
    expect(merged).toMatchObject({ code: 0 });
    const { jobId } = JSON.parse(merged.stdout.trim().split('\n').at(-1)!) as { readonly jobId: string };
    const shown = await printed('show', jobId, ...journal, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ options: { maps: [{ stored: 'C:\\VMs', path: disks }] } });
    expect((await printed('show', jobId, ...journal)).stdout).toMatch(/^Map +C:\\VMs is /m);
  });

  test('in the folder of a map a sibling is looked for, as in a root', async () => {
    const { child, base, disks } = chainWith('C:\\VMs\\golden\\base.vhd');
    mkdirSync(join(disks, 'deep'));
    const sibling = join(disks, 'deep', 'clone.vhd');
    writeChild(sibling, {
      uniqueId: id(3),
      parentId: id(1),
      locator: { code: 'W2ru', payload: utf16('..\\golden\\base.vhd') },
    });
    const { code, stderr } = await printed('merge', child, base, '--journal', 'memory:', '--map', `C:\\VMs=${disks}`);
    expect(code).toBe(3);
    expect(stderr).toContain(sibling);
  });

  test.each(['C:\\VMs', '=/srv', 'VMs=/srv', '/srv=/srv', 'C:\\VMs=', 'C:\\VMs\\..=/srv', '\\\\server=/srv'])(
    'a map that is none, %s, is a usage error with an example',
    async (map) => {
      const { child } = chainWith('C:\\p.vhd');
      const { code, stderr } = await printed('chain', child, '--map', map);
      expect(code).toBe(2);
      expect(stderr).toContain("--map 'C:\\VMs=/srv/vms'");
    },
  );

  test('a map to no folder is a usage error', async () => {
    const { child, base } = chainWith('C:\\p.vhd');
    expect(await printed('chain', child, '--map', 'C:=/no/such')).toMatchObject({ code: 2 });
    expect(await printed('plan', child, '--journal', 'memory:', '--map', `C:=${base}`)).toMatchObject({ code: 2 });
  });
});

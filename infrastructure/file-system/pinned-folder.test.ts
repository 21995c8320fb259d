import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFilesOf } from '../../properties/models/open-files.js';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { systemPath } from './name-bytes.js';
import { NodeFileSystem } from './node-file-system.js';
import { pinsFolders } from './pinned-folder.js';

const files = new NodeFileSystem();
const scratch = scratchFolder();
const LINK = /not-a-file.*a link appeared in the path, at .*linked/s;

if (!pinsFolders()) console.warn('left out: links in the middle of a path: folders cannot be pinned here');

describe.runIf(pinsFolders())('a link in the middle of a path', () => {
  const worldWithLink = (): { readonly real: string; readonly linked: string } => {
    const base = fs.mkdtempSync(join(scratch(), 'world-'));
    const real = join(base, 'real');
    fs.mkdirSync(real);
    fs.writeFileSync(join(real, 'image'), 'content');
    fs.symlinkSync(real, join(base, 'linked'));
    return { real, linked: join(base, 'linked') };
  };

  it.each<[string, (linked: string) => Promise<unknown>]>([
    ['opened', (linked) => files.open(join(linked, 'image'), 'read')],
    ['opened for writing', (linked) => files.open(join(linked, 'image'), 'read-write')],
    ['created', (linked) => files.create(join(linked, 'new'))],
    ['looked at', (linked) => files.stat(join(linked, 'image'))],
    ['unlinked', (linked) => files.unlink(join(linked, 'image'))],
    ['given another name', (linked) => files.link(join(linked, 'image'), join(linked, '..', 'real', 'other'))],
    ['given as another name', (linked) => files.link(join(linked, '..', 'real', 'image'), join(linked, 'other'))],
    ['listed', (linked) => files.list(linked)],
    ['flushed', (linked) => files.flushFolder(linked)],
  ])('keeps what is below it from being %s, and the fault says where', async (_, use) => {
    const { real, linked } = worldWithLink();
    await expect(use(linked)).rejects.toThrow(LINK);
    expect(fs.readdirSync(real)).toEqual(['image']);
    expect(fs.statSync(join(real, 'image')).nlink).toBe(1);
  });

  it('is followed by realPath, which gives the name that can be opened', async () => {
    const { real, linked } = worldWithLink();
    const path = await files.realPath(join(linked, 'image'));
    expect(path).toBe(join(real, 'image'));
    await (await files.open(path, 'read')).close();
  });
});

describe('a path that is opened by its components', () => {
  it('may have names that are not UTF-8, and be of any depth', async () => {
    const folder = join(scratch(), 'a\udcff', ...Array.from({ length: 30 }, (_, n) => String(n)));
    fs.mkdirSync(systemPath(folder), { recursive: true });
    await (await files.create(join(folder, 'b\udcfe'))).close();
    expect(await files.list(folder)).toEqual(['b\udcfe']);
    expect((await files.stat(join(folder, 'b\udcfe')))?.kind).toBe('file');
    expect((await files.stat('/'))?.kind).toBe('folder');
  });

  it('stands in the errors of the operating system, and no descriptor is left', async () => {
    const missing = join(scratch(), 'none', 'at', 'all');
    await expect(files.open(missing, 'read')).rejects.toThrow(join(scratch(), 'none'));
    await expect(files.open(missing, 'read')).rejects.not.toThrow('/proc/');
    await expect(files.unlink(join(scratch(), 'missing'))).rejects.not.toThrow('/proc/');
    if (process.platform === 'linux') expect(openFilesOf(process.pid)).not.toContain(scratch());
  });
});

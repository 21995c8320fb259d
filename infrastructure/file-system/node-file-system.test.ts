import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { FileSystemFault, FileSystemFaultCode } from '#application/ports/file-system';
import { openFilesOf } from '../../properties/models/open-files.js';
import { scratchFolder } from '../../properties/models/scratch-folder.js';
import { nameFromBytes, systemPath } from './name-bytes.js';
import { NodeFileSystem } from './node-file-system.js';

const onLinux = process.platform === 'linux';
const files = new NodeFileSystem();
const folder = scratchFolder();
let number = 0;
const fresh = (): string => join(folder(), `file-${String(number++)}`);
const freshWith = (content: Uint8Array | string): string => {
  const path = fresh();
  fs.writeFileSync(path, content);
  return path;
};
const fault = (code: FileSystemFaultCode): Partial<FileSystemFault> =>
  expect.objectContaining({ name: 'FileSystemFault', code }) as Partial<FileSystemFault>;

describe('open', () => {
  it('never creates and never truncates', async () => {
    const missing = fresh();
    await expect(files.open(missing, 'read-write')).rejects.toEqual(fault('not-found'));
    expect(fs.existsSync(missing)).toBe(false);
    const path = freshWith('content');
    await (await files.open(path, 'read-write')).close();
    expect(fs.readFileSync(path, 'utf8')).toBe('content');
  });

  it('for reading refuses writes', async () => {
    const file = await files.open(freshWith('content'), 'read');
    await expect(file.write(Uint8Array.of(1), 0)).rejects.toMatchObject({ name: 'FileSystemFault' });
    await file.close();
  });

  it.each(['read', 'read-write'] as const)('to %s refuses a folder, a link, a device, a socket', async (mode) => {
    const link = fresh();
    fs.symlinkSync(freshWith('target'), link);
    const socket = fresh();
    const server = createServer().listen(socket);
    await once(server, 'listening');
    for (const path of [folder(), link, '/dev/null', '/dev/zero', socket]) {
      await expect(files.open(path, mode)).rejects.toEqual(fault('not-a-file'));
    }
    server.close();
  });

  it('refuses a FIFO at once, whose open would wait for the other end', async () => {
    const fifo = fresh();
    execFileSync('mkfifo', [fifo]);
    const before = performance.now();
    await expect(files.open(fifo, 'read')).rejects.toEqual(fault('not-a-file'));
    await expect(files.open(fifo, 'read-write')).rejects.toEqual(fault('not-a-file'));
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it('does not so much as touch what it refuses: a writer that waits at a FIFO goes on waiting', async () => {
    const fifo = fresh();
    execFileSync('mkfifo', [fifo]);
    const writer = spawn('sh', ['-c', 'echo x > "$0"', fifo]);
    await sleep(100);
    await expect(files.open(fifo, 'read')).rejects.toEqual(fault('not-a-file'));
    await sleep(100);
    expect(writer.exitCode).toBeNull();
    writer.kill();
  });

  it('takes a name that no file can have for a file that is not there', async () => {
    for (const path of [
      join(folder(), 'a\0b'),
      join(folder(), 'x'.repeat(5000)),
      join(freshWith(''), 'below-a-file'),
    ]) {
      await expect(files.open(path, 'read')).rejects.toEqual(fault('not-found'));
      expect(await files.stat(path)).toBeNull();
    }
  });

  it.runIf(onLinux)('leaves no descriptor behind, whatever it refuses', async () => {
    // By name: how many descriptors the process has is not ours alone to say.
    const refused = [folder(), '/dev/zero', fresh()];
    for (const path of refused) await expect(files.open(path, 'read')).rejects.toThrow();
    for (const path of refused) expect(openFilesOf(process.pid)).not.toContain(path);
  });
});

describe('create', () => {
  it('makes an empty file for this user alone, and refuses when the name is taken, even by a dangling link', async () => {
    const path = fresh();
    const file = await files.create(path);
    expect(await file.stat()).toMatchObject({ sizeBytes: 0, kind: 'file' });
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
    await file.close();
    await expect(files.create(path)).rejects.toEqual(fault('exists'));
    const dangling = fresh();
    fs.symlinkSync(fresh(), dangling);
    await expect(files.create(dangling)).rejects.toEqual(fault('exists'));
  });
});

describe('names', () => {
  it('stat tells a file, a folder(), a link and other things apart, and does not follow the link', async () => {
    const path = freshWith('abc');
    const link = fresh();
    fs.symlinkSync(path, link);
    const { dev, ino, mtimeNs } = fs.lstatSync(path, { bigint: true });
    const expected = {
      kind: 'file',
      sizeBytes: 3,
      links: 1,
      dev: String(dev),
      ino: String(ino),
      mtimeNs: String(mtimeNs),
    };
    expect(await files.stat(path)).toMatchObject(expected);
    expect(await files.stat(link)).toMatchObject({ kind: 'link' });
    expect(await files.stat(folder())).toMatchObject({ kind: 'folder' });
    expect(await files.stat('/dev/null')).toMatchObject({ kind: 'other' });
    expect(await files.stat(fresh())).toBeNull();
  });

  it('link never replaces, and both names are one file', async () => {
    const path = freshWith('a');
    const taken = freshWith('b');
    await expect(files.link(path, taken)).rejects.toEqual(fault('exists'));
    expect(fs.readFileSync(taken, 'utf8')).toBe('b');
    const second = fresh();
    await files.link(path, second);
    expect((await files.stat(path))?.links).toBe(2);
    await files.unlink(path);
    expect(fs.readFileSync(second, 'utf8')).toBe('a');
    await files.flushFolder(folder());
  });

  it('link and unlink say what is missing, and which file systems differ', async () => {
    await expect(files.unlink(fresh())).rejects.toEqual(fault('not-found'));
    await expect(files.flushFolder(fresh())).rejects.toEqual(fault('not-found'));
    await expect(files.flushFolder(freshWith(''))).rejects.toEqual(fault('not-found'));
    if (onLinux)
      await expect(files.link(freshWith(''), `/dev/shm/chainfold-${String(process.pid)}`)).rejects.toEqual(
        fault('cross-device'),
      );
  });

  it('realPath resolves every link', async () => {
    const path = freshWith('');
    const link = fresh();
    fs.symlinkSync(folder(), link);
    expect(await files.realPath(join(link, path.slice(folder().length + 1)))).toBe(fs.realpathSync(path));
    await expect(files.realPath(fresh())).rejects.toEqual(fault('not-found'));
  });

  it.runIf(onLinux)('that are not UTF-8 are listed, and what is listed can be opened', async () => {
    const within = fresh();
    fs.mkdirSync(within);
    const odd = Buffer.from([0x66, 0xe9, 0x2e, 0x76, 0xf0, 0x9f, 0x98, 0x80, 0xff]);
    fs.writeFileSync(Buffer.concat([Buffer.from(`${within}/`), odd]), 'odd');
    fs.writeFileSync(join(within, 'plain \ufffd 😀'), 'plain');
    const names = await files.list(within);
    expect([...names].sort()).toEqual(['f\udce9.v😀\udcff', 'plain \ufffd 😀']);
    for (const name of names) {
      const file = await files.open(join(within, name), 'read');
      expect((await file.stat()).sizeBytes).toBeGreaterThan(0);
      expect(await files.realPath(join(within, name))).toBe(join(fs.realpathSync(within), name));
      await file.close();
    }
  });

  property.prop({ bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) })(
    'any bytes survive as a string',
    ({ bytes }) => {
      expect(Buffer.from(systemPath(nameFromBytes(Buffer.from(bytes))))).toEqual(Buffer.from(bytes));
    },
  );
});

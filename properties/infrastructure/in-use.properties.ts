import { execFileSync, spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';
import { scratchFolder } from '../models/scratch-folder.js';
import { chainInUse, VHD_SIZE_BYTES } from './in-use-chains.js';
import { HOLDER_KINDS, loopOver, withoutLoop } from './in-use-holders.js';
import { describeHolder, expectMerges, expectRefused } from './in-use-matrix.js';

const scratch = scratchFolder();
const isRoot = process.geteuid?.() === 0;

/** VHDX chains are twice as long: all holders are tried with them in in-use.long.ts, here a writer, a reader and a device. */
const ALSO_VHDX = ['qemu-io', 'a program that has it open for reading', 'a read-only loop device'];

for (const kind of HOLDER_KINDS)
  describeHolder(kind, ALSO_VHDX.includes(kind.title) ? ['VHD', 'VHDX'] : ['VHD'], scratch);

describe.runIf(isRoot && process.platform === 'linux')('a loop device over an image', () => {
  it('is told with what is mounted from it: a file system in a fixed VHD', async () => {
    const chain = chainInUse('VHD', scratch());
    const place = join(scratch(), 'mounted here');
    mkdirSync(place);
    execFileSync('mkfs.ext4', ['-q', '-F', '-b', '1024', chain.destination, String(VHD_SIZE_BYTES / 1024)]);
    execFileSync('mount', ['-o', `loop,sizelimit=${String(VHD_SIZE_BYTES)}`, chain.destination, place]);
    try {
      await expectRefused(chain, chain.destination, /\/dev\/loop\d+ .*mounted at .*mounted here/);
    } finally {
      execFileSync('umount', [place]);
    }
    await expectMerges(chain);
  });

  it.each([
    ['renamed', (path: string, name: string) => renameSync(path, name)],
    [
      'given another name, and its old one taken away, so that the kernel says "(deleted)"',
      (path: string, name: string) => {
        linkSync(path, name);
        rmSync(path);
      },
    ],
  ])('is seen when the file was %s', async (_, rename) => {
    const [path, name] = ['before', 'after'].map((word) => join(scratch(), `image ${word}`)) as [string, string];
    writeFileSync(path, Buffer.alloc(1 << 20));
    const device = loopOver(path);
    try {
      rename(path, name);
      expect(await new OfdImageLocks().holdersOf([name])).toMatchObject([{ program: device, writes: true }]);
      writeFileSync(path, 'another file, of the old name');
      expect(await new OfdImageLocks().holdersOf([path])).toEqual([]);
    } finally {
      withoutLoop(device);
      rmSync(path, { force: true });
      rmSync(name);
    }
  });

  it('does not count when the file is only mounted under a second name, and who opens that is seen', async () => {
    const chain = chainInUse('VHD', scratch());
    const second = join(chain.folder, 'second name');
    writeFileSync(second, '');
    execFileSync('mount', ['--bind', chain.destination, second]);
    const kind = HOLDER_KINDS.find(({ title }) => title.includes('open for reading'))!;
    try {
      expect(await new OfdImageLocks().holdersOf([chain.destination])).toEqual([]);
      const end = await kind.take(second, 'raw');
      try {
        await expectRefused(chain, chain.destination, kind.named);
      } finally {
        await end();
      }
    } finally {
      spawnSync('umount', [second]);
      rmSync(second);
    }
    await expectMerges(chain);
  });
});

if (!isRoot) console.warn('left out: loop devices, mounts and bind mounts over images: they need root');

import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { FileToLock, Holder } from '#application/ports/image-lock';
import { loadNativeCalls } from '#infrastructure/file-system/native-calls';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';
import { scratchFolder } from '../models/scratch-folder.js';
import { describeWithQemu } from '../qemu.js';
import { LockingProcess, makeVhd, qemuOpens, whileQemuHas } from './other-processes.js';

const { missing } = await loadNativeCalls();
const isRoot = process.geteuid?.() === 0;
const locks = new OfdImageLocks();
const folder = scratchFolder();
let number = 0;
const vhd = (): string => {
  const path = join(folder(), `disk-${String(number++)}.vhd`);
  makeVhd(path);
  return path;
};

/** `taken`, or who is in the way. */
const tryLock = async (path: string, use: FileToLock['use']): Promise<'taken' | readonly Holder[]> => {
  const outcome = await locks.lockAll([{ path, use }]);
  if (!outcome.held) return outcome.holders;
  await outcome.release();
  return 'taken';
};

const whileWeHave = async (path: string, use: FileToLock['use'], look: () => void): Promise<void> => {
  const outcome = await locks.lockAll([{ path, use }]);
  expect(outcome.held).toBe(true);
  look();
  if (outcome.held) await outcome.release();
};

const WRITER = 'QEMU write permission, does not share writing';
/** As raw bytes qemu-io shares everything with everybody: it holds 100 and 101 only, and for reading 100 only (7.2). */
const FORMATS = [
  ['vpc', WRITER],
  ['raw', 'QEMU write permission'],
] as const;
const READER = 'QEMU read permission, does not share writing';

if (missing !== null) console.warn(`left out: QEMU's locks and ours: ${missing}`);

describe.runIf(missing === null)('locks', () => {
  describeWithQemu('QEMU and chainfold', () => {
    it.each(FORMATS)(
      'that QEMU writes (%s) may neither be read nor written: it is named, with what it has',
      async (format, how) => {
        const path = vhd();
        await whileQemuHas(['-f', format, path], async (pid) => {
          const holder = { pid, program: 'qemu-io', how, writes: true, path };
          expect(await tryLock(path, 'write')).toEqual([holder]);
          expect(await tryLock(path, 'read')).toEqual([holder]);
          expect(await locks.holdersOf([path])).toEqual([holder]);
        });
        expect(await tryLock(path, 'write')).toBe('taken');
        expect(await locks.holdersOf([path])).toEqual([]);
      },
    );

    it('that QEMU reads may be read, and not written', async () => {
      const path = vhd();
      await whileQemuHas(['-r', '-f', 'vpc', path], async (pid) => {
        expect(await tryLock(path, 'write')).toEqual([{ pid, program: 'qemu-io', how: READER, writes: false, path }]);
        expect(await tryLock(path, 'read')).toBe('taken');
      });
    });

    it.each(['-r -U -f vpc', '-r -U -f raw', '-r -f raw'])(
      'that QEMU reads bearing every change (%s) may be written, and it is seen',
      async (args) => {
        const path = vhd();
        await whileQemuHas([...args.split(' '), path], async (pid) => {
          expect(await tryLock(path, 'write')).toBe('taken');
          expect(await tryLock(path, 'read')).toBe('taken');
          expect(await locks.holdersOf([path])).toEqual([
            { pid, program: 'qemu-io', how: 'QEMU read permission', writes: false, path },
          ]);
        });
      },
    );

    it('that back an image which QEMU has open may be read, and not written', async () => {
      const path = vhd();
      const child = join(folder(), 'child.qcow2');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'vpc', '-b', path, child]);
      await whileQemuHas(['-f', 'qcow2', child], async (pid) => {
        expect(await tryLock(path, 'write')).toMatchObject([{ pid }]);
        expect(await tryLock(path, 'read')).toBe('taken');
      });
    });

    it('that qemu-nbd serves may not be written', async () => {
      const path = vhd();
      const server = spawn('qemu-nbd', ['-r', '-f', 'vpc', '-k', join(folder(), 'nbd.socket'), '--persistent', path]);
      try {
        const expected = [{ pid: server.pid, program: 'qemu-nbd', how: READER, writes: false, path }];
        for (let tries = 0; tries < 100 && (await locks.holdersOf([path])).length === 0; tries++) await sleep(20);
        expect(await tryLock(path, 'write')).toEqual(expected);
      } finally {
        server.kill('SIGKILL');
      }
    });

    it.each(FORMATS)('that we write (%s) are refused by QEMU, unless it bears everything', async (format) => {
      const path = vhd();
      const before = fs.readFileSync(path);
      await whileWeHave(path, 'write', () => {
        expect(qemuOpens(['-f', format, path])).toMatch(/Failed to get "write" lock/);
        expect(qemuOpens(['-r', '-f', 'vpc', path])).toMatch(/Failed to get shared "write" lock/);
        expect(qemuOpens(['-r', '-U', '-f', format, path])).toMatch(/^read 512/);
      });
      expect(qemuOpens(['-f', format, path])).toMatch(/^read 512/);
      expect(fs.readFileSync(path).equals(before)).toBe(true);
    });

    it.each(FORMATS)('that we read (%s) may be read by QEMU, and not written', async (format) => {
      const path = vhd();
      await whileWeHave(path, 'read', () => {
        expect(qemuOpens(['-f', format, path])).toMatch(/Failed to get "write" lock/);
        expect(qemuOpens(['-r', '-f', format, path])).toMatch(/^read 512/);
      });
    });

    it.runIf(isRoot)(
      'keep QEMU of another user out of the way too: it cannot be named then, but what it has can',
      async () => {
        const path = vhd();
        fs.chmodSync(folder(), 0o755);
        fs.chmodSync(path, 0o666);
        const nobody = await LockingProcess.start();
        try {
          await nobody.ask({ do: 'become nobody' });
          const holder = { pid: null, program: 'unknown', how: WRITER, writes: true, path };
          await whileQemuHas(['-f', 'vpc', path], async () => {
            const conflict = { reply: 'conflict', path, holders: [holder] };
            expect(await nobody.ask({ do: 'lock', files: [{ path, use: 'write' }] })).toEqual(conflict);
            expect(await nobody.ask({ do: 'holders', path })).toEqual({ reply: 'holders', holders: [holder] });
          });
        } finally {
          await nobody.kill();
        }
      },
    );
  });
});

describe.runIf(isRoot && process.platform === 'linux')('loop devices', () => {
  it('over an image are told, with the place that they are mounted at', async () => {
    const path = join(folder(), 'loop image');
    const place = join(folder(), 'a place');
    fs.mkdirSync(place);
    fs.writeFileSync(path, '');
    fs.truncateSync(path, 8 << 20);
    execFileSync('mkfs.ext4', ['-q', path]);
    execFileSync('mount', ['-o', 'loop', path, place]);
    try {
      expect(await locks.holdersOf([path])).toEqual([
        {
          pid: null,
          program: expect.stringMatching(/^\/dev\/loop\d+$/) as string,
          how: `loop device over the file, mounted at ${place}`,
          writes: true,
          path,
        },
      ]);
    } finally {
      execFileSync('umount', ['-l', place]);
    }
    expect(await locks.holdersOf([path])).toEqual([]);
  });
});

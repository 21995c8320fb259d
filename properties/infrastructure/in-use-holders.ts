/** Programs and devices that have an image, each in one way, for the matrix of decision 0021. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileToLock } from '#application/ports/image-lock';
import { openFilesOf } from '../models/open-files.js';
import { LockingProcess } from './other-processes.js';

export interface HolderKind {
  readonly title: string;
  /** What a refusal says of it. */
  readonly named: RegExp;
  readonly writes: boolean;
  readonly needs: { readonly program: string; readonly root: boolean };
  /** Has the file until the answer is called. `format` as QEMU names it. */
  readonly take: (path: string, format: 'raw' | 'vpc') => Promise<() => Promise<void>>;
}

/** A program that has the file open, by its own account in /proc. */
const holding = async (
  program: string,
  args: readonly string[],
  path: string,
  signal?: 'SIGSTOP',
): Promise<() => Promise<void>> => {
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  await opened(child, path);
  if (signal !== undefined) child.kill(signal);
  return () => ended(child);
};

const opened = async (child: ChildProcess, path: string): Promise<void> => {
  for (let tries = 0; !openFilesOf(child.pid!).includes(path); tries++) {
    if (child.exitCode !== null || tries > 500) throw new Error(`${child.spawnfile} does not open ${path}`);
    await sleep(10);
  }
  // QEMU takes its locks a moment after it has opened the file.
  await sleep(30);
};

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
};

const inShell =
  (redirection: string) =>
  (path: string): Promise<() => Promise<void>> =>
    holding('sh', ['-c', `exec 9${redirection}"$0"; exec sleep 60`, path], path);

/** The process that opened the file ends; one that it started has inherited the descriptor. */
const inherited = async (path: string): Promise<() => Promise<void>> => {
  const started = execFileSync('sh', ['-c', 'exec 9<>"$0"; sleep 60 >/dev/null 2>&1 & echo $!', path]);
  return async () => void process.kill(Number(started.toString()), 'SIGKILL');
};

const MAP = `
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
held = mmap.mmap(fd, 4096, prot=mmap.PROT_READ | (mmap.PROT_WRITE if sys.argv[2] == "rw" else 0))
os.close(fd)
sys.stdout.write("mapped\\n"); sys.stdout.flush()
sys.stdin.read()
`;

/** Python's mmap keeps a descriptor of its own: closed behind its back, only the mapping is left. */
const mapped = (access: 'r' | 'rw') => async (path: string) => {
  const program = MAP.replace('os.close(fd)', 'os.closerange(3, 64)');
  const child = spawn('python3', ['-c', program, path, access], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return () => ended(child);
};

export const loopOver = (path: string, ...options: readonly string[]): string =>
  execFileSync('losetup', ['-f', '--show', ...options, path], { encoding: 'utf8' }).trim();
export const withoutLoop = (device: string): void => void execFileSync('losetup', ['-d', device]);

const loop =
  (...options: readonly string[]) =>
  async (path: string) => {
    const device = loopOver(path, ...options);
    return async () => withoutLoop(device);
  };

const nbd =
  (...options: readonly string[]) =>
  async (path: string, format: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'chainfold-nbd-'));
    const args = [...options, '-f', format, '-k', join(folder, 'socket'), '--persistent', path];
    const end = await holding('qemu-nbd', args, path);
    return async () => {
      await end();
      rmSync(folder, { recursive: true });
    };
  };

const qemuIo =
  (...options: readonly string[]) =>
  (path: string, format: string) =>
    holding('qemu-io', [...options, '-f', format, path], path);

const chainfold =
  (use: FileToLock['use'], signal?: 'SIGSTOP') =>
  async (path: string): Promise<() => Promise<void>> => {
    const other = await LockingProcess.start();
    await other.ask({ do: 'lock', files: [{ path, use }] });
    if (signal !== undefined) other.signal(signal);
    return () => other.kill();
  };

const user = (program: string) => ({ program, root: false });
const root = { program: 'losetup', root: true };

export const HOLDER_KINDS: readonly HolderKind[] = [
  { title: 'qemu-io', named: /qemu-io \(pid \d+, QEMU write/, writes: true, needs: user('qemu-io'), take: qemuIo() },
  {
    title: 'qemu-io -r',
    named: /qemu-io \(pid \d+, QEMU read/,
    writes: false,
    needs: user('qemu-io'),
    take: qemuIo('-r'),
  },
  {
    title: 'qemu-io -r -U',
    named: /qemu-io \(pid \d+, QEMU read/,
    writes: false,
    needs: user('qemu-io'),
    take: qemuIo('-r', '-U'),
  },
  { title: 'qemu-nbd', named: /qemu-nbd \(pid \d+, QEMU write/, writes: true, needs: user('qemu-nbd'), take: nbd() },
  {
    title: 'qemu-nbd -r',
    named: /qemu-nbd \(pid \d+, QEMU read/,
    writes: false,
    needs: user('qemu-nbd'),
    take: nbd('-r'),
  },
  {
    title: 'qemu-img that is stopped on its way',
    named: /qemu-img \(pid \d+, QEMU read/,
    writes: false,
    needs: user('qemu-img'),
    take: (path, format) => holding('qemu-img', ['bench', '-f', format, '-c', '100000000', path], path, 'SIGSTOP'),
  },
  {
    title: 'a program that has it open for writing',
    named: /sleep \(pid \d+, has it open for writing\)/,
    writes: true,
    needs: user('sh'),
    take: inShell('<>'),
  },
  {
    title: 'a program that has it open for reading',
    named: /sleep \(pid \d+, has it open for reading\)/,
    writes: false,
    needs: user('sh'),
    take: inShell('<'),
  },
  {
    title: 'a program that has inherited it open',
    named: /sleep \(pid \d+, has it open for writing\)/,
    writes: true,
    needs: user('sh'),
    take: inherited,
  },
  {
    title: 'a program that has it mapped for writing, the descriptor closed',
    named: /python3\S* \(pid \d+, has it mapped for writing\)/,
    writes: true,
    needs: user('python3'),
    take: mapped('rw'),
  },
  {
    title: 'a program that has it mapped for reading, the descriptor closed',
    named: /python3\S* \(pid \d+, has it mapped for reading\)/,
    writes: false,
    needs: user('python3'),
    take: mapped('r'),
  },
  {
    title: 'a loop device',
    named: /\/dev\/loop\d+ \(pid unknown, loop device over/,
    writes: true,
    needs: root,
    take: loop(),
  },
  {
    title: 'a read-only loop device',
    named: /\/dev\/loop\d+ \(pid unknown, read-only loop device over/,
    writes: false,
    needs: root,
    take: loop('-r'),
  },
  {
    title: 'another chainfold that reads it',
    named: /locking-process\.mjs \(pid \d+, chainfold lock\)/,
    writes: false,
    needs: user('node'),
    take: chainfold('read'),
  },
  {
    title: 'another chainfold that writes it and is stopped',
    named: /locking-process\.mjs \(pid \d+, chainfold lock\)/,
    writes: true,
    needs: user('node'),
    take: chainfold('write', 'SIGSTOP'),
  },
];

/** Why a kind cannot be tried here; null when it can. */
export const whyNotHere = ({ needs }: Pick<HolderKind, 'needs'>): string | null => {
  if (process.platform !== 'linux') return 'not on Linux';
  if (needs.root && process.geteuid?.() !== 0) return 'it needs root';
  return spawnSync('sh', ['-c', 'command -v "$0"', needs.program]).status === 0 ? null : `${needs.program} is not here`;
};

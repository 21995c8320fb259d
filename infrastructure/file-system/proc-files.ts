import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FileIdentity } from '#domain/chain/image-description';
import { nameCalls, nodeFileCalls } from './file-calls.js';
import { fileStatOf } from './regular-file.js';
import { faultOf, systemCodeOf } from './system-fault.js';

/**
 * What Linux tells in /proc of who has a file. Nothing here opens the file itself for anything: a descriptor with O_PATH only names it.
 *
 * The kernel writes locks down by its own inode number and the device of the superblock, which on btrfs and overlays are not those of
 * `stat`. So both are asked for, of a descriptor of our own.
 */
export interface ExaminedFile extends Pick<FileIdentity, 'dev' | 'ino'> {
  /** `fe:00:1234`, as in /proc/locks; null when this kernel does not tell. */
  readonly lockedAs: string | null;
  readonly kernelInode: string;
}

/** No access, only a name: opens a device or a FIFO without touching it. The same bit on x64 and arm64. */
const O_PATH = 0o10000000;

/** Null when nothing is there, and off Linux. */
export const examineFile = async (path: string): Promise<ExaminedFile | null> => {
  if (process.platform !== 'linux') return null;
  try {
    const fd = await nameCalls.open(path, O_PATH | fs.constants.O_NOFOLLOW);
    try {
      return await examineDescriptor(path, fd);
    } finally {
      await nodeFileCalls.close(fd);
    }
  } catch (error) {
    const fault = faultOf('look at', path, error);
    if (fault.code === 'not-found') return null;
    throw fault;
  }
};

export const examineDescriptor = async (path: string, fd: number): Promise<ExaminedFile> => {
  const { dev, ino } = fileStatOf(path, await nodeFileCalls.stat(fd));
  const info = descriptorInfo(`/proc/self/fdinfo/${String(fd)}`);
  // Kernels before 5.14 do not tell the inode: there `stat` has to do.
  const kernelInode = info?.inode ?? ino;
  const device = info === null ? null : superblockOf(info.mount);
  return { dev, ino, kernelInode, lockedAs: device === null ? null : `${device}:${kernelInode}` };
};

/** Device of a mount in the way that /proc/locks writes it: hexadecimal, at least two digits each. */
const superblockOf = (mount: string): string | null => {
  const line = readIfThere('/proc/self/mountinfo')
    ?.split('\n')
    .find((text) => text.startsWith(`${mount} `));
  const numbers = /^\d+ \d+ (\d+):(\d+) /.exec(line ?? '');
  if (numbers === null) return null;
  return numbers
    .slice(1)
    .map((decimal) => Number(decimal).toString(16).padStart(2, '0'))
    .join(':');
};

export const kernelLockLines = (): readonly string[] => (readIfThere('/proc/locks') ?? '').split('\n');

export interface SeenDescriptor {
  readonly pid: number;
  readonly access: 'reading' | 'writing';
  /** Locks that hang on it, in the words of /proc/locks. */
  readonly lockLines: readonly string[];
}

/**
 * Every descriptor of the file in every process that this user may look into, our own included. Reads fdinfo and goes by the inode in it:
 * following each link instead would hang on the first dead network mount. One process at a time, so that the event loop goes on.
 */
export const descriptorsOf = async (file: ExaminedFile): Promise<readonly SeenDescriptor[]> => {
  const seen: SeenDescriptor[] = [];
  for (const pid of listIfThere('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of listIfThere(`/proc/${pid}/fdinfo`)) {
      const info = descriptorInfo(`/proc/${pid}/fdinfo/${fd}`);
      if (info === null || (info.inode !== null && info.inode !== file.kernelInode)) continue;
      if ((info.flags & O_PATH) !== 0 || !isSameFile(`/proc/${pid}/fd/${fd}`, file)) continue;
      const access = (info.flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) === 0 ? 'reading' : 'writing';
      seen.push({ pid: Number(pid), access, lockLines: info.lockLines });
    }
    await nextTurn();
  }
  return seen;
};

const isSameFile = (link: string, file: ExaminedFile): boolean => {
  const stat = unlessGone(() => fs.statSync(link, { bigint: true }));
  return stat?.dev.toString() === file.dev && stat.ino.toString() === file.ino;
};

interface DescriptorInfo {
  readonly flags: number;
  readonly mount: string;
  readonly inode: string | null;
  readonly lockLines: readonly string[];
}

const descriptorInfo = (path: string): DescriptorInfo | null => {
  const text = readIfThere(path);
  if (text === null) return null;
  const field = (name: string): string | null => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? null;
  return {
    flags: Number.parseInt(field('flags') ?? '0', 8),
    mount: field('mnt_id') ?? '',
    inode: field('ino'),
    lockLines: [...text.matchAll(/^lock:\s*(.*)$/gm)].map((match) => match[1]!),
  };
};

/** Command lines and names come from other programs: what could move a terminal's cursor is taken out, and the length is bounded. */
const printable = (text: string): string => text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?').slice(0, 60);

const INTERPRETER = /^(node|bun|deno|python[\d.]*)$/;

/** The program's name; with its script, for an interpreter. `unknown` when the process is gone or not ours to see. */
export const programOf = (pid: number): string => {
  const words = (readIfThere(`/proc/${String(pid)}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
  const name = baseName(words[0] ?? readIfThere(`/proc/${String(pid)}/comm`)?.trimEnd() ?? '');
  const script = INTERPRETER.test(name)
    ? words.slice(1).find((word) => /^[^-].*\.[cm]?[jt]s$|^[^-].*\.py$/.test(word))
    : undefined;
  const said = script === undefined ? name : `${name} ${baseName(script)}`;
  return said === '' ? 'unknown' : printable(said);
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Another user's process, or one that ended while it was looked at. */
const NOT_TO_BE_SEEN = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENOTDIR']);

const unlessGone = <T>(look: () => T): T | null => {
  try {
    return look();
  } catch (error) {
    if (NOT_TO_BE_SEEN.has(systemCodeOf(error) ?? '')) return null;
    throw error;
  }
};

export const readIfThere = (path: string): string | null => unlessGone(() => fs.readFileSync(path, 'utf8'));
export const listIfThere = (folder: string): readonly string[] => unlessGone(() => fs.readdirSync(folder)) ?? [];

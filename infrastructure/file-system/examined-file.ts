import * as fs from 'node:fs';
import type { FileIdentity } from '#domain/chain/image-description';
import { nameCalls, nodeFileCalls } from './file-calls.js';
import { type Mount, mountTable } from './mount-table.js';
import { readIfThere } from './proc-files.js';
import { fileStatOf } from './regular-file.js';
import { faultOf } from './system-fault.js';

/**
 * A file as the kernel's tables name it. Nothing here opens the file itself for anything: a descriptor with O_PATH only names it.
 *
 * The kernel writes locks and mappings down by its own inode number and the device of the superblock, which on btrfs and overlays are
 * not those of `stat`. So both are asked for, of a descriptor of our own.
 */
export interface ExaminedFile extends Pick<FileIdentity, 'dev' | 'ino'> {
  readonly path: string;
  /** `fe:00:1234`, as in /proc/locks; null when this kernel does not tell. */
  readonly lockedAs: string | null;
  readonly kernelInode: string;
  /** What the file lies on; null when this kernel does not tell. */
  readonly mount: Mount | null;
}

/** No access, only a name: opens a device or a FIFO without touching it. The same bit on x64 and arm64. */
export const O_PATH = 0o10000000;

/** Null when nothing is there, and off Linux. The mounts may be given, when many files are asked for. */
export const examineFile = async (path: string, mounts?: readonly Mount[]): Promise<ExaminedFile | null> => {
  if (process.platform !== 'linux') return null;
  try {
    const fd = await nameCalls.open(path, O_PATH | fs.constants.O_NOFOLLOW);
    try {
      return await examineDescriptor(path, fd, mounts);
    } finally {
      await nodeFileCalls.close(fd);
    }
  } catch (error) {
    const fault = faultOf('look at', path, error);
    if (fault.code === 'not-found') return null;
    throw fault;
  }
};

export const examineDescriptor = async (
  path: string,
  fd: number,
  mounts: readonly Mount[] = mountTable(),
): Promise<ExaminedFile> => {
  const { dev, ino } = fileStatOf(path, await nodeFileCalls.stat(fd));
  const info = descriptorInfo(readIfThere(`/proc/self/fdinfo/${String(fd)}`));
  // Kernels before 5.14 do not tell the inode: there `stat` has to do.
  const kernelInode = info?.inode ?? ino;
  const mount = mounts.find(({ id }) => id === info?.mount) ?? null;
  return { path, dev, ino, kernelInode, mount, lockedAs: mount && `${hexadecimal(mount.device)}:${kernelInode}` };
};

/** `254:0` in the way that /proc/locks and maps write it: hexadecimal, at least two digits each. */
const hexadecimal = (device: string): string =>
  device
    .split(':')
    .map((decimal) => Number(decimal).toString(16).padStart(2, '0'))
    .join(':');

export interface DescriptorInfo {
  readonly flags: number;
  readonly mount: string;
  readonly inode: string | null;
  readonly lockLines: readonly string[];
}

/** The text of an fdinfo file; null when there is none. */
export const descriptorInfo = (text: string | null): DescriptorInfo | null => {
  if (text === null) return null;
  const field = (name: string): string | null => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? null;
  return {
    flags: Number.parseInt(field('flags') ?? '0', 8),
    mount: field('mnt_id') ?? '',
    inode: field('ino'),
    lockLines: [...text.matchAll(/^lock:\s*(.*)$/gm)].map((match) => match[1]!),
  };
};

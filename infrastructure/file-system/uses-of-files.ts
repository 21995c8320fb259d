import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { descriptorInfo, type ExaminedFile, O_PATH } from './examined-file.js';
import { listIfThere, look, processIds, readIfThere } from './proc-files.js';

/** One way in which a process has a file. */
export interface SeenUse {
  readonly file: ExaminedFile;
  readonly pid: number;
  readonly by: 'descriptor' | 'mapping';
  readonly access: 'reading' | 'writing';
  /** Locks that hang on the descriptor, in the words of /proc/locks. */
  readonly lockLines: readonly string[];
}

/**
 * Every descriptor and every mapping of these files in every process that this user may look into, our own included: one walk through
 * /proc for all of them. One process at a time, so that the event loop goes on.
 */
export const usesOf = async (files: readonly ExaminedFile[]): Promise<readonly SeenUse[]> => {
  if (files.length === 0) return [];
  const byInode = grouped(files, ({ kernelInode }) => kernelInode);
  const byPlace = new Map(files.map((file) => [file.lockedAs ?? '', file]));
  const uses: SeenUse[] = [];
  for (const pid of processIds()) {
    uses.push(...descriptorsOf(pid, files, byInode), ...mappingsOf(pid, byPlace));
    await nextTurn();
  }
  return uses;
};

/** What is no file of a disk, by what its link says. Most descriptors are of these kinds, and a link is read in a fifth of the time. */
const NO_IMAGE = /^(?!\/)|^\/dev\/(?:null|zero|u?random|ptmx|tty|pts\/)|^\/memfd:/;

/**
 * Goes by the link's text first, then by the inode in fdinfo. Following each link instead would hang on the first dead network mount:
 * only what has the right inode is asked who it is.
 */
const descriptorsOf = (
  pid: string,
  files: readonly ExaminedFile[],
  byInode: ReadonlyMap<string, readonly ExaminedFile[]>,
): readonly SeenUse[] =>
  listIfThere(`/proc/${pid}/fd`).flatMap((fd): readonly SeenUse[] => {
    const link = `/proc/${pid}/fd/${fd}`;
    const leadsTo = look(() => fs.readlinkSync(link)).seen;
    if (leadsTo === null || NO_IMAGE.test(leadsTo)) return [];
    const info = descriptorInfo(readIfThere(`/proc/${pid}/fdinfo/${fd}`));
    if (info === null || (info.flags & O_PATH) !== 0) return [];
    // Kernels before 5.14 do not tell the inode: there every link is followed.
    const candidates = info.inode === null ? files : (byInode.get(info.inode) ?? []);
    if (candidates.length === 0) return [];
    const stat = look(() => fs.statSync(link, { bigint: true })).seen;
    const file = candidates.find(({ dev, ino }) => stat?.dev.toString() === dev && stat.ino.toString() === ino);
    if (file === undefined) return [];
    const access = (info.flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) === 0 ? 'reading' : 'writing';
    return [{ file, pid: Number(pid), by: 'descriptor', access, lockLines: info.lockLines }];
  });

/**
 * A mapping outlives the descriptor that it was made of. `maps` names a file as /proc/locks does; `map_files` would need more rights
 * and one call for each mapping.
 */
const mappingsOf = (pid: string, byPlace: ReadonlyMap<string, ExaminedFile>): readonly SeenUse[] => {
  const uses = new Map<string, SeenUse>();
  for (const [, write, share, device, inode] of (readIfThere(`/proc/${pid}/maps`) ?? '').matchAll(MAPPING)) {
    const file = byPlace.get(`${device!}:${inode!}`);
    if (file === undefined) continue;
    const access = write === 'w' && share === 's' ? 'writing' : 'reading';
    uses.set(`${file.path} ${access}`, { file, pid: Number(pid), by: 'mapping', access, lockLines: [] });
  }
  return [...uses.values()];
};

/** `7f12…-7f13… rw-s 00000000 fe:00 1234  /vm/disk.vhd`. A private mapping (`p`) keeps what is written into it for itself. */
const MAPPING = /^\S+ .(.).(.) \S+ ([0-9a-f]+:[0-9a-f]+) ([1-9]\d*)/gm;

const grouped = <T>(things: readonly T[], by: (thing: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const thing of things) groups.set(by(thing), [...(groups.get(by(thing)) ?? []), thing]);
  return groups;
};

import type { FileIdentity } from '#domain/chain/image-description';
import { nameCalls } from './file-calls.js';
import { type AskLoop, loopAsker } from './loop-status.js';
import { type Mount, mountTable } from './mount-table.js';
import { listIfThere, readIfThere } from './proc-files.js';
import { faultOf } from './system-fault.js';

/** A block device over a file. The kernel itself has the file open then: no process, no descriptor, no lock shows it. */
export interface LoopDevice {
  readonly device: string;
  /** The file below it; null when it cannot be found out. */
  readonly file: Pick<FileIdentity, 'dev' | 'ino'> | null;
  readonly readOnly: boolean;
  /** Block devices over this one or over its partitions, as people name them: `dm-0 (vg-root)`. */
  readonly under: readonly string[];
  /** Where it, a partition of it, or a device over it is mounted. */
  readonly mountedAt: readonly string[];
}

/** Where this is looked up; a test has its own. */
export interface LoopWorld {
  readonly sys: string;
  readonly mounts: () => readonly Mount[];
  readonly ask: () => Promise<AskLoop>;
}

const THIS_HOST: LoopWorld = { sys: '/sys', mounts: mountTable, ask: loopAsker };

/** All of this host that have a file below them. */
export const loopDevices = async ({ sys, mounts, ask }: LoopWorld = THIS_HOST): Promise<readonly LoopDevice[]> => {
  const blocks = `${sys}/block`;
  const found: LoopDevice[] = [];
  for (const name of listIfThere(blocks).filter((entry) => entry.startsWith('loop'))) {
    const backing = readIfThere(`${blocks}/${name}/loop/backing_file`)?.replace(/\n$/, '');
    if (backing === undefined) continue;
    const device = `/dev/${name}`;
    const status = (await ask())(device);
    const over = devicesOver(blocks, name);
    const sources = new Set(over.map((one) => `/dev/${one.name}`));
    const numbers = new Set(over.map((one) => one.number));
    found.push({
      device,
      file: status ?? (await fileAt(backing)),
      readOnly: status?.readOnly ?? readIfThere(`${blocks}/${name}/ro`)?.trim() === '1',
      under: over.filter((one) => !one.name.startsWith('loop')).map((one) => one.words),
      mountedAt: mounts()
        .filter((mount) => numbers.has(mount.device) || sources.has(mount.source))
        .map(({ place }) => place),
    });
  }
  return found;
};

interface BlockDevice {
  readonly name: string;
  /** `7:0`, as in the table of mounts. */
  readonly number: string;
  readonly words: string;
}

/** The device, its partitions, what has one of these below it, and so on up. */
const devicesOver = (blocks: string, name: string): readonly BlockDevice[] => {
  const found = new Map<string, BlockDevice>();
  const visit = (path: string): void => {
    const one = path.slice(path.lastIndexOf('/') + 1);
    if (found.has(one)) return;
    const mapped = readIfThere(`${path}/dm/name`)?.trim();
    const number = readIfThere(`${path}/dev`)?.trim() ?? '';
    found.set(one, { name: one, number, words: mapped === undefined ? one : `${one} (${mapped})` });
    for (const partition of listIfThere(path).filter((entry) => entry.startsWith(`${one}p`)))
      visit(`${path}/${partition}`);
    for (const holder of listIfThere(`${path}/holders`)) visit(`${blocks}/${holder}`);
  };
  visit(`${blocks}/${name}`);
  return [...found.values()];
};

/**
 * By the path that the kernel tells; it follows a rename. Null when nothing is there: unlinked (the kernel adds ` (deleted)`), or a path
 * of another mount name space.
 */
const fileAt = async (path: string): Promise<LoopDevice['file']> => {
  try {
    const { dev, ino } = await nameCalls.lstat(path);
    return { dev: dev.toString(), ino: ino.toString() };
  } catch (error) {
    const fault = faultOf('look at', path, error);
    if (fault.code === 'not-found' || fault.code === 'access-denied') return null;
    throw fault;
  }
};

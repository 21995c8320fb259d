import type { FileIdentity } from '#domain/chain/image-description';
import { nameCalls } from './file-calls.js';
import { listIfThere, readIfThere } from './proc-files.js';
import { faultOf } from './system-fault.js';

/** A block device over a file. The kernel itself has the file open then: no process, no descriptor, no lock shows it. */
export interface LoopDevice {
  readonly device: string;
  readonly mountedAt: readonly string[];
}

/** Goes by the path that the kernel tells (it follows a rename), and by the file that is there now. */
export const loopDevicesOn = async (file: Pick<FileIdentity, 'dev' | 'ino'>): Promise<readonly LoopDevice[]> => {
  const found: LoopDevice[] = [];
  for (const name of listIfThere('/sys/block').filter((entry) => entry.startsWith('loop'))) {
    const backing = readIfThere(`/sys/block/${name}/loop/backing_file`)?.replace(/\n$/, '');
    if (backing === undefined || !(await isFile(backing, file))) continue;
    found.push({ device: `/dev/${name}`, mountedAt: mountsFrom(`/dev/${name}`) });
  }
  return found;
};

const isFile = async (path: string, file: Pick<FileIdentity, 'dev' | 'ino'>): Promise<boolean> => {
  try {
    const { dev, ino } = await nameCalls.lstat(path);
    return dev.toString() === file.dev && ino.toString() === file.ino;
  } catch (error) {
    const fault = faultOf('look at', path, error);
    if (fault.code === 'not-found' || fault.code === 'access-denied') return false;
    throw fault;
  }
};

/** Where the device, or a partition of it (`/dev/loop0p1`), is mounted. Field 5 is the place, the source follows " - type ". */
const mountsFrom = (device: string): readonly string[] =>
  (readIfThere('/proc/self/mountinfo') ?? '').split('\n').flatMap((line) => {
    const fields = /^\S+ \S+ \S+ \S+ (\S+) .* - \S+ (\S+) /.exec(line);
    if (fields === null) return [];
    const [, place, source] = fields;
    const isOurs =
      source === device || (source!.startsWith(`${device}p`) && /^\d+$/.test(source!.slice(device.length + 1)));
    return isOurs ? [withoutEscapes(place!)] : [];
  });

/** Blanks and backslashes are written in octal there. */
const withoutEscapes = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

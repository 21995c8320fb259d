import type { FileIdentity } from '#domain/chain/image-description';
import { nameCalls } from './file-calls.js';
import { withoutEscapes } from './mount-table.js';
import { readIfThere } from './proc-files.js';
import { faultOf } from './system-fault.js';

/** Files that the kernel swaps to. It has them open itself, as with loop devices. `table`: the text of /proc/swaps. */
export const swapFiles = async (
  table = readIfThere('/proc/swaps') ?? '',
): Promise<readonly Pick<FileIdentity, 'dev' | 'ino'>[]> => {
  const found: Pick<FileIdentity, 'dev' | 'ino'>[] = [];
  for (const line of table.split('\n')) {
    const path = /^(\S+)\s+file\s/.exec(line)?.[1];
    if (path === undefined) continue;
    try {
      const { dev, ino } = await nameCalls.lstat(withoutEscapes(path));
      found.push({ dev: dev.toString(), ino: ino.toString() });
    } catch (error) {
      // Unlinked, or a path of another mount name space: no image of ours goes by it.
      const fault = faultOf('look at', path, error);
      if (fault.code !== 'not-found' && fault.code !== 'access-denied') throw fault;
    }
  }
  return found;
};

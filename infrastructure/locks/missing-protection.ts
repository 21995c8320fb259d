import { examineFile } from '../file-system/examined-file.js';
import { hasMandatoryLocks, sharedFileSystemAt } from '../file-system/file-system-type.js';
import { loopDevices } from '../file-system/loop-devices.js';
import { mountTable } from '../file-system/mount-table.js';
import { hasProc, inOwnPidNameSpace, processesAreLeftOut, unseenProcesses } from '../file-system/unseen-processes.js';

/**
 * What nobody on this host is protected from, whatever the files. `unlocked`: why images are not locked, null when they are.
 */
export const missingOnThisHost = (unlocked: string | null): readonly string[] => [
  ...(unlocked === null
    ? []
    : [
        `Images are not locked against other programs: ${unlocked}. Another chainfold or QEMU that starts during a merge could change them and would not be noticed.`,
      ]),
  ...(process.platform === 'linux' && hasProc()
    ? []
    : ['This host does not tell which programs have a file open: an image that is in use is not noticed.']),
];

/** What cannot be seen of those who might have these files, one sentence each. Files that are not there have nobody. */
export const unseenHolders = async (paths: readonly string[]): Promise<readonly string[]> => {
  if (process.platform !== 'linux' || !hasProc()) return [];
  return [...ofNameSpace(), ...(await ofProcesses()), ...(await ofLoopDevices()), ...(await ofFileSystems(paths))];
};

const ofNameSpace = (): readonly string[] => [
  ...(inOwnPidNameSpace()
    ? [
        'This is a PID name space of its own, as in a container: programs outside of it are not seen, and noticed only by the byte locks that QEMU and chainfold take.',
      ]
    : []),
  ...(processesAreLeftOut()
    ? ['/proc is mounted with hidepid: programs of other users are not seen, and noticed only by their locks.']
    : []),
];

const ofProcesses = async (): Promise<readonly string[]> => {
  const { count, users } = await unseenProcesses();
  if (count === 0) return [];
  const whose = users.length === 0 ? '' : ` (of ${users.join(', ')})`;
  return [
    `This user may not look into ${count === 1 ? '1 process' : `${String(count)} processes`}${whose}: what they have open is not seen, and noticed only by their locks.${process.geteuid?.() === 0 ? '' : ' Root sees more.'}`,
  ];
};

const ofLoopDevices = async (): Promise<readonly string[]> => {
  const unknown = (await loopDevices()).filter(({ file }) => file === null).map(({ device }) => device);
  if (unknown.length === 0) return [];
  return [`Over which file ${unknown.join(', ')} lies cannot be seen by this user: it may be an image of this chain.`];
};

/** One sentence for each mount: a chain may have hundreds of files. */
const ofFileSystems = async (paths: readonly string[]): Promise<readonly string[]> => {
  const mounts = mountTable();
  const sentences = new Set<string>();
  for (const path of paths) {
    const file = await examineFile(path, mounts);
    if (file === null) continue;
    const type = await sharedFileSystemAt(path, file.mount);
    if (type === null) continue;
    const where = `${file.mount?.place ?? path} (${type})`;
    sentences.add(
      (await hasMandatoryLocks(path))
        ? `${where} is an SMB share, where a lock would stop our own writes: its files are not locked against other programs, and what other hosts have open is not seen.`
        : `${where} can be reached from elsewhere: what other hosts have open there is not seen, and locks keep them off only as far as this file system passes them on.`,
    );
  }
  return [...sentences];
};

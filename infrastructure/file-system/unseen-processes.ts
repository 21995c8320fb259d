import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { mountTable } from './mount-table.js';
import { linkIfThere, listIfThere, look, processIds, readIfThere, userIdOf, userName } from './proc-files.js';

/** Processes whose open files are not shown to this one. */
export interface UnseenProcesses {
  readonly count: number;
  /** Whose they are. */
  readonly users: readonly string[];
}

/**
 * Asks each process for its folder: the kernel asks for the same right as for its descriptors, and their list alone may be readable
 * where its entries are not (root without CAP_SYS_PTRACE). Threads of the kernel and processes that have ended have nothing open, so
 * they are not counted.
 */
export const unseenProcesses = async (): Promise<UnseenProcesses> => {
  const users = new Set<number>();
  let count = 0;
  for (const pid of processIds()) {
    if (isHidden(pid) && !hasNothingOpen(pid)) {
      count += 1;
      const user = userIdOf(pid);
      if (user !== null) users.add(user);
    }
    await nextTurn();
  }
  return { count, users: [...users].map(userName) };
};

const isHidden = (pid: string): boolean => {
  const folder = look(() => fs.readlinkSync(`/proc/${pid}/cwd`));
  return folder.seen === null && folder.hidden;
};

const PF_KTHREAD = 0x0020_0000;

/** `4711 (name, with any character) S 1 … flags …`: state and flags are the 1st and 7th fields behind the last bracket. */
const hasNothingOpen = (pid: string): boolean => {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === null) return true;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /^[ZX]/.test(fields[0] ?? '') || (Number(fields[6]) & PF_KTHREAD) !== 0;
};

/** The machine's own PID name space has this inode always (PROC_PID_INIT_INO, linux/proc_ns.h). */
const OF_THE_MACHINE = 'pid:[4026531836]';

/** Is this a PID name space below the machine's, as in a container? Processes outside of it are not even listed. */
export const inOwnPidNameSpace = (): boolean => {
  const ours = linkIfThere('/proc/self/ns/pid');
  return ours !== null && ours !== OF_THE_MACHINE;
};

/** Is /proc mounted so that other users' processes are not even listed (`hidepid=2`, `invisible`, `ptraceable`)? Process 1 is somebody else's. */
export const processesAreLeftOut = (): boolean => {
  const hiding = mountTable().some(
    ({ place, options }) =>
      place === '/proc' && options.some((option) => /^hidepid=([24]|invisible|ptraceable)$/.test(option)),
  );
  return hiding && listIfThere('/proc/1').length === 0;
};

export const hasProc = (): boolean => listIfThere('/proc/self').length > 0;

/**
 * What keeps this process from changing a file, looked at without changing anything: rights, a read-only mount, the flags that
 * `chattr` sets, and the sticky bit of a folder. ACLs, capabilities and user name spaces are in what access(2) answers.
 */
import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { nameCalls } from './file-calls.js';
import { systemPath } from './name-bytes.js';
import type { NativeCalls } from './native-calls.js';
import { faultOf } from './system-fault.js';

const STICKY = 0o1000n;

/** In words that follow "found:", or null. Throws what the operating system throws for a file that is not there. */
export const changeObstacle = async (
  path: string,
  change: 'write' | 'remove',
  native: NativeCalls | null,
): Promise<string | null> => {
  switch (change) {
    case 'write':
      return (
        (await accessObstacle(path, constants.W_OK, 'no right to write it')) ??
        flagObstacle('it', path, native, ['appendOnly'])
      );
    case 'remove': {
      const folder = dirname(path);
      return (
        (await accessObstacle(folder, constants.W_OK | constants.X_OK, `no right to change its folder ${folder}`)) ??
        flagObstacle(`its folder ${folder}`, folder, native, ['appendOnly', 'immutable']) ??
        flagObstacle('it', path, native, ['appendOnly', 'immutable']) ??
        (await stickyObstacle(path, folder))
      );
    }
  }
};

const accessObstacle = async (path: string, mode: number, noRight: string): Promise<string | null> => {
  try {
    await nameCalls.access(path, mode);
    return null;
  } catch (error) {
    const fault = faultOf('look at', path, error);
    if (fault.code === 'read-only') return 'a file system that is mounted read-only';
    if (fault.code !== 'access-denied') throw fault;
    // EPERM comes from the immutable flag alone: missing rights are EACCES.
    const isFlag = error instanceof Error && 'code' in error && error.code === 'EPERM';
    return isFlag ? `the immutable flag on ${path} (\`chattr +i\`)` : noRight;
  }
};

/** To access(2) a file that can only be appended to is one that can be written. Without `koffi` the first write tells. */
const flagObstacle = (
  what: string,
  path: string,
  native: NativeCalls | null,
  asked: readonly ('appendOnly' | 'immutable')[],
): string | null => {
  const flags = native?.flagsOf(systemPath(path)) ?? null;
  if (flags === null) return null;
  if (flags.appendOnly && asked.includes('appendOnly')) return `the append-only flag on ${what} (\`chattr +a\`)`;
  if (flags.immutable && asked.includes('immutable')) return `the immutable flag on ${what} (\`chattr +i\`)`;
  return null;
};

/** In a sticky folder names belong to who owns the file or the folder. */
const stickyObstacle = async (path: string, folder: string): Promise<string | null> => {
  const user = process.geteuid?.();
  if (user === undefined || user === 0) return null;
  const of = await nameCalls.lstat(folder);
  if ((of.mode & STICKY) === 0n || of.uid === BigInt(user)) return null;
  if ((await nameCalls.lstat(path)).uid === BigInt(user)) return null;
  return `the sticky bit on its folder ${folder}, where only its owner may rename or remove it`;
};

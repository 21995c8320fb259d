import { createRequire } from 'node:module';
import { hostname, uptime, userInfo } from 'node:os';
import type { Host } from '#application/ports/host';
import { readSystemText } from '../file-system/system-text.js';

/** This process on this machine, as the audit trail names it. */
export const nodeHost = (door: Host['door']): Host => ({
  name: hostname(),
  user: userName(),
  pid: process.pid,
  bootId: readSystemText('/proc/sys/kernel/random/boot_id')?.trim() ?? bootIdByTime(Date.now(), uptime()),
  engineVersion: engineVersion(),
  door,
  isRunning,
});

/**
 * Where the system has no boot id: the moment of the boot, to ten seconds. A clock that was set in between makes two ids of one
 * boot, which is the harmless mistake: device numbers are then not compared, though they could have been.
 */
export const bootIdByTime = (nowMs: number, uptimeSeconds: number): string =>
  `boot-at-${String(Math.round((nowMs / 1000 - uptimeSeconds) / 10) * 10)}`;

/** A user without an entry in the system's user list (a container's numeric user) is named by number. */
const userName = (): string => {
  try {
    return userInfo().username;
  } catch (error) {
    const uid = process.getuid?.();
    if (uid === undefined) throw error;
    return `uid ${String(uid)}`;
  }
};

/** By the package's own name, because source and build lie at different depths below package.json. */
const engineVersion = (): string => {
  const manifest: unknown = createRequire(import.meta.url)('chainfold/package.json');
  if (
    typeof manifest !== 'object' ||
    manifest === null ||
    !('version' in manifest) ||
    typeof manifest.version !== 'string'
  ) {
    throw new Error('package.json of chainfold has no version.');
  }
  return manifest.version;
};

/** Signal 0 reaches nobody, it only asks. A process that belongs to someone else (EPERM) is running as well. */
const isRunning = (pid: number): boolean => {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid > 0x7fffffff) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true;
    throw error;
  }
};

import { spawn } from 'node:child_process';

/**
 * Sees to it that a server of a test dies, and its folder goes, when the test's process is killed and can no longer tidy up itself: a process
 * that waits for the end of a pipe which only we hold. Gives back how to call it off, once the server has ended.
 */
export const diesWithUs = (pid: number, folder: string): (() => void) => {
  const guard = spawn('sh', ['-c', 'cat; kill -9 "$0"; sleep 1; rm -rf "$1"', String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  return () => void guard.kill('SIGKILL');
};

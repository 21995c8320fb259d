import { readdirSync, readlinkSync } from 'node:fs';

/** What a process has open, by name, as Linux tells it. Descriptors that close meanwhile are left out. */
export const openFilesOf = (pid: number): string[] =>
  readdirSync(`/proc/${String(pid)}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${String(pid)}/fd/${fd}`)];
    } catch (fault) {
      if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw fault;
    }
  });

import type { FileSystem, OpenFile } from '#application/ports/file-system';

/** Thrown in the place of a write: to the run it is the end of the process, and it writes no event about it. */
export class Died extends Error {
  constructor() {
    super('the process died');
    this.name = 'Died';
  }
}

/** What happens at each write to a file of this name: nothing, or it throws. `position` in bytes. */
export type AtWrite = (path: string, position: number, bytes: Uint8Array) => void | Promise<void>;

/** The file system given, with something that may happen before each write. */
export const filesThat = (files: FileSystem, atWrite: AtWrite): FileSystem => {
  const watched = (file: OpenFile): OpenFile => ({
    path: file.path,
    read: (into, position) => file.read(into, position),
    write: async (from, position) => {
      await atWrite(file.path, position, from);
      await file.write(from, position);
    },
    truncate: (length) => file.truncate(length),
    flush: () => file.flush(),
    stat: () => file.stat(),
    dropCache: () => file.dropCache(),
    space: file.space,
    close: () => file.close(),
  });
  return {
    open: async (path, mode) => watched(await files.open(path, mode)),
    create: async (path) => watched(await files.create(path)),
    realPath: (path) => files.realPath(path),
    stat: (path) => files.stat(path),
    list: (folder) => files.list(folder),
    link: (path, newPath) => files.link(path, newPath),
    unlink: (path) => files.unlink(path),
    flushFolder: (folder) => files.flushFolder(folder),
    freeSpaceBytes: (path) => files.freeSpaceBytes(path),
    changeObstacle: (path, change) => files.changeObstacle(path, change),
  };
};

/** Lets this many writes to the file pass, then dies at every further one. */
export const dyingAfter = (path: string, writes: number): AtWrite => {
  let left = writes;
  return (written) => {
    if (written !== path) return;
    left -= 1;
    if (left < 0) throw new Died();
  };
};

import * as fs from 'node:fs';
import { nameFromBytes, systemPath } from './name-bytes.js';
import { inFolder, inItsFolder, linkAppeared } from './pinned-folder.js';

/**
 * The system calls that an open file needs, so that a test can make one of them fail. They reject with the operating system's own error.
 * Node's callback functions, wrapped by hand: the promises of `FileHandle` take half as long again (measured).
 */
export interface FileCalls {
  /** Bytes read, fewer than asked at the end of the file and wherever the file system likes. */
  read(fd: number, into: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  write(fd: number, from: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  truncate(fd: number, length: number): Promise<void>;
  /** Data and size. On macOS libuv asks for F_FULLFSYNC here, on Windows for FlushFileBuffers: the device's own cache is flushed, too. */
  dataSync(fd: number): Promise<void>;
  stat(fd: number): Promise<fs.BigIntStats>;
  close(fd: number): Promise<void>;
}

type Done<T> = (error: Error | null, value: T) => void;

const answerOf = <T>(start: (done: Done<T>) => void): Promise<T> =>
  new Promise<T>((resolve, reject) => {
    start((error, value) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });

const endOf = (start: (done: (error: Error | null) => void) => void): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    start((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

export const nodeFileCalls: FileCalls = {
  read: (fd, into, offset, length, position) =>
    answerOf((done) => {
      fs.read(fd, into, offset, length, position, done);
    }),
  write: (fd, from, offset, length, position) =>
    answerOf((done) => {
      fs.write(fd, from, offset, length, position, done);
    }),
  truncate: (fd, length) => endOf((done) => fs.ftruncate(fd, length, done)),
  dataSync: (fd) => endOf((done) => fs.fdatasync(fd, done)),
  stat: (fd) => answerOf((done) => fs.fstat(fd, { bigint: true }, done)),
  close: (fd) => endOf((done) => fs.close(fd, done)),
};

/** Calls on names, without a thought for links on the way. */
export const plainNameCalls = {
  open: (path: string, flags: number, mode?: number): Promise<number> =>
    answerOf((done) => fs.open(systemPath(path), flags, mode, done)),
  lstat: (path: string): Promise<fs.BigIntStats> =>
    answerOf((done) => fs.lstat(systemPath(path), { bigint: true }, done)),
  access: (path: string, mode: number): Promise<void> => endOf((done) => fs.access(systemPath(path), mode, done)),
  link: (path: string, newPath: string): Promise<void> =>
    endOf((done) => fs.link(systemPath(path), systemPath(newPath), done)),
  unlink: (path: string): Promise<void> => endOf((done) => fs.unlink(systemPath(path), done)),
  list: async (folder: string): Promise<string[]> =>
    (await answerOf<Buffer[]>((done) => fs.readdir(systemPath(folder), 'buffer', done))).map(nameFromBytes),
};

/**
 * Calls on canonical names: a link on the way is a fault. Node opens with O_CLOEXEC always: no child process inherits a descriptor, nor
 * a lock that hangs on one.
 */
export const nameCalls = {
  /** In the last component a link is followed, unless the flags say otherwise. */
  open: (path: string, flags: number, mode?: number): Promise<number> =>
    inItsFolder(path, (place) => plainNameCalls.open(place, flags, mode)),
  openFolder: (folder: string): Promise<number> =>
    inFolder(folder, (place) => plainNameCalls.open(place, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)),
  lstat: (path: string): Promise<fs.BigIntStats> => inItsFolder(path, plainNameCalls.lstat),
  access: (path: string, mode: number): Promise<void> =>
    inItsFolder(path, async (place) => {
      // access(2) follows a link, so it is not asked about one.
      if ((await plainNameCalls.lstat(place)).isSymbolicLink()) throw linkAppeared(path, path);
      await plainNameCalls.access(place, mode);
    }),
  link: (path: string, newPath: string): Promise<void> =>
    inItsFolder(path, (place) => inItsFolder(newPath, (newPlace) => plainNameCalls.link(place, newPlace))),
  unlink: (path: string): Promise<void> => inItsFolder(path, plainNameCalls.unlink),
  list: (folder: string): Promise<string[]> => inFolder(folder, plainNameCalls.list),
  sync: (fd: number): Promise<void> => endOf((done) => fs.fsync(fd, done)),
  /** Follows links: the numbers of a file system give nothing of a file away. */
  statfs: (path: string): Promise<fs.BigIntStatsFs> =>
    answerOf((done) => fs.statfs(systemPath(path), { bigint: true }, done)),
  /** The canonical name of a path that may have links in it. */
  realPath: async (path: string): Promise<string> =>
    nameFromBytes(await answerOf<Buffer>((done) => fs.realpath.native(systemPath(path), 'buffer', done))),
};

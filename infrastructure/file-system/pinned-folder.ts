/**
 * Opening a path component by component. A path is checked with its links resolved, and used later: in between somebody who may write
 * there can put a link in its place, and `O_NOFOLLOW` guards the last component only. So every folder on the way is held by a
 * descriptor that only names it, and the next name is looked up in that very folder. CRASH-TESTS 4.4.
 *
 * Guarantees, on Linux with /proc:
 * - What is done at the place is done in the folder that the canonical path names; a link on the way is a fault (`not-a-file`).
 * - Nothing is kept from one call to the next, and no descriptor is left over.
 *
 * Elsewhere the place is the path itself, and `assertNoLinkAppeared` looks afterwards.
 */
import * as fs from 'node:fs';
import { posix } from 'node:path';
import { FileSystemFault } from '#application/ports/file-system';
import { systemPath } from './name-bytes.js';
import { systemCodeOf } from './system-fault.js';

/** No access, only a name. The same bit on x64 and arm64; Node has no constant for it. */
const O_PATH = 0o10000000;
const FOLDER = O_PATH | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW;

let canPin: boolean | null = null;

/** Not without /proc, nor where this process may not look into its own part of it. */
export const pinsFolders = (): boolean => {
  canPin ??= process.platform === 'linux' && rootCanBePinned();
  return canPin;
};

const rootCanBePinned = (): boolean => {
  const fd = fs.openSync('/', FOLDER);
  try {
    return fs.existsSync(placeIn(fd, '.'));
  } finally {
    fs.closeSync(fd);
  }
};

const placeIn = (fd: number, name: string): string => `/proc/self/fd/${String(fd)}/${name}`;

/**
 * Does something with a name, in its pinned folder. `use` is given the path to hand to the operating system; its last component is the
 * caller's to guard. Errors name the path, not the place.
 */
export const inItsFolder = async <T>(path: string, use: (place: string) => Promise<T>): Promise<T> => {
  const components = componentsOf(path);
  const name = components.at(-1);
  if (name === undefined || !pinsFolders()) return await use(path);
  return await pinned(path, components.slice(0, -1), name, use);
};

/** Does something with a folder that is itself pinned. */
export const inFolder = async <T>(folder: string, use: (place: string) => Promise<T>): Promise<T> =>
  pinsFolders() ? await pinned(folder, componentsOf(folder), '.', use) : await use(folder);

const componentsOf = (path: string): readonly string[] =>
  posix
    .resolve(path)
    .split('/')
    .filter((name) => name !== '');

const pinned = async <T>(
  path: string,
  folders: readonly string[],
  name: string,
  use: (place: string) => Promise<T>,
): Promise<T> => {
  const fd = pin(path, folders);
  try {
    return await use(placeIn(fd, name));
  } catch (error) {
    throw inWordsOfPath(error, fd, `/${folders.join('/')}`);
  } finally {
    fs.closeSync(fd);
  }
};

/**
 * Not asynchronous: each step is a look into the kernel's cache of names, which resolving the path has just filled, and takes
 * 4 µs. By way of the thread pool it takes 140 µs (measured), for every folder of every path.
 */
const pin = (path: string, folders: readonly string[]): number => {
  let fd = fs.openSync('/', FOLDER);
  try {
    for (const [index, name] of folders.entries()) {
      const next = openFolder(placeIn(fd, name), path, `/${folders.slice(0, index + 1).join('/')}`);
      fs.closeSync(fd);
      fd = next;
    }
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
};

const openFolder = (place: string, path: string, folder: string): number => {
  try {
    return fs.openSync(systemPath(place), FOLDER);
  } catch (error) {
    // ENOTDIR: a file, as on the way of many a stored path; or a link; or, when it is a folder by now, what was a link.
    const there = systemCodeOf(error) === 'ENOTDIR' ? kindAt(place) : 'other';
    if (there !== 'other') throw linkAppeared(path, folder);
    throw Object.assign(new Error(messageOf(error).replace(place, folder), { cause: error }), {
      code: systemCodeOf(error) ?? 'EIO',
    });
  }
};

const kindAt = (place: string): 'link' | 'folder' | 'other' => {
  const stat = fs.lstatSync(systemPath(place), { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() === true) return 'link';
  return stat?.isDirectory() === true ? 'folder' : 'other';
};

/** Every path is resolved before it is used: a link that is met has come since, or the path came in by a door that does not resolve. */
export const linkAppeared = (path: string, component: string): FileSystemFault =>
  new FileSystemFault('not-a-file', 'open', path, {
    cause: new Error(`a link appeared in the path, at ${component}: links are not followed here`),
  });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The operating system's error, with the folder's path in it in the place of a number that nobody knows. */
const inWordsOfPath = (error: unknown, fd: number, folder: string): unknown => {
  if (!(error instanceof Error) || error instanceof FileSystemFault) return error;
  error.message = error.message.replaceAll(placeIn(fd, ''), folder === '/' ? '/' : `${folder}/`);
  return error;
};

/**
 * For systems whose folders cannot be pinned: is the path that was opened still its own real path? Asked after the file was opened: a
 * link that came and went between is seen by nobody. On Windows and macOS names may differ in case.
 */
export const assertNoLinkAppeared = async (
  path: string,
  realPath: (path: string) => Promise<string>,
): Promise<void> => {
  if (pinsFolders()) return;
  const key = (text: string): string => (process.platform === 'linux' ? text : text.toLowerCase());
  if (key(await realPath(path)) !== key(path)) throw linkAppeared(path, path);
};

import { randomUUID } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { FileSystemFault } from '#application/ports/file-system';
import { ensurePrivateFolder, flushNames } from './private-folder.js';
import { fileStatOf } from './regular-file.js';
import { faultOf, systemCodeOf } from './system-fault.js';
import { isUntouchable } from './untouchable-files.js';

/** A small text for this user alone, as a key is. `others`: somebody else may read or replace its content. */
export interface PrivateText {
  readonly text: string;
  readonly others: boolean;
}

/** A PEM of a few keys has a few KiB: whoever names a disk image by mistake does not wait until it is read. */
const LARGEST_BYTES = 64 * 1024;

/** Null when there is none. Follows links. Throws a `FileSystemFault`: also for what is no file, is too large, or is the journal. */
export const readPrivateText = (path: string): PrivateText | null => {
  let descriptor: number;
  try {
    // Before it is opened: closing it again would take SQLite's locks off a journal.
    refuseOther(path, statSync(path, { bigint: true }));
    // Without O_NONBLOCK a FIFO that has come in between would be waited for.
    descriptor = openSync(path, constants.O_RDONLY | NO_WAITING);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw faultOf('open', path, error);
  }
  try {
    refuseOther(path, fstatSync(descriptor, { bigint: true }));
    const others = process.platform !== 'win32' && (fstatSync(descriptor).mode & OTHERS) !== 0;
    return { text: readFileSync(descriptor, 'utf8'), others };
  } catch (error) {
    throw faultOf('read', path, error);
  } finally {
    closeSync(descriptor);
  }
};

/** Windows has no such flag, and no FIFOs with names in folders. */
const NO_WAITING = process.platform === 'win32' ? 0 : constants.O_NONBLOCK;

/** Any right of the group or of everybody. Windows has none of these bits; there the user's own folder is what protects. */
const OTHERS = 0o077;

const refuseOther = (path: string, found: BigIntStats): void => {
  const stat = fileStatOf(path, found);
  const refuse = (problem: string): never => {
    throw new FileSystemFault('not-a-file', 'open', path, { cause: new Error(problem) });
  };
  if (stat.kind !== 'file') refuse(`it is a ${stat.kind === 'other' ? 'device, FIFO or socket' : stat.kind}`);
  if (isUntouchable(stat)) refuse('it is the journal');
  if (stat.sizeBytes > LARGEST_BYTES)
    refuse(`it has ${String(stat.sizeBytes)} bytes, expected at most ${String(LARGEST_BYTES)}`);
};

/** Makes the file whole or not at all, durably, unless somebody was faster: gives back the text that is there. */
export const makePrivateText = async (path: string, text: string): Promise<PrivateText> => {
  await ensurePrivateFolder(dirname(path));
  try {
    place(path, text);
  } catch (error) {
    throw faultOf('make', path, error);
  }
  await flushNames(dirname(path));
  const made = readPrivateText(path);
  if (made === null) throw faultOf('make', path, new Error('it vanished at once'));
  return made;
};

/** Written beside and then linked: a name that is there is never replaced, and never leads to half a text. */
const place = (path: string, text: string): void => {
  const draft = `${path}.${randomUUID()}.part`;
  try {
    write(draft, text);
    try {
      linkSync(draft, path);
    } catch (error) {
      const code = systemCodeOf(error) ?? '';
      if (code === 'EEXIST') return;
      if (!NO_LINKS.has(code)) throw error;
      writeUnlessThere(path, text);
    }
  } finally {
    removeDraft(draft);
  }
};

/** A file system without second names (exFAT, some network ones). A reader may meet half a text there, and says so. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

const writeUnlessThere = (path: string, text: string): void => {
  try {
    write(path, text);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  }
};

const write = (path: string, text: string): void => {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

/** A private key must not lie around, not even one that was never used. */
const removeDraft = (path: string): void => {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
};

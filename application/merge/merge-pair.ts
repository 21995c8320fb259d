import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { folderOf, isAbsolute, joinPath, nameOf } from '../chain/paths.js';
import { isFault, type FileSystem } from '../ports/file-system.js';

/** Source and destination with their folders resolved, so that a pair is found again even when retirement took a file away. */
export interface MergePair {
  readonly source: string;
  readonly destination: string;
}

/** WMI asks for fully qualified paths; so do we, and say how to write them. */
export const mergePair = async (
  source: string,
  destination: string,
  files: FileSystem,
): Promise<Result<MergePair, MergeError>> => {
  const from = await canonical('source', source, files);
  if (!from.ok) return from;
  const to = await canonical('destination', destination, files);
  if (!to.ok) return to;
  if (from.value === to.value) {
    return err(
      mergeError('invalid-parameter', 'source and destination are the same file', {
        path: from.value,
        expected: 'a child as the source and one of its ancestors as the destination',
        found: 'one path twice',
        todo: 'Look at the chain with `chainfold chain` and name two of its images.',
      }),
    );
  }
  return ok({ source: from.value, destination: to.value });
};

/** The absolute path with links resolved; when the file itself is gone, its folder's are. */
export const canonicalPath = async (path: string, files: FileSystem): Promise<string> => {
  try {
    return await files.realPath(path);
  } catch (fault) {
    if (!isFault(fault, 'not-found')) throw fault;
    return joinPath(await files.realPath(folderOf(path)), nameOf(path));
  }
};

/** One path of a pair: absolute, with links resolved, or why it cannot be. */
export const canonical = async (
  role: 'source' | 'destination',
  path: string,
  files: FileSystem,
): Promise<Result<string, MergeError>> => {
  if (path === '' || path.includes('\0') || !isAbsolute(path)) {
    return err(
      mergeError('invalid-parameter', `the ${role} path is not fully qualified`, {
        expected: 'an absolute path',
        found: path === '' ? 'an empty one' : JSON.stringify(path),
        todo: 'Name the file with its whole path, in a shell for example "$PWD/child.vhd".',
      }),
    );
  }
  try {
    const real = await canonicalPath(path, files);
    return real.isWellFormed() ? ok(real) : err(notRecordable(real));
  } catch (fault) {
    if (isFault(fault, 'not-found')) {
      return err(
        mergeError('file-not-found', `the ${role} does not exist`, {
          path,
          expected: 'a virtual disk',
          found: 'nothing, nor its folder',
          todo: 'Check the path.',
        }),
      );
    }
    if (isFault(fault, 'access-denied')) {
      return err(
        mergeError('access-denied', `this user may not look at the ${role}`, {
          path,
          expected: 'the right to read the folder',
          found: 'none',
          todo: 'Run as a user who owns the disks.',
        }),
      );
    }
    throw fault;
  }
};

/** A journal holds text: after a crash a name that is not UTF-8 would not be found again. */
export const notRecordable = (path: string): MergeError =>
  mergeError('invalid-parameter', 'this path is not UTF-8, and no journal can hold it', {
    path,
    expected: 'names of files and folders in UTF-8',
    found: 'bytes that are not',
    todo: 'Nothing was written. Rename the file or the folder, then try again.',
  });

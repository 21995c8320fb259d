import type { FileSystem, OpenFile } from '#application/ports/file-system';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { refusalOf, refusing } from './file-faults.js';

/**
 * Opens the file and lets `use` make something of it. Closes it again when that is refused or fails. The path is canonical: to resolve
 * it here once more would follow a link that has come since it was checked.
 */
export const opening = <T>(
  files: FileSystem,
  path: string,
  mode: 'read' | 'read-write',
  use: (file: OpenFile, path: string) => Promise<Result<T, MergeError>>,
): Promise<Result<T, MergeError>> =>
  refusing(path, async () => {
    const file = await files.open(path, mode);
    try {
      const used = await use(file, path);
      if (!used.ok) await file.close();
      return used;
    } catch (fault) {
      await file.close();
      throw fault;
    }
  });

/**
 * Lets `look` look at a file that may be anything, and closes it again. Null for what is no file, not there or not to be read by
 * this user: nobody can merge it here.
 */
export const probing = async <T>(
  files: FileSystem,
  path: string,
  look: (file: OpenFile) => Promise<T | null>,
): Promise<T | null> => {
  const file = await openedOrNull(files, path);
  if (file === null) return null;
  try {
    return await look(file);
  } finally {
    await file.close();
  }
};

const openedOrNull = async (files: FileSystem, path: string): Promise<OpenFile | null> => {
  try {
    return await files.open(path, 'read');
  } catch (fault) {
    if (refusalOf(fault, path) !== null) return null;
    throw fault;
  }
};

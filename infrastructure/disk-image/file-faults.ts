import { FileSystemFault, isFault, type OpenFile } from '#application/ports/file-system';
import { type MergeError, mergeError } from '#domain/merge-error';
import { err, type Result } from '#domain/result';

/**
 * The refusal that a fault of the file system means for the person who named this file, or null when the world itself failed:
 * such a fault goes on as it is. The only place where images turn faults into refusals.
 */
export const refusalOf = (fault: unknown, path: string): MergeError | null => {
  if (isFault(fault, 'not-found')) {
    return mergeError('file-not-found', 'there is no such file', { path, todo: 'Check the path.' });
  }
  if (isFault(fault, 'access-denied') || isFault(fault, 'read-only')) {
    const expected = 'read and write access to every file of the chain that is written, read access to the others';
    return mergeError('access-denied', 'the file may not be opened', {
      path,
      expected,
      todo: 'Run this as a user who has that access, and check that the file system is not mounted read-only.',
    });
  }
  if (isFault(fault, 'not-a-file')) {
    const todo = 'Name the image file itself.';
    return mergeError('not-a-virtual-disk', 'this is no regular file', { path, todo });
  }
  return null;
};

/** Runs `work`; a fault that is a refusal comes back as a value, every other one is thrown on. */
export const refusing = async <T>(
  path: string,
  work: () => Promise<Result<T, MergeError>>,
): Promise<Result<T, MergeError>> => {
  try {
    return await work();
  } catch (fault) {
    const refusal = refusalOf(fault, path);
    if (refusal === null) throw fault;
    return err(refusal);
  }
};

/** What structures are read from: a file, or a file under its log. */
export type ByteReader = Pick<OpenFile, 'path' | 'read'>;

/** Fills `into` from `position` on. The caller has checked the range against the file's size, so a short read is the file shrinking under us. */
export const readExactly = async (file: ByteReader, into: Uint8Array, position: number): Promise<void> => {
  const got = await file.read(into, position);
  if (got !== into.length) {
    const cause = new Error(`${got} of ${into.length} bytes at ${position}: the file has become shorter`);
    throw new FileSystemFault('io', 'read', file.path, { cause });
  }
};

/** Reads a structure; shorter than `lengthBytes` when the file ends inside it. */
export const readAt = async (file: ByteReader, position: number, lengthBytes: number): Promise<Uint8Array> => {
  const into = new Uint8Array(lengthBytes);
  return into.subarray(0, await file.read(into, position));
};

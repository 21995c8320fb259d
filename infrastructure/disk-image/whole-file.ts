import { type FileSystem, isFault, type OpenFile } from '#application/ports/file-system';
import { type MergeError, mergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';

/** A file that is to appear as a whole. */
export interface WholeFile {
  readonly path: string;
  /** Where it is; canonical. */
  readonly folder: string;
  /** The name that it has until then. */
  readonly unfinishedPath: string;
}

/**
 * A new file that has its name only when it is whole and durable: it is written under another name in the same folder, flushed, then
 * linked, which never replaces a file. What a crash leaves has the other name.
 */
export const createWhole = async (
  files: FileSystem,
  { path, folder, unfinishedPath }: WholeFile,
  write: (file: OpenFile) => Promise<void>,
): Promise<Result<'created', MergeError>> => {
  if ((await files.stat(path)) !== null) return err(alreadyThere(path));
  const file = await files.create(unfinishedPath);
  try {
    try {
      await write(file);
      await file.flush();
    } finally {
      await file.close();
    }
    await files.link(unfinishedPath, path);
  } catch (fault) {
    await files.unlink(unfinishedPath).catch((second: unknown) => {
      throw new AggregateError([fault, second], `${unfinishedPath} could be neither finished nor removed`);
    });
    if (isFault(fault, 'exists')) return err(alreadyThere(path));
    throw fault;
  }
  await files.unlink(unfinishedPath);
  await files.flushFolder(folder);
  return ok('created');
};

const alreadyThere = (path: string): MergeError =>
  mergeError('invalid-parameter', 'there is a file with this name', {
    path,
    todo: 'It was left as it is. Choose another name.',
  });

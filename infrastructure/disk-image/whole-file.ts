import { posix, win32 } from 'node:path';
import type { DiskImage } from '#application/ports/disk-image';
import { type FileSystem, isFault, type OpenFile } from '#application/ports/file-system';
import type { ImageDescription } from '#domain/chain/image-description';
import type { HostStyle } from '#domain/chain/parent-candidates';
import { type MergeError, mergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { refusing } from './file-faults.js';

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

/** Makes an image under the canonical form of a new name, and tells what was made. */
export const creating = (
  { files, hostStyle, path }: { readonly files: FileSystem; readonly hostStyle: HostStyle; readonly path: string },
  create: (finalPath: string, folder: string) => Promise<Result<'created', MergeError>>,
  open: (finalPath: string) => Promise<Result<DiskImage, MergeError>>,
): Promise<Result<ImageDescription, MergeError>> =>
  refusing(path, async () => {
    const paths = hostStyle === 'windows' ? win32 : posix;
    const folder = await files.realPath(paths.dirname(path));
    const finalPath = paths.join(folder, paths.basename(path));
    const created = await create(finalPath, folder);
    if (!created.ok) return created;
    const image = await open(finalPath);
    if (!image.ok) return image;
    await image.value.close();
    return ok(image.value.description);
  });

const alreadyThere = (path: string): MergeError =>
  mergeError('invalid-parameter', 'there is a file with this name', {
    path,
    todo: 'It was left as it is. Choose another name.',
  });

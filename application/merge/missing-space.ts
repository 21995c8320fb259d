import { isStarted, type MergeJobState } from '#domain/merge-job/state';
import type { FileSystem } from '../ports/file-system.js';

/**
 * Bytes that the rest of a merge still needs on the destination's file system, at most, less what is free; null when that is enough
 * (it is a quota, a limit of the process, or thin storage that is full), or cannot be told.
 */
export const missingSpace = async (state: MergeJobState, files: FileSystem): Promise<number | null> => {
  if (!isStarted(state)) return null;
  const destination = state.chain.images.at(-1)!;
  const now = await files.stat(destination.path);
  if (now === null) return null;
  // A file that is longer has not got space for it before it is written.
  const hasBytes = Math.min(now.sizeBytes, (await allocatedBytes(destination.path, files)) ?? now.sizeBytes);
  const left = state.chain.spaceNeededBytes - Math.max(0, hasBytes - destination.file.sizeBytes);
  const missing = left - (await files.freeSpaceBytes(destination.path));
  return missing > 0 ? missing : null;
};

const allocatedBytes = async (path: string, files: FileSystem): Promise<number | null> => {
  const file = await files.open(path, 'read');
  try {
    return await file.space.allocatedBytes();
  } finally {
    await file.close();
  }
};

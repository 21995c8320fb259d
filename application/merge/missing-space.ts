import { isStarted, type MergeJobState } from '#domain/merge-job/state';
import type { FileSystem } from '../ports/file-system.js';

/** Bytes that the rest of a merge still needs on the destination's file system, less what is free; null when it is enough, or cannot be told. */
export const missingSpace = async (state: MergeJobState, files: FileSystem): Promise<number | null> => {
  if (!isStarted(state)) return null;
  const destination = state.chain.images.at(-1)!;
  const now = await files.stat(destination.path);
  if (now === null) return null;
  const left = state.chain.spaceNeededBytes - Math.max(0, now.sizeBytes - destination.file.sizeBytes);
  const missing = left - (await files.freeSpaceBytes(destination.path));
  return missing > 0 ? missing : null;
};

/**
 * Brings a log that was not applied to its place on the disk. FORMATS.md B8, Replay. Interrupted anywhere it is done again: the
 * header names the log until all that it holds is flushed.
 */
import { NIL_GUID } from '#domain/disk-format/vhdx/header';
import type { GuardedFile } from '../guarded-file.js';
import { applyDescriptors } from './apply-log.js';
import type { HeaderSlots } from './header-slots.js';
import type { OpenVhdx } from './open-vhdx.js';

export interface FileToReplay {
  /** Length of the file; all of it was flushed, the log too. */
  readonly sizeBytes: number;
  /** New, because the bytes of the file change. */
  readonly fileWriteGuid: string;
}

/** Applies the log that the header names, if it names one. Returns the length of the file afterwards; all is flushed. */
export const replayLog = async (
  { dirtyLog, view }: OpenVhdx,
  file: GuardedFile,
  slots: HeaderSlots,
  { sizeBytes, fileWriteGuid }: FileToReplay,
): Promise<number> => {
  const { logGuid } = slots.header;
  if (logGuid === NIL_GUID) return sizeBytes;
  if (dirtyLog === null || dirtyLog.entries.some((entry) => entry.logGuid !== logGuid)) {
    throw new RangeError(`Bug: ${file.path} is in a session already`);
  }
  await slots.change({ fileWriteGuid });
  let length = sizeBytes;
  for (const { descriptors } of dirtyLog.entries) length = await applyDescriptors(file, descriptors, length);
  if (length < dirtyLog.lastFileOffsetBytes) {
    length = dirtyLog.lastFileOffsetBytes;
    await file.truncate(length);
  }
  await file.flush();
  await slots.change({ logGuid: NIL_GUID });
  view.applied();
  return length;
};

import type { OpenFile } from '#application/ports/file-system';
import { logExtent, NIL_GUID, type VhdxHeader } from '#domain/disk-format/vhdx/header';
import {
  type ActiveSequence,
  activeSequence,
  dirtyLogSizeFlaw,
  replayFlaw,
} from '#domain/disk-format/vhdx/log-sequence';
import type { StructureFlaw } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { readExactly } from '../file-faults.js';

/**
 * What the log of a chosen header wants applied before anything else is believed; null when it is empty. The whole log is held in
 * memory, so that a longer one than any program writes is refused, not read.
 */
export const readDirtyLog = async (
  file: OpenFile,
  header: VhdxHeader,
  fileSizeBytes: number,
): Promise<Result<ActiveSequence | null, StructureFlaw>> => {
  const extent = logExtent(header);
  if (header.logGuid === NIL_GUID || extent === null) return ok(null);
  const tooLarge = dirtyLogSizeFlaw(header.logLengthBytes);
  if (tooLarge !== null) return err(tooLarge);
  const log = new Uint8Array(header.logLengthBytes);
  await readExactly(file, log, extent.startBytes);
  const sequence = activeSequence(log, header.logGuid);
  if (!sequence.ok) return sequence;
  const flaw = replayFlaw(sequence.value, { fileSizeBytes, log: extent });
  return flaw === null ? sequence : err(flaw);
};

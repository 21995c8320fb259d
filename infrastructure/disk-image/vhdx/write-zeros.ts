/** Zeros into space of the destination's file, in pieces of one buffer: a run of zeros may be as long as a block of 256 MiB. */
import type { OpenFile } from '#application/ports/file-system';
import type { SectorRun } from '#domain/sector-run';
import type { StagingBuffers } from '../staging-buffers.js';
import { type DataArea, writeInPlace } from '../write-in-place.js';

/** Into sectors of a block, counted from the first of its area; as `writeInPlace`, no other sector changes. */
export const writeZeros = async (
  file: OpenFile,
  buffers: StagingBuffers,
  area: DataArea,
  runs: readonly SectorRun[],
): Promise<void> => {
  const mostSectors = Math.floor(buffers.sizeBytes / area.sectorBytes);
  const zeros = new Uint8Array(mostSectors * area.sectorBytes);
  for (const piece of piecesOf(runs, mostSectors)) await writeInPlace(file, buffers, area, piece, zeros);
};

/** Into all bytes of [fromBytes, toBytes) of the file. */
export const zeroBytes = async (
  file: OpenFile,
  buffers: StagingBuffers,
  fromBytes: number,
  toBytes: number,
): Promise<void> => {
  const zeros = new Uint8Array(buffers.sizeBytes);
  for (let at = fromBytes; at < toBytes; at += zeros.length) {
    await file.write(zeros.subarray(0, Math.min(zeros.length, toBytes - at)), at);
  }
};

/** The runs in their order, cut into lists of at most so many sectors. */
function* piecesOf(runs: readonly SectorRun[], mostSectors: number): Generator<readonly SectorRun[]> {
  let piece: SectorRun[] = [];
  let room = mostSectors;
  for (const run of runs) {
    let { start, count: left } = run;
    while (left > 0) {
      const count = Math.min(left, room);
      piece.push({ start, count });
      [start, left, room] = [start + count, left - count, room - count];
      if (room > 0) continue;
      yield piece;
      [piece, room] = [[], mostSectors];
    }
  }
  if (piece.length > 0) yield piece;
}

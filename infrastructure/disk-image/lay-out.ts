import { endOf, type SectorRun } from '#domain/sector-run';

/**
 * Fills `piece`, which begins at sector `pieceStart` of a block: the runs' bytes where runs are, zeros everywhere else. `packed` holds
 * the sectors of `runs`, one after the other; runs may begin before the piece and end behind it.
 */
export const layOut = (
  piece: Uint8Array,
  pieceStart: number,
  sectorBytes: number,
  runs: readonly SectorRun[],
  packed: Uint8Array,
): void => {
  const pieceEnd = pieceStart + piece.length / sectorBytes;
  let zeroFrom = pieceStart;
  let packedStart = 0;
  for (const run of runs) {
    const start = Math.max(run.start, pieceStart);
    const end = Math.min(endOf(run), pieceEnd);
    if (start < end) {
      piece.fill(0, (zeroFrom - pieceStart) * sectorBytes, (start - pieceStart) * sectorBytes);
      const from = packedStart + (start - run.start) * sectorBytes;
      piece.set(packed.subarray(from, from + (end - start) * sectorBytes), (start - pieceStart) * sectorBytes);
      zeroFrom = end;
    }
    packedStart += run.count * sectorBytes;
  }
  piece.fill(0, (zeroFrom - pieceStart) * sectorBytes);
};

/**
 * Covered sectors into a block that the destination's metadata references. Guarantees:
 * - Exactly the covered sectors change.
 * - A sector that is not covered is rewritten, with the bytes it has, only between covered sectors of the same or of neighbouring
 *   4-KiB pages; no page without a covered sector is touched.
 */
import type { OpenFile } from '#application/ports/file-system';
import { endOf, joinTouching, type SectorRun } from '#domain/sector-run';
import { readExactly } from './file-faults.js';
import { severalAtOnce } from './several-at-once.js';
import type { StagingBuffers } from './staging-buffers.js';

const PAGE_BYTES = 4096;
/** What the thread pool has hands for. Spans do not touch, so their order means nothing. */
const WRITES_AT_ONCE = 4;
/** A longer run is a write of its own: reading and copying it costs more than a second call. */
const LONGEST_PATCHED_BYTES = 64 * 1024;

/** Runs of one block that become one write, and where their bytes start in what the caller gave. */
interface Span {
  readonly runs: SectorRun[];
  readonly packedOffset: number;
}

/** Where a block's data area starts in the file, and the size of its sectors, in bytes. */
export interface DataArea {
  readonly offsetBytes: number;
  readonly sectorBytes: number;
}

/** `runs` count from the first sector of the area; `packed` holds their sectors. */
export const writeInPlace = async (
  file: OpenFile,
  buffers: StagingBuffers,
  area: DataArea,
  runs: readonly SectorRun[],
  packed: Uint8Array,
): Promise<void> => {
  const { sectorBytes } = area;
  const spans = spansOf(runs, area, buffers.sizeBytes);
  await severalAtOnce(WRITES_AT_ONCE, spans, async ({ runs: together, packedOffset }) => {
    const [first] = together;
    const last = together.at(-1);
    if (first === undefined || last === undefined) throw new RangeError('Bug: a span has at least one run');
    const position = area.offsetBytes + first.start * sectorBytes;
    if (first === last) {
      await file.write(packed.subarray(packedOffset, packedOffset + first.count * sectorBytes), position);
      return;
    }
    const length = (endOf(last) - first.start) * sectorBytes;
    await buffers.lend(async (buffer) => {
      const patched = buffer.subarray(0, length);
      await readExactly(file, patched, position);
      copyRuns(patched, first.start, sectorBytes, together, packed.subarray(packedOffset));
      await file.write(patched, position);
    });
  });
};

const spansOf = (
  runs: readonly SectorRun[],
  { offsetBytes, sectorBytes }: DataArea,
  longestBytes: number,
): readonly Span[] => {
  const pageOf = (sector: number): number => Math.floor((offsetBytes + sector * sectorBytes) / PAGE_BYTES);
  const isShort = (run: SectorRun): boolean => run.count * sectorBytes <= LONGEST_PATCHED_BYTES;
  const spans: Span[] = [];
  let packedOffset = 0;
  for (const run of joinTouching(runs)) {
    const span = spans.at(-1);
    const before = span?.runs.at(-1);
    const joins =
      span !== undefined &&
      before !== undefined &&
      isShort(before) &&
      isShort(run) &&
      pageOf(run.start) <= pageOf(endOf(before) - 1) + 1 &&
      (endOf(run) - span.runs[0]!.start) * sectorBytes <= longestBytes;
    if (joins) span.runs.push(run);
    else spans.push({ runs: [run], packedOffset });
    packedOffset += run.count * sectorBytes;
  }
  return spans;
};

/** Copies packed sectors to their places in `area`, which begins at sector `areaStart` and holds all of the runs. */
const copyRuns = (
  area: Uint8Array,
  areaStart: number,
  sectorBytes: number,
  runs: readonly SectorRun[],
  packed: Uint8Array,
): void => {
  let from = 0;
  for (const { start, count } of runs) {
    area.set(packed.subarray(from, from + count * sectorBytes), (start - areaStart) * sectorBytes);
    from += count * sectorBytes;
  }
};

import { MIB } from '#domain/quantities';
import { endOf, joinTouching, sectorCount, type SectorRun } from '#domain/sector-run';
import { pieces, rangeOfBlock } from '#domain/merge-plan/block-merge';
import { ImagesWalk, type ChainView } from '../chain/chain-view.js';
import { walkOverHoles } from '../convert/raw-file.js';
import type { MergeDestination } from '../ports/disk-image.js';
import type { OpenFile } from '../ports/file-system.js';

const PIECE_BYTES = MIB;
const WINDOW_BYTES = 32 * MIB;

/** A block of a new image and the sectors of it that get the raw file's content. */
interface BlockContent {
  readonly block: number;
  readonly runs: readonly SectorRun[];
}

/**
 * Writes the content of a raw file into a new image, through the windows that a merge writes through. Only sectors that the image
 * would not show by itself are written: those that are not zero, or in a child those that differ from what its parent shows.
 */
export const writeRawContent = async (
  raw: OpenFile,
  destination: MergeDestination,
  parent: ChainView | null,
  fileWriteGuid: string,
): Promise<void> => {
  await destination.prepare(fileWriteGuid);
  let waiting: BlockContent[] = [];
  let waitingBytes = 0;
  for await (const content of differingBlocks(raw, destination, parent)) {
    waiting.push(content);
    waitingBytes += sectorCount(content.runs) * destination.description.logicalSectorSize;
    if (waitingBytes < WINDOW_BYTES) continue;
    await writeWindow(waiting, raw, destination);
    waiting = [];
    waitingBytes = 0;
  }
  await writeWindow(waiting, raw, destination);
  await destination.rest();
};

const writeWindow = async (
  blocks: readonly BlockContent[],
  raw: OpenFile,
  destination: MergeDestination,
): Promise<void> => {
  if (blocks.length === 0) return;
  const { logicalSectorSize } = destination.description;
  const planned = blocks.map(({ block, runs }) => ({
    block,
    runs: runs.map((run) => ({ ...run, kind: 'data' as const })),
  }));
  const window = await destination.openWindow(planned);
  const buffer = new Uint8Array(PIECE_BYTES);
  for (const { block, runs } of blocks) {
    for (const piece of pieces(
      runs.map((run) => ({ ...run, kind: 'data', image: 0 })),
      PIECE_BYTES / logicalSectorSize,
    )) {
      const packed = buffer.subarray(0, sectorCount(piece) * logicalSectorSize);
      await readRuns(raw, piece, logicalSectorSize, packed);
      await window.write(block, joinTouching(piece), packed);
    }
  }
  // Nobody else knows this file: it has no name yet that anyone would look for.
  await window.commit(async () => undefined);
};

const readRuns = async (
  raw: OpenFile,
  runs: readonly SectorRun[],
  sectorSize: number,
  packed: Uint8Array,
): Promise<void> => {
  let offset = 0;
  for (const { start, count } of runs) {
    await raw.read(packed.subarray(offset, offset + count * sectorSize), start * sectorSize);
    offset += count * sectorSize;
  }
};

async function* differingBlocks(
  raw: OpenFile,
  destination: MergeDestination,
  parent: ChainView | null,
): AsyncGenerator<BlockContent> {
  const { logicalSectorSize, virtualSizeBytes } = destination.description;
  const diskSectors = virtualSizeBytes / logicalSectorSize;
  const blockSectors = destination.mergeBlockSectors;
  const holes = walkOverHoles(raw, logicalSectorSize);
  const shown = parent?.walk('data');
  // Where the raw file has a hole and the parent shows nothing, both read zero.
  const walk = new ImagesWalk([
    (from) => holes.next(from),
    ...(shown === undefined ? [] : [(from: number) => shown.next(from)]),
  ]);
  for (let next = 0; next < diskSectors;) {
    const sector = await walk.next(next);
    if (sector === null || sector >= diskSectors) return;
    const block = Math.floor(sector / blockSectors);
    const range = rangeOfBlock(block, blockSectors, diskSectors);
    const runs = await differingContent(raw, range, logicalSectorSize, parent);
    if (runs.length > 0) yield { block, runs };
    next = endOf(range);
  }
}

const differingContent = async (
  raw: OpenFile,
  range: SectorRun,
  sectorSize: number,
  parent: ChainView | null,
): Promise<readonly SectorRun[]> => {
  const runs: SectorRun[] = [];
  const pieceSectors = PIECE_BYTES / sectorSize;
  for (let done = 0; done < range.count; done += pieceSectors) {
    const piece = { start: range.start + done, count: Math.min(pieceSectors, range.count - done) };
    const wanted = new Uint8Array(piece.count * sectorSize);
    await raw.read(wanted, piece.start * sectorSize);
    const shown = new Uint8Array(wanted.byteLength);
    await parent?.read(piece, shown);
    const differing = differingRuns(wanted, shown, sectorSize);
    runs.push(...differing.map(({ start, count }) => ({ start: piece.start + start, count })));
  }
  return joinTouching(runs);
};

/** The sectors in which two pieces of equal length differ, ascending and joined; sector 0 is the first of the piece. */
export const differingRuns = (one: Uint8Array, other: Uint8Array, sectorSize: number): SectorRun[] => {
  const words = sectorSize / 4;
  const [a, b] = [wordsOf(one), wordsOf(other)];
  const runs: SectorRun[] = [];
  for (let sector = 0; sector < one.byteLength / sectorSize; sector++) {
    const end = (sector + 1) * words;
    let at = sector * words;
    while (at < end && a[at] === b[at]) at++;
    if (at < end) runs.push({ start: sector, count: 1 });
  }
  return joinTouching(runs);
};

/** Four bytes at a time. Both are whole buffers of their own, so they are aligned. */
const wordsOf = (bytes: Uint8Array): Int32Array => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

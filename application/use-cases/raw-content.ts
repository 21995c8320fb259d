import { MIB } from '#domain/quantities';
import { joinTouching, sectorCount, type SectorRun } from '#domain/sector-run';
import { rangeOfBlock } from '#domain/merge-plan/block-merge';
import type { ChainView } from '../chain/chain-view.js';
import type { MergeDestination } from '../ports/disk-image.js';
import type { OpenFile } from '../ports/file-system.js';

const PIECE_BYTES = MIB;
const WINDOW_BYTES = 32 * MIB;

/** A block of a new image and the bytes of its runs, one after the other. */
interface BlockContent {
  readonly block: number;
  readonly runs: readonly SectorRun[];
  readonly packed: Uint8Array;
}

/**
 * Writes the content of a raw file into a new image, through the windows that a merge writes through. Only sectors that the image
 * would not show by itself are written: those that are not zero, or in a child those that differ from what its parent shows.
 */
export const writeRawContent = async (
  raw: OpenFile,
  destination: MergeDestination,
  parent: ChainView | null,
): Promise<void> => {
  await destination.prepare();
  let waiting: BlockContent[] = [];
  let waitingBytes = 0;
  for await (const content of differingBlocks(raw, destination, parent)) {
    waiting.push(content);
    waitingBytes += content.packed.byteLength;
    if (waitingBytes < WINDOW_BYTES) continue;
    await writeWindow(waiting, destination);
    waiting = [];
    waitingBytes = 0;
  }
  await writeWindow(waiting, destination);
};

const writeWindow = async (blocks: readonly BlockContent[], destination: MergeDestination): Promise<void> => {
  if (blocks.length === 0) return;
  const window = await destination.openWindow(blocks);
  for (const { block, runs, packed } of blocks) await window.write(block, runs, packed);
  // Nobody else knows this file: it has no name yet that anyone would look for.
  await window.commit(async () => undefined);
};

async function* differingBlocks(
  raw: OpenFile,
  destination: MergeDestination,
  parent: ChainView | null,
): AsyncGenerator<BlockContent> {
  const { logicalSectorSize, virtualSizeBytes } = destination.description;
  const diskSectors = virtualSizeBytes / logicalSectorSize;
  const blockSectors = destination.mergeBlockSectors;
  for (let block = 0; block * blockSectors < diskSectors; block++) {
    const range = rangeOfBlock(block, blockSectors, diskSectors);
    const content = await differingContent(raw, range, logicalSectorSize, parent);
    if (content.runs.length > 0) yield { block, ...content };
  }
}

const differingContent = async (
  raw: OpenFile,
  range: SectorRun,
  sectorSize: number,
  parent: ChainView | null,
): Promise<Omit<BlockContent, 'block'>> => {
  const runs: SectorRun[] = [];
  const parts: Uint8Array[] = [];
  const pieceSectors = PIECE_BYTES / sectorSize;
  for (let done = 0; done < range.count; done += pieceSectors) {
    const piece = { start: range.start + done, count: Math.min(pieceSectors, range.count - done) };
    const wanted = new Uint8Array(piece.count * sectorSize);
    await raw.read(wanted, piece.start * sectorSize);
    const shown = new Uint8Array(wanted.byteLength);
    await parent?.read(piece, shown);
    const differing = differingRuns(wanted, shown, sectorSize);
    runs.push(...differing.map(({ start, count }) => ({ start: piece.start + start, count })));
    parts.push(
      ...differing.map(({ start, count }) => wanted.subarray(start * sectorSize, (start + count) * sectorSize)),
    );
  }
  return { runs: joinTouching(runs), packed: joined(parts, sectorCount(runs) * sectorSize) };
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

const joined = (parts: readonly Uint8Array[], length: number): Uint8Array => {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
};

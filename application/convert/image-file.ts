import { MIB } from '#domain/quantities';
import { err, ok, type Result } from '#domain/result';
import type { MergeError } from '#domain/merge-error';
import { joinTouching, type SectorRun } from '#domain/sector-run';
import { ChainView } from '../chain/chain-view.js';
import { CHUNK_BYTES, type Chunk } from '../chain/view-chunks.js';
import type { DiskImages, MergeDestination, NewImage } from '../ports/disk-image.js';
import { PAGE_BYTES, type FinishedDisk, type NewDiskFile } from './new-disk-file.js';
import { bytesOfRun, nonZeroRuns } from './non-zero-runs.js';

/** What waits for its window at most, or one block. */
const WINDOW_BYTES = 32 * MIB;

/** Part of a block that gets content. */
interface BlockPart {
  readonly run: SectorRun;
  readonly bytes: Uint8Array;
}

/** A new VHD or VHDX, written through the windows that a merge writes through. */
export class ImageFile implements NewDiskFile {
  readonly unitBytes: number;
  private readonly unitSectors: number;
  private waiting = new Map<number, BlockPart[]>();
  private waitingBytes = 0;

  private constructor(
    private readonly destination: MergeDestination,
    private readonly images: DiskImages,
  ) {
    const { type, logicalSectorSize } = destination.description;
    // A fixed disk has its places already: only pages with something in them are written.
    this.unitBytes = type === 'fixed' ? PAGE_BYTES : destination.mergeBlockSectors * logicalSectorSize;
    this.unitSectors = Math.min(this.unitBytes, CHUNK_BYTES) / logicalSectorSize;
  }

  /** Makes it at the path, whose ending says the format. `fileWriteGuid` is for a format that has a place for one. */
  static async make(
    path: string,
    spec: NewImage,
    fileWriteGuid: string,
    images: DiskImages,
  ): Promise<Result<ImageFile, MergeError>> {
    const created = await images.create(path, spec);
    if (!created.ok) return created;
    const destination = await images.openDestination(path);
    if (!destination.ok) return destination;
    try {
      await destination.value.prepare(fileWriteGuid);
      return ok(new ImageFile(destination.value, images));
    } catch (fault) {
      await destination.value.close();
      throw fault;
    }
  }

  spaceFor(units: number): number {
    const { description } = this.destination;
    const structures = this.destination
      .structuresInPlace()
      .reduce((sum, one) => sum + one.endBytes - one.startBytes, 0);
    if (description.type === 'fixed') return structures + units * PAGE_BYTES;
    const endAfter = (newBlocks: number): number =>
      this.destination.fileEndAfter(newBlocks, description.virtualSizeBytes);
    // A VHDX has a page of its table for each block, at most; a VHD's table has all of its space from the start.
    const tablePages = description.format === 'vhdx' ? units * PAGE_BYTES : 0;
    return structures + tablePages + endAfter(units) - endAfter(0);
  }

  async write(chunk: Chunk): Promise<void> {
    const { mergeBlockSectors } = this.destination;
    const firstBlock = Math.floor(chunk.range.start / mergeBlockSectors);
    if (this.waitingBytes >= WINDOW_BYTES && !this.waiting.has(firstBlock)) await this.writeWindow();
    for (const run of nonZeroRuns(chunk, this.unitSectors)) {
      for (const { block, part } of byBlock(run, mergeBlockSectors)) {
        const parts = this.waiting.get(block) ?? [];
        this.waiting.set(block, [...parts, { run: part, bytes: bytesOfRun(chunk, part) }]);
      }
    }
    this.waitingBytes += chunk.bytes.byteLength;
  }

  async finish(): Promise<void> {
    await this.writeWindow();
    await this.destination.rest();
    await this.destination.close();
  }

  async readBack(): Promise<Result<FinishedDisk, MergeError>> {
    const { path } = this.destination.description;
    const stale = await this.images.open(path);
    if (!stale.ok) return stale;
    const dropped = await stale.value.settle();
    await stale.value.close();
    const image = await this.images.open(path);
    if (!image.ok) return err(image.error);
    const view = new ChainView([image.value]);
    return ok({
      sectorSize: view.sectorSize,
      diskSectors: view.diskSectors,
      read: (range, into) => view.read(range, into),
      readFrom: dropped === 'dropped' ? 'device' : 'page-cache',
      walk: () => (image.value.description.type === 'fixed' ? null : view.walk('data')),
      close: () => image.value.close(),
    });
  }

  close(): Promise<void> {
    return this.destination.close();
  }

  private async writeWindow(): Promise<void> {
    if (this.waiting.size === 0) return;
    const blocks = [...this.waiting].map(([block, parts]) => ({
      block,
      runs: joinTouching(parts.map(({ run }) => run)).map((run) => ({ ...run, kind: 'data' as const })),
    }));
    const window = await this.destination.openWindow(blocks);
    for (const [block, parts] of this.waiting)
      for (const { run, bytes } of parts) await window.write(block, [run], bytes);
    // Nobody else knows this file: it has no name yet that anyone would look for.
    await window.commit(async () => undefined);
    this.waiting = new Map();
    this.waitingBytes = 0;
  }
}

/** The parts of a run that lie in different blocks, ascending. */
const byBlock = (run: SectorRun, blockSectors: number): { readonly block: number; readonly part: SectorRun }[] => {
  const parts: { readonly block: number; readonly part: SectorRun }[] = [];
  for (let start = run.start; start < run.start + run.count;) {
    const block = Math.floor(start / blockSectors);
    const end = Math.min(run.start + run.count, (block + 1) * blockSectors);
    parts.push({ block, part: { start, count: end - start } });
    start = end;
  }
  return parts;
};

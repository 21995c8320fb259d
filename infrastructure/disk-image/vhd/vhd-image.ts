/**
 * One VHD, read. Guarantees:
 * - What it supplies follows the type (FORMATS.md A4): of a differencing disk the sectors whose bit is 1; of a dynamic disk every
 *   sector of an allocated block, bit or no bit; of a fixed disk all.
 * - Blocks that the table leaves out cost nothing, however many there are.
 */
import type { DiskImage, DiskItem, Finding, InspectedStructure, SuppliedRun } from '#application/ports/disk-image';
import type { ImageDescription } from '#domain/chain/image-description';
import { SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import { setRuns } from '#domain/disk-format/vhd/sector-bitmap';
import { endOf, type SectorRun } from '#domain/sector-run';
import type { BlockStore } from './block-store.js';
import { readExactly } from '../file-faults.js';
import type { OpenVhd } from './open-vhd.js';
import { inspectVhd } from './vhd-inspect.js';
import { validateVhd } from './vhd-validate.js';

export class VhdImage implements DiskImage {
  constructor(private readonly vhd: OpenVhd) {}

  get description(): ImageDescription {
    return this.vhd.description;
  }

  async supplied(range: SectorRun): Promise<readonly SuppliedRun[]> {
    const end = Math.min(endOf(range), this.#diskSectors);
    if (range.start >= end) return [];
    const { blocks } = this.vhd;
    if (blocks === null) return [{ start: range.start, count: end - range.start, kind: 'data' }];

    const runs: SuppliedRun[] = [];
    const endBlock = Math.ceil(end / blocks.blockSectors);
    let block = await blocks.table.nextUsed(Math.floor(range.start / blocks.blockSectors), endBlock);
    while (block !== null) {
      const base = block * blocks.blockSectors;
      const from = Math.max(range.start, base) - base;
      const to = Math.min(end, base + blocks.blockSectors) - base;
      for (const run of await this.#runsOf(blocks, block, from, to)) append(runs, base + run.start, run.count);
      block = await blocks.table.nextUsed(block + 1, endBlock);
    }
    return runs;
  }

  async nextSupplied(from: number): Promise<number | null> {
    if (from >= this.#diskSectors) return null;
    const { blocks } = this.vhd;
    if (blocks === null) return from;
    const block = await blocks.table.nextUsed(Math.floor(from / blocks.blockSectors), blocks.blockCount);
    return block === null ? null : Math.max(from, block * blocks.blockSectors);
  }

  /** A VHD has no state that supplies zeros. */
  nextData(from: number): Promise<number | null> {
    return this.nextSupplied(from);
  }

  async read(run: SectorRun, into: Uint8Array): Promise<void> {
    if (run.start < 0 || endOf(run) > this.#diskSectors || into.length !== run.count * SECTOR_BYTES) {
      throw new RangeError(
        `Bug: ${run.count} sectors from ${run.start} into ${into.length} bytes, of ${this.#diskSectors} sectors`,
      );
    }
    const { blocks, file } = this.vhd;
    if (blocks === null) return readExactly(file, into, run.start * SECTOR_BYTES);
    for (let sector = run.start; sector < endOf(run);) {
      const block = Math.floor(sector / blocks.blockSectors);
      const next = Math.min(endOf(run), (block + 1) * blocks.blockSectors);
      const entry = await blocks.table.entry(block);
      if (entry === UNUSED_ENTRY) throw new RangeError(`Bug: sector ${sector} is not in ${this.description.path}`);
      const part = into.subarray((sector - run.start) * SECTOR_BYTES, (next - run.start) * SECTOR_BYTES);
      const inBlock = sector - block * blocks.blockSectors;
      await readExactly(file, part, entry * SECTOR_BYTES + blocks.bitmapBytes + inBlock * SECTOR_BYTES);
      sector = next;
    }
  }

  /** All that a VHD says of its disk is in the footer, which stays with the file. */
  diskItems(): Promise<readonly DiskItem[]> {
    return Promise.resolve([]);
  }

  /** What keeps a VHD from being merged into is looked for in `openDestination`; its parent link can always be changed. */
  writeRefusal(): null {
    return null;
  }

  inspect(): Promise<readonly InspectedStructure[]> {
    return inspectVhd(this.vhd);
  }

  validate(): Promise<readonly Finding[]> {
    return validateVhd(this.vhd);
  }

  async settle(): Promise<'dropped' | 'kept'> {
    await this.vhd.file.flush();
    const answer = await this.vhd.file.dropCache();
    this.vhd.blocks?.table.forget();
    this.vhd.blocks?.bitmaps.forget();
    return answer;
  }

  close(): Promise<void> {
    return this.vhd.file.close();
  }

  get #diskSectors(): number {
    return this.description.virtualSizeBytes / SECTOR_BYTES;
  }

  async #runsOf(blocks: BlockStore, block: number, from: number, to: number): Promise<readonly SectorRun[]> {
    if (blocks.footer.diskType === 'dynamic') return [{ start: from, count: to - from }];
    return setRuns(await blocks.bitmaps.of(block, await blocks.table.entry(block)), from, to);
  }
}

/** Adds a run, joined with the last one when they touch. */
const append = (runs: SuppliedRun[], start: number, count: number): void => {
  const last = runs.at(-1);
  if (last !== undefined && endOf(last) === start) {
    runs[runs.length - 1] = { start: last.start, count: last.count + count, kind: 'data' };
  } else runs.push({ start, count, kind: 'data' });
};

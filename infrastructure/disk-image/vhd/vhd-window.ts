/**
 * One window of a merge into a VHD: steps 2 to 4 of the commit protocol (DESIGN.md §3). Guarantees:
 * - Until `commit` has flushed the payload, no metadata points to it.
 * - A metadata sector is written whole: what is durable, and this window's own changes.
 * - Nothing is in flight when a method returns.
 */
import type { DestinationWindow } from '#application/ports/disk-image';
import { SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { setBits } from '#domain/disk-format/vhd/sector-bitmap';
import { endOf, sectorCount, type SectorRun } from '#domain/sector-run';
import type { BlockStore } from './block-store.js';
import type { GuardedFile } from '../guarded-file.js';
import type { NewBlock } from './new-block.js';
import { type SectorsToWrite, writeSectors } from './sectors-to-write.js';
import type { StagingBuffers } from '../staging-buffers.js';
import { writeInPlace } from '../write-in-place.js';

/** A block of the window. Runs in it count from its first sector. */
export interface WindowBlock {
  readonly block: number;
  readonly startSector: number;
  readonly plannedEnd: number;
  readonly dataOffsetBytes: number;
  /** Null when the destination has the block. */
  readonly isNew: NewBlock | null;
  /** Where an existing block starts in the file; null in a fixed disk, which has no bitmaps. */
  readonly entry: number | null;
  /** What was written, ascending. */
  readonly written: SectorRun[];
  /** A new block that could not be written is forgotten with all that it had. */
  failed: boolean;
}

export interface WindowContext {
  readonly file: GuardedFile;
  readonly buffers: StagingBuffers;
  readonly blocks: BlockStore | null;
  /** Runs `commit`s one after the other. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** The window is over; these places were not used. */
  readonly ended: (window: VhdWindow, unusedEntries: readonly number[]) => void;
}

export class VhdWindow implements DestinationWindow {
  readonly #blocks: ReadonlyMap<number, WindowBlock>;
  #isOpen = true;

  constructor(
    private readonly context: WindowContext,
    blocks: readonly WindowBlock[],
  ) {
    this.#blocks = new Map(blocks.map((block) => [block.block, block]));
  }

  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  async write(block: number, runs: readonly SectorRun[], packed: Uint8Array): Promise<number> {
    const into = this.#blocks.get(block);
    if (into === undefined || !this.#isOpen) throw new RangeError(`Bug: block ${block} is in no open window`);
    const inBlock = runs.map(({ start, count }) => ({ start: start - into.startSector, count }));
    checkRuns(into, inBlock, packed);
    if (into.failed) throw new RangeError(`Bug: block ${block} is written again after a failed write`);
    try {
      if (into.isNew !== null) await into.isNew.write(inBlock, packed);
      else await this.#writeInPlace(into, inBlock, packed);
    } catch (fault) {
      into.failed = true;
      throw fault;
    }
    into.written.push(...inBlock);
    return into.dataOffsetBytes;
  }

  /** Zeros by state come from a disk that ends before the view does, or from states that VHD lacks; the sizes of its chains are equal. */
  zero(block: number): Promise<number> {
    throw new RangeError(`Bug: block ${block} of a VHD is to become zero by state`);
  }

  async commit(stillOurs: () => Promise<void>): Promise<void> {
    if (!this.#isOpen) throw new RangeError('Bug: the window was committed before');
    this.#isOpen = false;
    const { file, inTurn, ended } = this.context;
    await inTurn(async () => {
      await file.breaking(() => this.#commit(stillOurs));
      ended(this, this.#unusedEntries());
    });
  }

  async #commit(stillOurs: () => Promise<void>): Promise<void> {
    const { file, blocks } = this.context;
    const written = [...this.#blocks.values()].filter(isToCommit);
    if (written.length === 0) return;
    for (const { isNew } of written) await isNew?.complete();
    await file.flush();
    await stillOurs();
    if (blocks === null) return;

    const entries = new Map(written.flatMap(({ block, isNew }) => (isNew === null ? [] : [[block, isNew.entry]])));
    const bitmaps = new Map<number, Uint8Array>();
    const sectors: SectorsToWrite[] = await blocks.table.sectorsWith(entries);
    for (const block of written) {
      if (block.entry === null) continue;
      const durable = await blocks.bitmaps.of(block.block, block.entry);
      const changed = withBits(durable, block.written);
      sectors.push(...changedSectors(durable, changed, block.entry * SECTOR_BYTES));
      bitmaps.set(block.block, changed);
    }
    if (sectors.length === 0) return;
    await writeSectors(file, sectors);
    await file.flush();
    blocks.table.learn(entries);
    blocks.bitmaps.learn(bitmaps);
  }

  async #writeInPlace({ dataOffsetBytes }: WindowBlock, runs: readonly SectorRun[], packed: Uint8Array): Promise<void> {
    const { file, buffers } = this.context;
    await writeInPlace(file, buffers, { offsetBytes: dataOffsetBytes, sectorBytes: SECTOR_BYTES }, runs, packed);
  }

  #unusedEntries(): readonly number[] {
    return [...this.#blocks.values()].flatMap((block) =>
      block.isNew === null || isToCommit(block) ? [] : [block.isNew.entry],
    );
  }
}

const isToCommit = (block: WindowBlock): boolean => block.written.length > 0 && !(block.isNew !== null && block.failed);

const checkRuns = (into: WindowBlock, runs: readonly SectorRun[], packed: Uint8Array): void => {
  let from = into.written.length === 0 ? 0 : endOf(into.written.at(-1)!);
  for (const run of runs) {
    if (run.start < from || run.count < 1 || endOf(run) > into.plannedEnd) {
      throw new RangeError(
        `Bug: sectors ${run.start} to ${endOf(run)} of block ${into.block}, whose next may be ${from} to ${into.plannedEnd}`,
      );
    }
    from = endOf(run);
  }
  if (runs.length === 0 || packed.length !== sectorCount(runs) * SECTOR_BYTES) {
    throw new RangeError(`Bug: ${packed.length} bytes for ${sectorCount(runs)} sectors of block ${into.block}`);
  }
};

const withBits = (bitmap: Uint8Array, runs: readonly SectorRun[]): Uint8Array => {
  const changed = bitmap.slice();
  for (const { start, count } of runs) setBits(changed, start, count);
  return changed;
};

/** The 512-byte sectors of a bitmap that differ: each is whole by itself, because its data are durable. */
const changedSectors = (durable: Uint8Array, changed: Uint8Array, position: number): SectorsToWrite[] => {
  const sectors: SectorsToWrite[] = [];
  for (let at = 0; at < changed.length; at += SECTOR_BYTES) {
    const bytes = changed.subarray(at, at + SECTOR_BYTES);
    if (bytes.some((byte, n) => byte !== durable[at + n])) sectors.push({ position: position + at, bytes });
  }
  return sectors;
};

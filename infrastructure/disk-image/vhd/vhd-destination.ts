/**
 * A VHD that is merged into. Guarantees:
 * - Nothing is written before `prepare`, and a fixed disk's footer never.
 * - When the file grows, its footer is durable at the new end before a payload byte is written (FORMATS.md A5).
 * - After a failed flush, or a failed write of metadata, everything but `close` is refused.
 */
import type { BlockToWrite, DestinationWindow, MergeDestination } from '#application/ports/disk-image';
import { UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import type { Extent } from '#domain/disk-format/extent';
import { encodeFooter, FOOTER_BYTES, SECTOR_BYTES } from '#domain/disk-format/vhd/footer';
import { endOf } from '#domain/sector-run';
import { AppendSpace } from './append-space.js';
import type { BlockStore } from './block-store.js';
import { repairFooters } from './footer-repair.js';
import type { GuardedFile } from '../guarded-file.js';
import { NewBlock } from './new-block.js';
import type { OpenVhd } from './open-vhd.js';
import { ReadsAsImage } from '../reads-as-image.js';
import { StagingBuffers } from '../staging-buffers.js';
import { Turns } from '../turns.js';
import { VhdImage } from './vhd-image.js';
import { VhdWindow, type WindowBlock } from './vhd-window.js';

const FIXED_BLOCK_SECTORS = 4096;
const LARGEST_STAGED_BYTES = 2 * 1024 * 1024;

export class VhdDestination extends ReadsAsImage implements MergeDestination {
  /** The id of a VHD is its children's link to it: it stays. FORMATS.md C6 */
  readonly identityChange = null;
  readonly mergeBlockSectors: number;
  protected readonly image: VhdImage;
  readonly #buffers: StagingBuffers;
  readonly #commits = new Turns();
  readonly #openings = new Turns();
  readonly #open = new Set<VhdWindow>();
  #space: AppendSpace | null = null;
  #isPrepared = false;

  /** `file` is the guarded one that `vhd` was opened from. */
  constructor(
    private readonly vhd: OpenVhd,
    private readonly file: GuardedFile,
  ) {
    super();
    this.image = new VhdImage(vhd);
    this.mergeBlockSectors = vhd.blocks?.blockSectors ?? FIXED_BLOCK_SECTORS;
    const stagedBytes = Math.min(LARGEST_STAGED_BYTES, this.mergeBlockSectors * SECTOR_BYTES);
    this.#buffers = new StagingBuffers(stagedBytes + SECTOR_BYTES);
  }

  async prepare(): Promise<void> {
    if (this.#isPrepared) return;
    const { blocks, choice, fileSizeBytes, description } = this.vhd;
    if (blocks !== null) {
      const endOfStructuresBytes = endOfStructures(blocks);
      const fileLengthBytes = await this.file.breaking(() =>
        repairFooters(this.file, { choice, fileSizeBytes, endOfStructuresBytes }),
      );
      const { blockSizeBytes } = blocks.header;
      this.#space = new AppendSpace({ path: description.path, blockSizeBytes, endOfStructuresBytes, fileLengthBytes });
    }
    this.#isPrepared = true;
  }

  /** The disks of a VHD chain are of one size: the chain rules refuse others. */
  async growTo(virtualSizeBytes: number): Promise<void> {
    const own = this.description.virtualSizeBytes;
    if (virtualSizeBytes > own) throw new RangeError(`Bug: a VHD of ${own} bytes is to grow to ${virtualSizeBytes}`);
  }

  /** Nothing is left to do: each window has left the footer in its place. */
  async complete(): Promise<void> {}

  async rest(): Promise<void> {}

  /** What a child does not supply is its parent's, and may be anything. */
  async nextShowing(from: number): Promise<number | null> {
    if (this.description.type !== 'differencing') return this.nextData(from);
    return from < this.description.virtualSizeBytes / SECTOR_BYTES ? from : null;
  }

  async needsNewBlock({ block }: BlockToWrite): Promise<boolean> {
    const { blocks } = this.vhd;
    return blocks !== null && (await blocks.table.entry(block)) === UNUSED_ENTRY;
  }

  /** The disk itself does not grow: see `growTo`. A lost footer is written again, behind the end at worst. */
  fileEndAfter(newBlocks: number): number {
    const { blocks, description, fileSizeBytes, choice } = this.vhd;
    if (blocks === null) return fileSizeBytes;
    const place = { endOfStructuresBytes: endOfStructures(blocks), fileLengthBytes: fileSizeBytes };
    const { blockSizeBytes } = blocks.header;
    const endBytes = new AppendSpace({ path: description.path, blockSizeBytes, ...place }).fileEndAfter(newBlocks);
    return choice.copy === 'tail' ? endBytes : endBytes + SECTOR_BYTES + FOOTER_BYTES;
  }

  spaceForNewBlocks(count: number): number {
    return this.fileEndAfter(count) - this.vhd.fileSizeBytes;
  }

  /** A block that is new writes nothing in place but its table entry, which the file has: an unused one is not zero. */
  async writesInPlace({
    block,
    runs,
  }: BlockToWrite): Promise<{ data: readonly Extent[]; structures: readonly Extent[] }> {
    const { blocks } = this.vhd;
    const startSector = block * this.mergeBlockSectors;
    const dataAt = (offset: number): readonly Extent[] =>
      runs.map((run) => ({
        startBytes: offset + (run.start - startSector) * SECTOR_BYTES,
        endBytes: offset + (endOf(run) - startSector) * SECTOR_BYTES,
      }));
    if (blocks === null) return { data: dataAt(startSector * SECTOR_BYTES), structures: [] };
    const entry = await blocks.table.entry(block);
    if (entry === UNUSED_ENTRY) return { data: [], structures: [] };
    const bitmap = { startBytes: entry * SECTOR_BYTES, endBytes: entry * SECTOR_BYTES + blocks.bitmapBytes };
    return { data: dataAt(bitmap.endBytes), structures: [bitmap] };
  }

  structuresInPlace(): readonly Extent[] {
    return [];
  }

  openWindow(blocks: readonly BlockToWrite[]): Promise<DestinationWindow> {
    return this.#openings.run(async () => {
      if (!this.#isPrepared) throw new Error('Bug: a window is opened before `prepare`');
      const planned = blocks.map((block) => this.#checked(block));
      const placed = await this.#place(planned);
      const window = new VhdWindow(
        {
          file: this.file,
          buffers: this.#buffers,
          blocks: this.vhd.blocks,
          inTurn: (work) => this.#commits.run(work),
          ended: (ended, unused) => {
            this.#open.delete(ended);
            this.#space?.giveBack(unused);
          },
        },
        placed,
      );
      await this.#grow();
      this.#open.add(window);
      return window;
    });
  }

  async completionRefusal(): Promise<null> {
    return null;
  }

  /** The caller's plan, measured: a wrong one must not become a wrong write. */
  #checked({ block, runs }: BlockToWrite): Omit<WindowBlock, 'dataOffsetBytes' | 'isNew' | 'entry'> {
    const startSector = block * this.mergeBlockSectors;
    const end = Math.min(startSector + this.mergeBlockSectors, this.description.virtualSizeBytes / SECTOR_BYTES);
    const [first] = runs;
    const last = runs.at(-1);
    if (first === undefined || last === undefined || first.start < startSector || endOf(last) > end) {
      throw new RangeError(`Bug: block ${block} has the sectors ${startSector} to ${end}, planned are others or none`);
    }
    if (runs.some(({ kind }) => kind !== 'data')) {
      throw new RangeError(`Bug: block ${block} of a VHD is to become zero by state`);
    }
    if ([...this.#open].some((window) => window.has(block))) {
      throw new RangeError(`Bug: block ${block} is in a window that is not committed yet`);
    }
    return { block, startSector, plannedEnd: endOf(last) - startSector, written: [], failed: false };
  }

  /** Gives each block its place. When one has none, the places handed out come back and nothing has changed. */
  async #place(planned: readonly Omit<WindowBlock, 'dataOffsetBytes' | 'isNew' | 'entry'>[]): Promise<WindowBlock[]> {
    const { blocks } = this.vhd;
    if (blocks === null) {
      return planned.map((block) => ({
        ...block,
        dataOffsetBytes: block.startSector * SECTOR_BYTES,
        isNew: null,
        entry: null,
      }));
    }
    const placed: WindowBlock[] = [];
    const taken: number[] = [];
    try {
      for (const block of planned) {
        const known = await blocks.table.entry(block.block);
        const isUnused = known === UNUSED_ENTRY;
        const entry = isUnused ? this.#space!.take(block.block) : known;
        if (isUnused) taken.push(entry);
        placed.push({
          ...block,
          dataOffsetBytes: entry * SECTOR_BYTES + blocks.bitmapBytes,
          isNew: isUnused ? this.#newBlock(blocks, entry, block.plannedEnd) : null,
          entry: isUnused ? null : entry,
        });
      }
    } catch (fault) {
      this.#space!.giveBack(taken);
      throw fault;
    }
    return placed;
  }

  #newBlock(blocks: BlockStore, entry: number, plannedEnd: number): NewBlock {
    const { bitmapBytes, blockSectors } = blocks;
    return new NewBlock(this.file, this.#buffers, { entry, bitmapBytes, blockSectors, plannedEnd });
  }

  async #grow(): Promise<void> {
    const position = this.#space?.footerNeededAt ?? null;
    if (position === null) return;
    await this.file.breaking(async () => {
      await this.file.write(encodeFooter(this.vhd.choice.footer), position);
      await this.file.flush();
    });
    this.#space!.grewTo(position);
  }
}

/** Behind everything that is in use. */
export const endOfStructures = ({ metadata, endOfBlocksBytes }: BlockStore): number =>
  Math.max(endOfBlocksBytes, ...metadata.map(({ endBytes }) => endBytes));

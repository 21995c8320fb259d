/**
 * A VHDX that is merged into. Guarantees:
 * - Nothing is written before `prepare`.
 * - The file is as long as it has to be, durably, before a payload byte is written to a new place.
 * - All metadata goes through the log, after the payload that it points to.
 * - After a failed flush, or a failed write of metadata, everything but `close` is refused.
 */
import type {
  BlockToWrite,
  DestinationWindow,
  DiskItem,
  IdentityChange,
  MergeDestination,
} from '#application/ports/disk-image';
import type { ImageDescription } from '#domain/chain/image-description';
import type { Extent } from '#domain/disk-format/extent';
import { PAYLOAD } from '#domain/disk-format/vhdx/bat';
import { logExtent } from '#domain/disk-format/vhdx/header';
import { regionExtent } from '#domain/disk-format/vhdx/region-table';
import { MIB, roundUp } from '#domain/quantities';
import type { MergeError } from '#domain/merge-error';
import type { GuardedFile } from '../guarded-file.js';
import { ReadsAsImage } from '../reads-as-image.js';
import { StagingBuffers } from '../staging-buffers.js';
import { forgettingOnFault } from './after-a-fault.js';
import { isPresent } from './block-actions.js';
import { type BlockPlan, planOf } from './block-plan.js';
import { BlockSpace } from './block-space.js';
import { clearPadding, withItemsOf } from './completing.js';
import { diskItemsRefusal } from './disk-items.js';
import { grown } from './growing.js';
import type { OpenVhdx } from './open-vhdx.js';
import { type BlockWrites, fileEndAfter, needsNewPlace, sharedStructures, writesInPlace } from './space-needed.js';
import { VhdxImage } from './vhdx-image.js';
import { VhdxSession } from './vhdx-session.js';
import { VhdxWindows } from './vhdx-windows.js';

const LARGEST_STAGED_BYTES = 2 * MIB;

/** May a block in this state show something else than zeros? One that is not present shows the parent, if there is one. */
const showsAlone = (state: number): boolean => isPresent(state);
const showsOverParent = (state: number): boolean => isPresent(state) || state === PAYLOAD.notPresent;

export class VhdxDestination extends ReadsAsImage implements MergeDestination {
  readonly mergeBlockSectors: number;
  readonly #buffers: StagingBuffers;
  #vhdx: OpenVhdx;
  protected image: VhdxImage;
  /** One for all sessions: it knows which places are free. */
  #space: BlockSpace | null = null;
  /** From `prepare` to `rest`. */
  #windows: VhdxWindows | null = null;

  /** `file` is the guarded one that `vhdx` was opened from, and `sessionRefusal` has nothing against writing it. */
  constructor(
    vhdx: OpenVhdx,
    private readonly file: GuardedFile,
    private readonly newGuid: () => string,
  ) {
    super();
    this.#vhdx = vhdx;
    this.image = new VhdxImage(vhdx);
    const { blockSizeBytes, logicalSectorSize } = vhdx.parameters;
    this.mergeBlockSectors = blockSizeBytes / logicalSectorSize;
    this.#buffers = new StagingBuffers(Math.min(LARGEST_STAGED_BYTES, blockSizeBytes));
  }

  async prepare(fileWriteGuid: string | null): Promise<void> {
    if (this.#windows !== null) return;
    if (fileWriteGuid === null) throw new RangeError('Bug: a VHDX is to be written without a FileWriteGuid');
    const session = await VhdxSession.begin(this.#vhdx, this.file, fileWriteGuid, this.newGuid);
    // A file that ends with the disk's last sector gets the rest of its last block.
    await session.growFile(roundUp(endOfStructures(this.#vhdx), MIB));
    this.#space ??= new BlockSpace({
      path: this.#vhdx.path,
      endOfStructuresBytes: endOfStructures(this.#vhdx),
      fileLengthBytes: session.fileLengthBytes,
    });
    this.#windows = new VhdxWindows({ file: this.file, buffers: this.#buffers, session, space: this.#space });
    this.#describe({ writeIdentity: fileWriteGuid });
  }

  readonly identityChange: IdentityChange = {
    take: async (identity) => {
      await this.#prepared('takes an identity').writing.session.changeHeader({ dataWriteGuid: identity });
      this.#describe({ identity });
    },
  };

  async growTo(virtualSizeBytes: number): Promise<void> {
    if (virtualSizeBytes <= this.#vhdx.parameters.virtualSizeBytes) return;
    const { writing } = this.#alone('grows');
    await this.#zeroBehindTheEnd();
    await this.#becoming(() => grown(writing, this.#vhdx, virtualSizeBytes));
  }

  async complete(source: { diskItems(): Promise<readonly DiskItem[]> }): Promise<void> {
    // Asked for only when something is to be written: asked again, when it is at rest, there is nothing.
    const session: Pick<VhdxSession, 'commit'> = {
      commit: (transactions) => this.#alone('is completed').writing.session.commit(transactions),
    };
    const [own, items] = [await this.diskItems(), await source.diskItems()];
    await this.#becoming(() => withItemsOf(this.#vhdx, session, own, items));
    await forgettingOnFault(this.#vhdx, () => clearPadding(this.#vhdx, session));
    await this.rest();
  }

  async completionRefusal(source: { diskItems(): Promise<readonly DiskItem[]> }): Promise<MergeError | null> {
    return diskItemsRefusal(this.#vhdx, await this.diskItems(), await source.diskItems());
  }

  async rest(): Promise<void> {
    const windows = this.#windows;
    if (windows === null) return;
    await windows.close();
    await windows.writing.session.rest();
    this.#windows = null;
  }

  async nextShowing(from: number): Promise<number | null> {
    const { bat, parameters, geometry } = this.#vhdx;
    if (from * parameters.logicalSectorSize >= parameters.virtualSizeBytes) return null;
    const shows = parameters.hasParent ? showsOverParent : showsAlone;
    const block = await bat.nextPayload(Math.floor(from / this.mergeBlockSectors), geometry.payloadBlocks, shows);
    return block === null ? null : Math.max(from, block * this.mergeBlockSectors);
  }

  needsNewBlock(toWrite: BlockToWrite): Promise<boolean> {
    return needsNewPlace(this.#vhdx, this.mergeBlockSectors, toWrite);
  }

  fileEndAfter(newBlocks: number, virtualSizeBytes: number): number {
    return fileEndAfter(this.#vhdx, endOfStructures(this.#vhdx), { newBlocks, virtualSizeBytes });
  }

  spaceForNewBlocks(count: number): number {
    const { fileSizeBytes, parameters } = this.#vhdx;
    return this.fileEndAfter(count, parameters.virtualSizeBytes) - fileSizeBytes;
  }

  writesInPlace(toWrite: BlockToWrite): Promise<BlockWrites> {
    return writesInPlace(this.#vhdx, this.mergeBlockSectors, toWrite);
  }

  structuresInPlace(): readonly Extent[] {
    return sharedStructures(this.#vhdx);
  }

  async openWindow(blocks: readonly BlockToWrite[]): Promise<DestinationWindow> {
    return this.#prepared('opens a window').open(this.#vhdx, () => blocks.map((block) => this.#planOf(block)));
  }

  #prepared(what: string): VhdxWindows {
    if (this.#windows === null) throw new RangeError(`Bug: ${this.#vhdx.path} ${what} before \`prepare\``);
    return this.#windows;
  }

  #alone(what: string): VhdxWindows {
    const windows = this.#prepared(what);
    if (windows.areOpen) throw new RangeError(`Bug: ${this.#vhdx.path} ${what} while a window is open`);
    return windows;
  }

  #planOf(toWrite: BlockToWrite): BlockPlan {
    const { virtualSizeBytes, logicalSectorSize } = this.#vhdx.parameters;
    return planOf(toWrite, this.mergeBlockSectors, virtualSizeBytes / logicalSectorSize);
  }

  /**
   * Before the disk grows: the rest of its last block, which may hold anything, reads zero. A window like any other, of zeros that
   * nobody sees yet.
   */
  async #zeroBehindTheEnd(): Promise<void> {
    const { virtualSizeBytes, logicalSectorSize } = this.#vhdx.parameters;
    const start = virtualSizeBytes / logicalSectorSize;
    const block = Math.floor(start / this.mergeBlockSectors);
    const end = (block + 1) * this.mergeBlockSectors;
    if (start === block * this.mergeBlockSectors) return;
    const rest = { block, runs: [{ start, count: end - start, kind: 'zero' as const }] };
    const windows = this.#prepared('grows');
    const window = await windows.open(this.#vhdx, () => [planOf(rest, this.mergeBlockSectors, end)]);
    await window.zero(block);
    // The caller has asked whether the job is still its own before it let the disk grow.
    await window.commit(async () => undefined);
  }

  async #becoming(change: () => Promise<OpenVhdx>): Promise<void> {
    this.#become(await forgettingOnFault(this.#vhdx, change));
  }

  #become(vhdx: OpenVhdx): void {
    this.#vhdx = vhdx;
    this.image = new VhdxImage(vhdx);
  }

  #describe(changes: Partial<Pick<ImageDescription, 'identity' | 'writeIdentity'>>): void {
    this.#become({ ...this.#vhdx, description: { ...this.#vhdx.description, ...changes } });
  }
}

/** Behind everything that is in use. */
const endOfStructures = ({ headers, regions, summary }: OpenVhdx): number =>
  Math.max(
    MIB,
    logExtent(headers.header)?.endBytes ?? 0,
    summary.endOfBlocksBytes,
    ...regions.entries.map((region) => regionExtent(region).endBytes),
  );

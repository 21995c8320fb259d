/**
 * One block of a window: what was planned for it, and how much of that is written. Guarantees:
 * - In a data area that readers look at exactly the planned sectors change.
 * - A block of which something is missing, or whose writing failed, is not `complete`: no metadata is made of it.
 */
import type { OpenFile } from '#application/ports/file-system';
import { type BatGeometry, offsetOf, PAYLOAD, stateOf } from '#domain/disk-format/vhdx/bat';
import { endOf, sectorCount, type SectorRun } from '#domain/sector-run';
import type { StagingBuffers } from '../staging-buffers.js';
import { type DataArea, writeInPlace } from '../write-in-place.js';
import { ownsSpace } from './block-actions.js';
import type { BlockPlan } from './block-plan.js';
import type { Place } from './block-space.js';
import { NewPayload } from './new-payload.js';
import { writeZeros } from './write-zeros.js';

export interface PlacedBlock {
  readonly plan: BlockPlan;
  /** BAT entries, as it is on stable storage and as the commit leaves it. */
  readonly before: number;
  readonly after: number;
  /** Null when the block will have no data area. */
  readonly area: DataArea | null;
  /** The new place for its data area; null when it has one or needs none. */
  readonly taken: Place | null;
  /** Does something of the area become visible that nobody wrote, and may it be other than zeros? */
  readonly isToFill: boolean;
  readonly geometry: Pick<BatGeometry, 'blockSizeBytes' | 'logicalSectorSize'>;
}

export class WindowBlock {
  readonly #payload: NewPayload | null;
  /** Planned data is written up to this sector of the block, and so many sectors of it. */
  #writtenTo = 0;
  #writtenSectors = 0;
  #isZeroed = false;
  #isTouched = false;
  #failed = false;

  constructor(
    private readonly file: OpenFile,
    private readonly buffers: StagingBuffers,
    private readonly placed: PlacedBlock,
  ) {
    const { area, isToFill, geometry, plan } = placed;
    const blockSectors = geometry.blockSizeBytes / geometry.logicalSectorSize;
    const plannedEnd = plan.data.length === 0 ? 0 : endOf(plan.data.at(-1)!);
    this.#payload =
      isToFill && area !== null ? new NewPayload(file, buffers, { area, blockSectors, plannedEnd }) : null;
  }

  get plan(): BlockPlan {
    return this.placed.plan;
  }

  get before(): number {
    return this.placed.before;
  }

  get after(): number {
    return this.placed.after;
  }

  get isComplete(): boolean {
    const { data, zeros } = this.plan;
    return !this.#failed && this.#writtenSectors === sectorCount(data) && (zeros.length === 0 || this.#isZeroed);
  }

  /** What nothing names once the window is over: a place that was not used, or the one that the committed block has left. */
  freePlace(isCommitted: boolean): Place | null {
    const { taken, before, after, geometry } = this.placed;
    if (!isCommitted) return taken === null ? null : this.#asItIs(taken);
    if (!ownsSpace(stateOf(before)) || offsetOf(before) === 0 || stateOf(after) !== PAYLOAD.zero) return null;
    const { blockSizeBytes } = geometry;
    return { offsetBytes: offsetOf(before), lengthBytes: blockSizeBytes, staleBytes: blockSizeBytes };
  }

  /** `runs` are guest sectors. Returns the offset of the data area. */
  async write(runs: readonly SectorRun[], packed: Uint8Array): Promise<number> {
    const { block, startSector } = this.plan;
    const { area } = this.placed;
    const inBlock = runs.map(({ start, count }) => ({ start: start - startSector, count }));
    this.#check(inBlock, packed);
    if (area === null) throw new RangeError(`Bug: data for block ${block}, which will have no data area`);
    await this.#trying(async () => {
      if (this.#payload !== null) await this.#payload.write(inBlock, packed);
      else await writeInPlace(this.file, this.buffers, area, inBlock, packed);
    });
    this.#writtenTo = endOf(inBlock.at(-1)!);
    this.#writtenSectors += sectorCount(inBlock);
    return area.offsetBytes;
  }

  /** The planned zeros. Returns the offset of the data area, or 0. */
  async zero(): Promise<number> {
    const { zeros, data, block } = this.plan;
    const { area, taken } = this.placed;
    if (zeros.length === 0 || this.#isZeroed) throw new RangeError(`Bug: block ${block} has no zeros to be written`);
    if (area !== null) {
      await this.#trying(async () => {
        // With data beside them, the zeros of a block that is filled were written, or will be, between the data.
        if (this.#payload !== null) await (data.length === 0 ? this.#payload.complete() : undefined);
        else if (taken?.staleBytes !== 0) await writeZeros(this.file, this.buffers, area, zeros);
      });
    }
    this.#isZeroed = true;
    return area?.offsetBytes ?? 0;
  }

  /** A place that may be written in part. */
  #asItIs(taken: Place): Place {
    return this.#isTouched ? { ...taken, staleBytes: taken.lengthBytes } : taken;
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    if (this.#failed) throw new RangeError(`Bug: block ${this.plan.block} is written again after a failed write`);
    this.#isTouched = true;
    try {
      await work();
    } catch (fault) {
      this.#failed = true;
      throw fault;
    }
  }

  #check(inBlock: readonly SectorRun[], packed: Uint8Array): void {
    const { block, data } = this.plan;
    let from = this.#writtenTo;
    let n = 0;
    for (const run of inBlock) {
      while (n < data.length && endOf(data[n]!) <= run.start) n += 1;
      const planned = data[n];
      const isPlanned = planned !== undefined && planned.start <= run.start && endOf(run) <= endOf(planned);
      if (run.start < from || run.count < 1 || !isPlanned) {
        throw new RangeError(
          `Bug: sectors ${run.start} to ${endOf(run)} of block ${block} are not planned as data, or written already`,
        );
      }
      from = endOf(run);
    }
    const expected = sectorCount(inBlock) * this.placed.geometry.logicalSectorSize;
    if (inBlock.length === 0 || packed.length !== expected) {
      throw new RangeError(`Bug: ${packed.length} bytes for ${expected} bytes of block ${block}`);
    }
  }
}

import type { MergedBlock } from '#domain/merge-job/commands';
import {
  dataRuns,
  suppliedRuns,
  suppliers,
  writtenRuns,
  zeroRuns,
  type BlockMerge,
} from '#domain/merge-plan/block-merge';
import { sectorCount } from '#domain/sector-run';
import { eventBytesAtMost, toSectorSet } from '#domain/merge-plan/sector-set';
import type { Clock } from '../ports/clock.js';
import type { MergeDestination } from '../ports/disk-image.js';
import type { BlockCopier } from './copy-block.js';
import type { RunContext } from './run-context.js';

/** A window ends at any of these; it is made of whole blocks, at least one. */
export interface WindowLimits {
  readonly bytes: number;
  readonly milliseconds: number;
  readonly eventBytes: number;
}

/** One append of 256 KiB fits every store. */
export const LARGEST_APPEND_BYTES = 256 * 1024;
export const LONGEST_WINDOW_MS = 1000;

/**
 * The commit protocol for one window after the other: place, write, flush, point, flush. What `next` returns is durable; the
 * caller appends it to the journal and only then asks for the next window.
 */
export class WindowMerger {
  private readonly waiting: BlockMerge[] = [];

  constructor(
    private readonly plan: AsyncIterator<BlockMerge>,
    private readonly destination: MergeDestination,
    private readonly copier: BlockCopier,
    private readonly limits: WindowLimits,
    private readonly sectorSize: number,
    private readonly clock: Clock,
  ) {}

  /**
   * Merges the next window; empty when nothing is left. `stillOurs` is asked before the first write and before anything is
   * pointed to; `stopAsked` ends the window after the block under way.
   */
  async next(run: Pick<RunContext, 'stillOurs' | 'stopAsked'>): Promise<readonly MergedBlock[]> {
    const planned = await this.collect();
    if (planned.length === 0) return [];
    await run.stillOurs();
    const openedAt = this.clock.monotonic();
    const window = await this.destination.openWindow(
      planned.map((merge) => ({ block: merge.block, runs: suppliedRuns(merge) })),
    );
    const merged: MergedBlock[] = [];
    for (const merge of planned) {
      merged.push(await this.copier.copy(merge, window));
      if (this.clock.monotonic() - openedAt >= this.limits.milliseconds || (await run.stopAsked())) break;
    }
    this.waiting.unshift(...planned.slice(merged.length));
    await window.commit(() => run.stillOurs());
    return merged;
  }

  private async collect(): Promise<BlockMerge[]> {
    const blocks: BlockMerge[] = [];
    let bytes = 0;
    let eventBytes = 0;
    for (let merge = await this.take(); merge !== null; merge = await this.take()) {
      // Zeros are said or written, but not moved: the time limit is theirs.
      const mergeBytes = sectorCount(dataRuns(merge)) * this.sectorSize;
      const mergeEventBytes = this.eventBytesOf(merge);
      const full = bytes + mergeBytes > this.limits.bytes || eventBytes + mergeEventBytes > this.limits.eventBytes;
      if (full && blocks.length > 0) {
        this.waiting.unshift(merge);
        break;
      }
      blocks.push(merge);
      bytes += mergeBytes;
      eventBytes += mergeEventBytes;
    }
    return blocks;
  }

  private async take(): Promise<BlockMerge | null> {
    const waiting = this.waiting.shift();
    if (waiting !== undefined) return waiting;
    const next = await this.plan.next();
    return next.done === true ? null : next.value;
  }

  private eventBytesOf(merge: BlockMerge): number {
    const { mergeBlockSectors } = this.destination;
    const sets = [writtenRuns(merge), zeroRuns(merge)].map((runs) =>
      toSectorSet(runs, merge.block * mergeBlockSectors, mergeBlockSectors),
    );
    return eventBytesAtMost(sets, suppliers(merge).length);
  }
}

import type { MergedBlock } from '#domain/merge-job/commands';
import { dataRuns, pieces, suppliers, writtenRuns, zeroRuns, type BlockMerge } from '#domain/merge-plan/block-merge';
import { toSectorSet } from '#domain/merge-plan/sector-set';
import type { SectorSet } from '#domain/merge-job/events';
import { joinTouching, sectorCount, type SectorRun } from '#domain/sector-run';
import type { ChainView } from '../chain/chain-view.js';
import type { Digests } from '../ports/digests.js';
import type { DestinationWindow } from '../ports/disk-image.js';
import type { Pace } from './pace.js';

/** 2 MiB: larger pieces fall out of the processor's cache and are slower. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** Moves blocks from the sources into a window through one reused buffer, and takes the digest on the way. */
export class BlockCopier {
  private readonly buffer = new Uint8Array(PIECE_BYTES);

  constructor(
    private readonly sources: ChainView,
    private readonly blockSectors: number,
    private readonly digests: Digests,
    private readonly pace: Pace,
  ) {}

  /** Commit protocol, step 2, for one block. What it returns is true only after the window's commit. */
  async copy(merge: BlockMerge, window: DestinationWindow): Promise<MergedBlock> {
    const digest = this.digests.sha256();
    const { sectorSize } = this.sources;
    let fileOffsetBytes = 0;
    for (const piece of pieces(dataRuns(merge), PIECE_BYTES / sectorSize)) {
      const packed = this.buffer.subarray(0, sectorCount(piece) * sectorSize);
      await this.sources.readPacked(piece, packed);
      digest.update(packed);
      fileOffsetBytes = await window.write(merge.block, joinTouching(piece), packed);
      await this.pace.moved(packed.byteLength);
    }
    const zeros = zeroRuns(merge);
    if (zeros.length > 0) {
      fileOffsetBytes = await window.zero(merge.block);
      this.pace.said(sectorCount(zeros) * sectorSize);
    }
    const runs = writtenRuns(merge);
    return {
      block: merge.block,
      sectors: this.sectorSet(runs, merge.block),
      ...(zeros.length > 0 ? { zeros: this.sectorSet(zeros, merge.block) } : {}),
      bytes: sectorCount(runs) * sectorSize,
      fileOffsetBytes,
      digest: `sha256:${digest.hex()}`,
      from: suppliers(merge),
    };
  }

  /** The digest that a merge of this block would record now, without writing anything. */
  async digestOf(merge: BlockMerge): Promise<string> {
    const digest = this.digests.sha256();
    for (const piece of pieces(dataRuns(merge), PIECE_BYTES / this.sources.sectorSize)) {
      const packed = this.buffer.subarray(0, sectorCount(piece) * this.sources.sectorSize);
      await this.sources.readPacked(piece, packed);
      digest.update(packed);
    }
    return `sha256:${digest.hex()}`;
  }

  private sectorSet(runs: readonly SectorRun[], block: number): SectorSet {
    return toSectorSet(runs, block * this.blockSectors, this.blockSectors);
  }
}

import { coverFrom, openRange, type CoveredRun } from '#domain/merge-plan/covered-runs';
import { endOf, type SectorRun } from '#domain/sector-run';
import type { DiskImage } from '../ports/disk-image.js';

/** What a chain (or the upper part of one) shows: nearer images win, sector by sector. */
export class ChainView {
  /** Nearest image first. */
  constructor(readonly images: readonly DiskImage[]) {}

  get sectorSize(): number {
    return this.top.logicalSectorSize;
  }

  get diskSectors(): number {
    return this.top.virtualSizeBytes / this.top.logicalSectorSize;
  }

  /** The runs of the range that one of these images supplies, ascending, each with its image; the rest is open. */
  async covered(range: SectorRun): Promise<readonly CoveredRun[]> {
    let coverage = openRange(range);
    for (const [index, image] of this.images.entries()) {
      const first = coverage.open[0];
      if (first === undefined) break;
      const bounds = { start: first.start, count: endOf(coverage.open.at(-1)!) - first.start };
      coverage = coverFrom(coverage, index, diskSectorsOf(image), await image.supplied(bounds));
    }
    return coverage.covered;
  }

  /** A walk over covered sectors from the start of the disk. Each walk is its own: a view has no position. */
  walk(): CoverageWalk {
    return new CoverageWalk(this.images, this.diskSectors);
  }

  /** Reads covered runs one after the other into `packed`: the bytes that go to the destination. */
  async readPacked(runs: readonly CoveredRun[], packed: Uint8Array): Promise<void> {
    let offset = 0;
    for (const run of runs) {
      const length = run.count * this.sectorSize;
      const into = packed.subarray(offset, offset + length);
      if (run.kind === 'zero') into.fill(0);
      else await this.images[run.image]!.read(run, into);
      offset += length;
    }
  }

  /** The guest's bytes of the range; what no image supplies reads as zero. */
  async read(range: SectorRun, into: Uint8Array): Promise<void> {
    into.fill(0);
    for (const run of await this.covered(range)) {
      if (run.kind === 'zero') continue;
      const offset = (run.start - range.start) * this.sectorSize;
      await this.images[run.image]!.read(run, into.subarray(offset, offset + run.count * this.sectorSize));
    }
  }

  private get top(): DiskImage['description'] {
    return this.images[0]!.description;
  }
}

/** Finds covered sectors in ascending order; asks each image only when its last answer is behind. */
export class CoverageWalk {
  private readonly next: (number | null | undefined)[];
  private reached = 0;

  constructor(
    private readonly images: readonly DiskImage[],
    private readonly diskSectors: number,
  ) {
    this.next = images.map(() => undefined);
  }

  /** The first sector at or after `from` that may be covered; null when there is none. A walk never goes back. */
  async nextCovered(from: number): Promise<number | null> {
    if (from < this.reached) throw new RangeError(`Bug: a walk at sector ${this.reached} is asked for sector ${from}`);
    this.reached = from;
    let nearest: number | null = null;
    for (const [index, image] of this.images.entries()) {
      const known = this.next[index];
      const next = known === null || (known !== undefined && known >= from) ? known : await image.nextSupplied(from);
      this.next[index] = next;
      nearest = lower(lower(nearest, next), this.hiddenFrom(image, from));
    }
    return nearest;
  }

  /** A disk smaller than the view hides everything under its end: those sectors are covered, by zeros. */
  private hiddenFrom(image: DiskImage, from: number): number | null {
    const end = diskSectorsOf(image);
    return end < this.diskSectors && from < this.diskSectors ? Math.max(from, end) : null;
  }
}

const diskSectorsOf = (image: DiskImage): number =>
  image.description.virtualSizeBytes / image.description.logicalSectorSize;

const lower = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));

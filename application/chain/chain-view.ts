import { coverFrom, openRange, type CoveredRun } from '#domain/merge-plan/covered-runs';
import { endOf, type SectorRun } from '#domain/sector-run';
import type { DiskImage } from '../ports/disk-image.js';

/** What a chain (or the upper part of one) shows: nearer images win, sector by sector. */
export class ChainView {
  /**
   * Nearest image first. `belowSectors` is the size of the disk under them, for the upper part of a chain: what lies past its end
   * reads zero in the whole chain, so this part supplies it. Null for a whole chain, or when the size below hides nothing.
   */
  constructor(
    readonly images: readonly DiskImage[],
    private readonly belowSectors: number | null = null,
  ) {}

  get sectorSize(): number {
    return this.top.logicalSectorSize;
  }

  get diskSectors(): number {
    return this.top.virtualSizeBytes / this.top.logicalSectorSize;
  }

  /** From this sector on a smaller disk hides what is under it: zeros cover what no image supplies. The view's size for none. */
  get hiddenFrom(): number {
    return Math.min(this.sizeBelow, ...this.images.map(diskSectorsOf));
  }

  /** Sectors of the disk under this view; the view's own size when none is known. */
  get sizeBelow(): number {
    return this.belowSectors ?? this.diskSectors;
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
    if (this.belowSectors !== null) coverage = coverFrom(coverage, this.images.length, this.belowSectors, []);
    return coverage.covered;
  }

  /** A walk over what the images supply, or have bytes of, from the start of the disk. Each walk is its own: a view has no position. */
  walk(of: 'supplied' | 'data'): ImagesWalk {
    const next = of === 'data' ? 'nextData' : 'nextSupplied';
    return new ImagesWalk(this.images.map((image) => (from) => image[next](from)));
  }

  /** Reads covered `data` runs one after the other into `packed`: the bytes that go to the destination. */
  async readPacked(runs: readonly CoveredRun[], packed: Uint8Array): Promise<void> {
    let offset = 0;
    for (const run of runs) {
      const length = run.count * this.sectorSize;
      await this.images[run.image]!.read(run, packed.subarray(offset, offset + length));
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

/** Finds the next sector of several images in ascending order; asks each image only when its last answer is behind. */
export class ImagesWalk {
  private readonly known: (number | null | undefined)[];
  private reached = 0;

  constructor(private readonly images: readonly ((from: number) => Promise<number | null>)[]) {
    this.known = images.map(() => undefined);
  }

  /** The first sector at or after `from`; null when there is none. A walk never goes back. */
  async next(from: number): Promise<number | null> {
    if (from < this.reached) throw new RangeError(`Bug: a walk at sector ${this.reached} is asked for sector ${from}`);
    this.reached = from;
    let nearest: number | null = null;
    for (const [index, ask] of this.images.entries()) {
      const known = this.known[index];
      const next = known === null || (known !== undefined && known >= from) ? known : await ask(from);
      this.known[index] = next;
      nearest = lower(nearest, next);
    }
    return nearest;
  }
}

const diskSectorsOf = (image: DiskImage): number =>
  image.description.virtualSizeBytes / image.description.logicalSectorSize;

/** The smaller of two sectors; null is none. */
export const lower = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

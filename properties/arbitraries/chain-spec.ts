/**
 * A differencing chain as a plain value, before any byte of it is written.
 */
import type { Dialect } from '../models/plain-vhd.js';
import { SECTOR_BYTES } from '../models/sector-content.js';

/** Sectors that a layer supplies: all from `firstSector` on, or every second one of them. Later strokes paint over earlier ones. */
export type Stroke = {
  readonly firstSector: number;
  /** From the first to the last sector, also where only every second one is painted; never beyond the disk. */
  readonly sectorCount: number;
  readonly everyOther: boolean;
  /** `data` is `sectorContent` of the layer's number; `zeros` are present all the same and hide the parent. */
  readonly content: 'data' | 'zeros';
};

export type LayerSpec = {
  readonly type: 'fixed' | 'dynamic' | 'differencing';
  readonly dialect: Dialect;
  readonly blockSizeBytes: number;
  readonly strokes: readonly Stroke[];
  /** Blocks that have a place in the file even if no stroke touches them. */
  readonly alsoAllocated: readonly number[];
  /** Whether a block that the disk ends in has the bits beyond the end set, as QEMU writes them. */
  readonly bitsPastEnd: boolean;
  /** What lies in gaps, slack and, in a differencing image, under clear bits. */
  readonly leftovers: 'zeros' | 'stale';
  /** Blocks lie in the file by index (0) or in an order drawn from this number. */
  readonly orderSeed: number;
  /** Unused sectors before the blocks, used in turn. */
  readonly gapsSectors: readonly number[];
  readonly slackSectors: number;
};

/** Layers from leaf (0) to base; the base is fixed or dynamic, the others are differencing. */
export class ChainSpec {
  constructor(
    readonly sizeSectors: number,
    readonly layers: readonly LayerSpec[],
    /** File names are `<stem>-<layer>.vhd`. */
    readonly fileStem: string,
  ) {}

  get sizeBytes(): number {
    return this.sizeSectors * SECTOR_BYTES;
  }

  fileName(layer: number): string {
    return `${this.fileStem}-${layer}.vhd`;
  }

  /** One line per layer; fast-check prints counterexamples with it. */
  toString(): string {
    const lines = this.layers.map((layer, index) => `  layer ${index}: ${layerText(layer)}`);
    return [`chain "${this.fileStem}" of ${this.sizeSectors} sectors, leaf first:`, ...lines].join('\n');
  }
}

const layerText = (layer: LayerSpec): string =>
  [
    `${layer.type} (${layer.dialect}), blocks of ${layer.blockSizeBytes / 1024} KiB`,
    `sectors ${layer.strokes.map(strokeText).join(', ') || 'none'}`,
    ...(layer.alsoAllocated.length > 0 ? [`blocks ${layer.alsoAllocated.join(', ')} allocated anyway`] : []),
    ...(layer.bitsPastEnd ? ['bits set past the end'] : []),
    `${layer.leftovers} left over`,
    ...(layer.orderSeed === 0 ? [] : [`shuffled by ${layer.orderSeed}`]),
    ...(layer.gapsSectors.length > 0 ? [`gaps ${layer.gapsSectors.join(' ')}`] : []),
    ...(layer.slackSectors > 0 ? [`slack ${layer.slackSectors}`] : []),
  ].join('; ');

const strokeText = ({ firstSector, sectorCount, everyOther, content }: Stroke): string => {
  const last = firstSector + sectorCount - 1;
  const range = sectorCount === 1 ? `${firstSector}` : `${firstSector}..${last}${everyOther ? ' every other' : ''}`;
  return content === 'zeros' ? `${range} zero` : range;
};

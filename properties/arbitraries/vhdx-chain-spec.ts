/**
 * A differencing chain of VHDX images as a plain value, before any byte of it is written.
 */
import { MIB } from '../models/plain-vhdx-layout.js';
import type { PlainLog, PlainVhdxDialect } from '../models/plain-vhdx.js';
import type { Stroke } from './chain-spec.js';

export type { Stroke } from './chain-spec.js';

/**
 * A block that is in this state whatever the strokes do. In states 1, 2 and 3 the whole block is zero: strokes in it are not seen, and
 * with an anchor they are what its old place holds. State 7 is a place without a set bit unless a stroke sets some.
 */
export type BlockSpec = {
  readonly block: number;
  readonly state: 1 | 2 | 3 | 6 | 7;
  /** States 1 and 3 only. */
  readonly anchored: boolean;
};

/** How the file came to be as it is; its content does not depend on it. */
export type FileHabits = {
  readonly leftovers: 'zeros' | 'stale';
  /** Blocks lie in the file by index (0) or in an order drawn from this number. */
  readonly orderSeed: number;
  /** Unused MiB before the blocks, used in turn. */
  readonly gapsMib: readonly number[];
  readonly slackMib: number;
  /** Bits set for sectors beyond the end of the disk, and in blocks whose bits mean nothing. */
  readonly staleBits: boolean;
  /** Unknown, not required: a metadata item of the file, one of the disk, and a region. */
  readonly unknowns: boolean;
  readonly headers: 'as usual' | 'first is current' | 'other damaged' | 'identical';
  /** By which of its two identities the child names its parent. */
  readonly linkedBy: 'linkage' | 'linkage2';
  readonly log?: Omit<PlainLog, 'logGuid' | 'fileShorterByMib'>;
};

export type VhdxLayerSpec = FileHabits & {
  readonly type: 'fixed' | 'dynamic' | 'differencing';
  readonly dialect: PlainVhdxDialect;
  /** In logical sectors, as all sectors here. */
  readonly sizeSectors: number;
  readonly blockSizeBytes: number;
  readonly physicalSectorBytes: 512 | 4096;
  readonly strokes: readonly Stroke[];
  readonly blocks: readonly BlockSpec[];
};

/** Layers from leaf (0) to base, each with its own size; the base is fixed or dynamic, the others are differencing. */
export class VhdxChainSpec {
  constructor(
    readonly logicalSectorBytes: 512 | 4096,
    readonly layers: readonly VhdxLayerSpec[],
    /** File names are `<stem>-<layer>.vhdx`. */
    readonly fileStem: string,
  ) {}

  sizeBytes(layer: number): number {
    return (this.layers[layer]?.sizeSectors ?? 0) * this.logicalSectorBytes;
  }

  fileName(layer: number): string {
    return `${this.fileStem}-${layer}.vhdx`;
  }

  /** One line per layer; fast-check prints counterexamples with it. */
  toString(): string {
    const lines = this.layers.map((layer, index) => `  layer ${index}: ${layerText(layer)}`);
    return [`chain "${this.fileStem}" of ${this.logicalSectorBytes}-byte sectors, leaf first:`, ...lines].join('\n');
  }
}

const layerText = (layer: VhdxLayerSpec): string =>
  [
    `${layer.type} (${layer.dialect}), ${layer.sizeSectors} sectors, blocks of ${layer.blockSizeBytes / MIB} MiB`,
    `sectors ${layer.strokes.map(strokeText).join(', ') || 'none'}`,
    ...(layer.blocks.length > 0 ? [`blocks ${layer.blocks.map(blockText).join(', ')}`] : []),
    `${layer.leftovers} left over`,
    ...(layer.orderSeed === 0 ? [] : [`shuffled by ${layer.orderSeed}`]),
    ...(layer.gapsMib.length > 0 ? [`gaps ${layer.gapsMib.join(' ')} MiB`] : []),
    ...(layer.slackMib > 0 ? [`slack ${layer.slackMib} MiB`] : []),
    ...(layer.staleBits ? ['stale bits'] : []),
    ...(layer.unknowns ? ['unknown items and region'] : []),
    ...(layer.headers === 'as usual' ? [] : [`headers: ${layer.headers}`]),
    ...(layer.linkedBy === 'linkage' ? [] : ['linked by linkage2']),
    ...(layer.log === undefined ? [] : [logText(layer.log)]),
  ].join('; ');

const logText = ({
  state,
  holds,
  entries,
  retired,
  startBytes,
  torn,
  before,
}: NonNullable<FileHabits['log']>): string =>
  state === 'clean'
    ? 'old log entries'
    : `log holds ${holds.join(', ') || 'nothing'} in ${entries ?? 1} from ${startBytes ?? 0} over ${before ?? 'zeros'}` +
      `${retired === undefined || retired === 0 ? '' : `, ${retired} retired`}${torn === true ? ', one torn' : ''}`;

const blockText = ({ block, state, anchored }: BlockSpec): string =>
  `${block} in ${state}${anchored ? ' with its old place' : ''}`;

const strokeText = ({ firstSector, sectorCount, everyOther, content }: Stroke): string => {
  const last = firstSector + sectorCount - 1;
  const range = sectorCount === 1 ? `${firstSector}` : `${firstSector}..${last}${everyOther ? ' every other' : ''}`;
  return content === 'zeros' ? `${range} zero` : range;
};

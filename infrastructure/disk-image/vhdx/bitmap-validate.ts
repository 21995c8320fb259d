/** Do the bits of a differencing disk say what the states of its blocks say? A reader goes by the state. [MS-VHDX] 2.5.1.1 */
import type { Finding } from '#application/ports/disk-image';
import { BITMAP, chunkOf, PAYLOAD, stateOf } from '#domain/disk-format/vhdx/bat';
import { setRuns } from '#domain/disk-format/vhdx/sector-bitmap';
import { sectorCount } from '#domain/sector-run';
import type { OpenVhdx } from './open-vhdx.js';

/** Blocks of one oddity. */
interface Odd {
  count: number;
  first: number | null;
}

export const bitmapFindings = async (vhdx: OpenVhdx): Promise<readonly Finding[]> => {
  const none: Odd = { count: 0, first: null };
  const [empty, full, stale] = [{ ...none }, { ...none }, { ...none }];
  for await (const { block, isPartial, setSectors, sectors } of bitsOfBlocks(vhdx)) {
    if (!isPartial) {
      if (setSectors > 0) seen(stale, block);
    } else if (setSectors === 0) seen(empty, block);
    else if (setSectors === sectors) seen(full, block);
  }
  return [
    ...noted(empty, 'partially present without a sector of its own: all of it is the parent’s, at the cost of a block'),
    ...noted(full, 'partially present with all of its sectors: it could be fully present'),
    ...noted(stale, 'not partially present but has bits left over from when it was: they mean nothing'),
  ];
};

const seen = (odd: Odd, block: number): void => {
  odd.count += 1;
  odd.first ??= block;
};

const noted = ({ count, first }: Odd, what: string): readonly Finding[] => {
  if (first === null) return [];
  const others = count === 1 ? '' : ` So are ${count - 1} more.`;
  return [{ severity: 'note', structure: 'VHDX sector bitmap', message: `Block ${first} is ${what}.${others}` }];
};

interface BlockBits {
  readonly block: number;
  readonly isPartial: boolean;
  /** Sectors of the block that are in the disk, and how many of them have bit 1. */
  readonly sectors: number;
  readonly setSectors: number;
}

/** Every payload block whose chunk has a bitmap block. */
async function* bitsOfBlocks({ bat, bitmaps, geometry, parameters }: OpenVhdx): AsyncGenerator<BlockBits> {
  const { logicalSectorSize, blockSizeBytes, virtualSizeBytes, hasParent } = parameters;
  if (!hasParent) return;
  const blockSectors = blockSizeBytes / logicalSectorSize;
  const diskSectors = virtualSizeBytes / logicalSectorSize;
  for (let block = 0; block < geometry.payloadBlocks;) {
    const chunk = chunkOf(geometry, block);
    const end = Math.min(geometry.payloadBlocks, (chunk + 1) * geometry.chunkRatio);
    if (stateOf(await bat.bitmap(chunk)) === BITMAP.notPresent) {
      block = end;
      continue;
    }
    for (; block < end; block += 1) {
      const sectors = Math.min(blockSectors, diskSectors - block * blockSectors);
      const setSectors = sectorCount(setRuns(await bitmaps.bitsOf(block), 0, sectors));
      const isPartial = stateOf(await bat.payload(block)) === PAYLOAD.partiallyPresent;
      yield { block, isPartial, sectors, setSectors };
    }
  }
}

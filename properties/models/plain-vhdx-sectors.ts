/**
 * Which sectors of its disk an image supplies itself, and where it has them. FORMATS.md B5, B6
 */
import { MIB } from './plain-vhdx-layout.js';
import type { PlainVhdx } from './plain-vhdx-reader.js';

/** The byte in the file (its log applied), zeros by the block's state, or undefined: what is below shows. */
export type SectorPlace = number | 'zeros' | undefined;

/** Consecutive sectors of one block with consecutive places. */
export type FoundRun = { readonly firstSector: number; readonly sectorCount: number; readonly place: SectorPlace };

/** The runs of the logical sectors [from, to), ascending, without gaps. Throws at a state that a reader must refuse. */
export function* vhdxRuns(image: PlainVhdx, from: number, to: number): Generator<FoundRun> {
  const { sectorsPerBlock } = image.geometry;
  for (let firstSector = from; firstSector < to;) {
    const block = Math.floor(firstSector / sectorsPerBlock);
    const sectorCount = Math.min(to, (block + 1) * sectorsPerBlock) - firstSector;
    yield* runsInBlock(image, block, firstSector, sectorCount);
    firstSector += sectorCount;
  }
}

/** Where the image itself has a sector. */
export const vhdxSectorPlaces = (image: PlainVhdx): ((sector: number) => SectorPlace) => {
  let known: FoundRun | undefined;
  return (sector) => {
    if (known === undefined || sector < known.firstSector || sector >= known.firstSector + known.sectorCount) {
      const blockEnd = sector - (sector % image.geometry.sectorsPerBlock) + image.geometry.sectorsPerBlock;
      [known] = vhdxRuns(image, sector, blockEnd);
    }
    if (known === undefined) throw new Error(`no sector ${sector}`);
    const { place } = known;
    return typeof place === 'number' ? place + (sector - known.firstSector) * image.logicalSectorBytes : place;
  };
};

function* runsInBlock(image: PlainVhdx, block: number, firstSector: number, sectorCount: number): Generator<FoundRun> {
  const { state, offsetBytes } = image.payload(block);
  const firstInBlock = firstSector % image.geometry.sectorsPerBlock;
  const at = offsetBytes + firstInBlock * image.logicalSectorBytes;
  switch (state) {
    case 0:
      yield { firstSector, sectorCount, place: undefined };
      return;
    case 1:
    case 2:
    case 3:
      yield { firstSector, sectorCount, place: 'zeros' };
      return;
    case 6:
      yield { firstSector, sectorCount, place: at };
      return;
    case 7: {
      const isSet = bitsOf(image, block);
      for (let done = 0; done < sectorCount;) {
        const present = isSet(firstInBlock + done);
        let end = done + 1;
        while (end < sectorCount && isSet(firstInBlock + end) === present) end += 1;
        const place = present ? at + done * image.logicalSectorBytes : undefined;
        yield { firstSector: firstSector + done, sectorCount: end - done, place };
        done = end;
      }
      return;
    }
    default:
      throw new Error(`${image.source.path}: block ${block} is in state ${state}`);
  }
}

/** The bits of a block in state 7, by the sector's number in the block: bit 0 of a byte is its first sector. */
const bitsOf = (image: PlainVhdx, block: number): ((sector: number) => boolean) => {
  const { chunkRatio, sectorsPerBlock } = image.geometry;
  const bitmap = image.type === 'differencing' ? image.bitmap(Math.floor(block / chunkRatio)) : undefined;
  // 7 in place of 6: OpenVMM takes it so.
  if (bitmap === undefined || (bitmap.state !== 6 && bitmap.state !== 7) || bitmap.offsetBytes < MIB)
    throw new Error(`${image.source.path}: block ${block} is partially present without a bitmap block`);
  const firstByte = ((block % chunkRatio) * sectorsPerBlock) / 8;
  const bytes = image.view.read(bitmap.offsetBytes + firstByte, sectorsPerBlock / 8);
  return (sector) => (((bytes[sector >> 3] ?? 0) >> (sector & 7)) & 1) === 1;
};

/**
 * What the strokes of a VHDX layer leave on its disk, in stretches of equal sectors, and the bytes that these have.
 */
import { SECTOR_BYTES, sectorContent } from '../models/sector-content.js';
import type { VhdxChainSpec, VhdxLayerSpec } from './vhdx-chain-spec.js';

/** Consecutive logical sectors of one block with the same kind of content. */
export type Stretch = {
  readonly block: number;
  /** Of the disk. */
  readonly firstSector: number;
  readonly sectorCount: number;
  readonly content: 'data' | 'zeros';
};

const NOTHING = 0;
const DATA = 1;
const ZEROS = 2;

/** In ascending order. */
export const stretchesOf = (chain: VhdxChainSpec, layer: VhdxLayerSpec): readonly Stretch[] => {
  const canvas = new Uint8Array(layer.sizeSectors);
  for (const { firstSector, sectorCount, everyOther, content } of layer.strokes) {
    const paint = content === 'data' ? DATA : ZEROS;
    if (!everyOther) canvas.fill(paint, firstSector, firstSector + sectorCount);
    else for (let sector = firstSector; sector < firstSector + sectorCount; sector += 2) canvas[sector] = paint;
  }
  const inBlock = layer.blockSizeBytes / chain.logicalSectorBytes;
  const stretches: Stretch[] = [];
  for (let first = 0; first < canvas.length;) {
    const paint = canvas[first] ?? NOTHING;
    const block = Math.floor(first / inBlock);
    const blockEnd = Math.min(canvas.length, (block + 1) * inBlock);
    let end = first + 1;
    while (end < blockEnd && canvas[end] === paint) end += 1;
    if (paint !== NOTHING)
      stretches.push({
        block,
        firstSector: first,
        sectorCount: end - first,
        content: paint === DATA ? 'data' : 'zeros',
      });
    first = end;
  }
  return stretches;
};

/** `sectorContent` of each sector of 512 bytes, or zeros. */
export const bytesOf = (chain: VhdxChainSpec, layer: number, stretch: Stretch): Uint8Array => {
  const { logicalSectorBytes } = chain;
  const bytes = new Uint8Array(stretch.sectorCount * logicalSectorBytes);
  if (stretch.content === 'zeros') return bytes;
  const first = (stretch.firstSector * logicalSectorBytes) / SECTOR_BYTES;
  // In words of 4 bytes: a whole block is thousands of sectors.
  const words = new Uint32Array(bytes.buffer);
  const number = new Uint32Array(1);
  const template = new Uint32Array(sectorContent(layer, 0).buffer);
  for (let at = 0; at < words.length; at += template.length) {
    Buffer.from(number.buffer).writeUInt32BE(first + at / template.length);
    words.set(template, at);
    for (let odd = at + 1; odd < at + template.length; odd += 2) words[odd] = number[0] ?? 0;
  }
  return bytes;
};

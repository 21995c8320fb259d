/** VHDs that are sound, and ways to damage them with right checksums: a hostile image has good ones. */
import { imageBytes, plainVhdImage, type PlainImage, type PlainVhdSpec } from './plain-vhd.js';
import { FOOTER_CHECKSUM_AT, HEADER_CHECKSUM_AT, LOCATOR_BYTES, LOCATORS_AT, vhdChecksum } from './plain-vhd-layout.js';
import { sectorContent } from './sector-content.js';

export const BLOCK_BYTES = 4096;
const block = {
  bits: Array.from({ length: 8 }, () => true),
  data: Buffer.concat(Array.from({ length: 8 }, (_, sector) => sectorContent(1, sector))),
};

/** Four blocks, the first two in the file. */
export const dynamicVhd: PlainVhdSpec = {
  type: 'dynamic',
  dialect: 'windows',
  sizeBytes: 4 * BLOCK_BYTES,
  blockSizeBytes: BLOCK_BYTES,
  blocks: new Map([
    [0, block],
    [1, block],
  ]),
  uniqueId: 'c4a10f01-d000-4000-8000-000000000001',
  timeStamp: 1,
};
export const fixedVhd: PlainVhdSpec = { ...dynamicVhd, type: 'fixed' };
export const childVhd: Extract<PlainVhdSpec, { readonly type: 'differencing' }> = {
  ...dynamicVhd,
  type: 'differencing',
  parent: { uniqueId: 'c4a10f01-d000-4000-8000-000000000002', fileName: 'base.vhd', timeStamp: 1 },
};
export const xenVhd: PlainVhdSpec = { ...dynamicVhd, dialect: 'xen' };

export type VhdDamage = (file: Buffer) => void;
type Change = (structure: Buffer) => unknown;

/** The image after one damage or several; another `sizeBytes` cuts it, or makes it longer by a hole. */
export const damagedVhd = (
  spec: PlainVhdSpec,
  damage: VhdDamage | readonly VhdDamage[] = [],
  sizeBytes?: number,
): PlainImage => {
  const file = Buffer.from(imageBytes(plainVhdImage(spec)));
  for (const one of [damage].flat()) one(file);
  const end = sizeBytes ?? file.length;
  return { sizeBytes: end, extents: [{ offsetBytes: 0, bytes: file.subarray(0, end) }] };
};

const withChecksum = (structure: Buffer, checksumAt: number, change: Change): void => {
  change(structure);
  structure.writeUInt32BE(vhdChecksum(structure, checksumAt), checksumAt);
};

export const inTail =
  (change: Change): VhdDamage =>
  (file) => {
    withChecksum(file.subarray(file.length - 512), FOOTER_CHECKSUM_AT, change);
  };
export const inHead =
  (change: Change): VhdDamage =>
  (file) => {
    withChecksum(file.subarray(0, 512), FOOTER_CHECKSUM_AT, change);
  };
/** In both footers of a disk that is not fixed. */
export const inFooters =
  (change: Change): VhdDamage =>
  (file) => {
    inHead(change)(file);
    inTail(change)(file);
  };
export const inDynamicHeader =
  (change: Change): VhdDamage =>
  (file) => {
    withChecksum(file.subarray(512, 1536), HEADER_CHECKSUM_AT, change);
  };
/** A BAT entry; the table has no checksum. */
export const batEntry =
  (index: number, sectorOf: (before: number) => number): VhdDamage =>
  (file) => {
    const at = tableAt(file) + index * 4;
    file.writeUInt32BE(sectorOf(file.readUInt32BE(at)), at);
  };
export const tableAt = (file: Buffer): number => Number(file.readBigUInt64BE(512 + 16));
/** The entry of a parent locator, 0 to 7. */
export const inLocator = (slot: number, change: Change): VhdDamage =>
  inDynamicHeader((header) => change(header.subarray(LOCATORS_AT + slot * LOCATOR_BYTES).subarray(0, LOCATOR_BYTES)));
/** Any bytes, no checksum. */
export const inBytes =
  (change: Change): VhdDamage =>
  (file) => {
    change(file);
  };
/** Numbers as the format has them, at an offset of a structure. */
export const u32 =
  (value: number, at: number): Change =>
  (structure) =>
    structure.writeUInt32BE(value, at);
export const u64 =
  (value: bigint, at: number): Change =>
  (structure) =>
    structure.writeBigUInt64BE(value, at);

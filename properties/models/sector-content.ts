/**
 * Sector content that says where it comes from, so that a wrong layer, a wrong sector or a shift inside a sector is recognised.
 * A data sector is 64 groups of 8 bytes: 0xC5, layer, group number (2 bytes), sector number (4 bytes, big-endian).
 */
export const SECTOR_BYTES = 512;

const MARK = 0xc5;
const STALE = Buffer.from('STALE!! ', 'ascii');

/** The 512 bytes that layer `layer` (0..255) has at `sector`. Never all zero, and unlike any other layer's or sector's. */
export const sectorContent = (layer: number, sector: number): Uint8Array => {
  const bytes = new Uint8Array(SECTOR_BYTES);
  for (let at = 0; at < SECTOR_BYTES; at += 8) {
    bytes[at] = MARK;
    bytes[at + 1] = layer;
    bytes[at + 3] = at / 8; // Its high byte stays 0: there are 64 groups.
    bytes[at + 4] = sector >>> 24;
    bytes[at + 5] = sector >>> 16;
    bytes[at + 6] = sector >>> 8;
    bytes[at + 7] = sector;
  }
  return bytes;
};

/** Bytes that no guest may ever see: what lies in gaps, in slack and under the clear bits of a differencing image. */
export const staleBytes = (lengthBytes: number): Uint8Array => Buffer.alloc(lengthBytes, STALE);

/** What a sector holds, in words: "layer 2's sector 17", "zeros", "stale bytes" or its first bytes in hex. */
export const nameOfSector = (sector: Uint8Array): string => {
  const bytes = Buffer.from(sector.buffer, sector.byteOffset, sector.byteLength);
  if (bytes.every((byte) => byte === 0)) return 'zeros';
  if (bytes.includes(STALE)) return 'stale bytes, at least in part';
  if (bytes.length === SECTOR_BYTES) {
    const layer = bytes.readUInt8(1);
    const number = bytes.readUInt32BE(4);
    if (bytes.equals(sectorContent(layer, number))) return `layer ${layer}'s sector ${number}`;
  }
  return `${bytes.subarray(0, 16).toString('hex')}…`;
};

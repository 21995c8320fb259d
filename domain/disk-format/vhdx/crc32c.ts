/**
 * CRC-32C (Castagnoli), the checksum of every VHDX structure that has one: polynomial 0x1EDC6F41, bits reflected, initial value
 * and final XOR all ones. "123456789" gives 0xE3069283. [MS-VHDX] 2.2.2, Checksum
 *
 * Eight bytes a step ("slicing by 8"), because a log of many MiB is checked when a dirty file is opened.
 */

const REFLECTED_POLYNOMIAL = 0x82f6_3b78;
const SLICES = 8;

/** Row k, at k × 256: what a byte adds to the CRC when k more bytes follow it in the same step. */
const TABLE = (() => {
  const table = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ REFLECTED_POLYNOMIAL;
    table[byte] = crc;
  }
  for (let n = 256; n < table.length; n += 1) {
    const before = table[n - 256]!;
    table[n] = (before >>> 8) ^ table[before & 0xff]!;
  }
  return table;
})();

const oneMoreByte = (crc: number, byte: number): number => (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;

/** Goes on with `crc` over the bytes from `start` up to, not including, `end`. */
const over = (bytes: Uint8Array, start: number, end: number, before: number): number => {
  let crc = before;
  let at = start;
  for (const lastStep = end - SLICES; at <= lastStep; at += SLICES) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      TABLE[0x700 + (low & 0xff)]! ^
      TABLE[0x600 + ((low >>> 8) & 0xff)]! ^
      TABLE[0x500 + ((low >>> 16) & 0xff)]! ^
      TABLE[0x400 + (low >>> 24)]! ^
      TABLE[0x300 + bytes[at + 4]!]! ^
      TABLE[0x200 + bytes[at + 5]!]! ^
      TABLE[0x100 + bytes[at + 6]!]! ^
      TABLE[bytes[at + 7]!]!;
  }
  for (; at < end; at += 1) crc = oneMoreByte(crc, bytes[at]!);
  return crc;
};

const FIELD_BYTES = 4;

/**
 * An unsigned 32-bit number. `zeroedAt`: where the structure's own checksum field starts, in bytes; its 4 bytes count as 0,
 * whatever they are.
 */
export const crc32c = (bytes: Uint8Array, zeroedAt?: number): number => {
  if (zeroedAt === undefined) return ~over(bytes, 0, bytes.length, 0xffff_ffff) >>> 0;
  if (zeroedAt < 0 || zeroedAt + FIELD_BYTES > bytes.length) {
    throw new RangeError(`Bug: a checksum at byte ${zeroedAt} is not inside ${bytes.length} bytes`);
  }
  let crc = over(bytes, 0, zeroedAt, 0xffff_ffff);
  for (let n = 0; n < FIELD_BYTES; n += 1) crc = oneMoreByte(crc, 0);
  return ~over(bytes, zeroedAt + FIELD_BYTES, bytes.length, crc) >>> 0;
};

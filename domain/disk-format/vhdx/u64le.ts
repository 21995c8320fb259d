/**
 * 64-bit little-endian fields of tables with very many of them, as plain numbers and without an object for each. A value of 2^53
 * and more comes out rounded to one that is still that large: whoever uses it refuses what is beyond its own limit.
 */

export const U64_BYTES = 8;

const u32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;

/** The number in the 8 bytes from `at` on. */
export const readU64 = (bytes: Uint8Array, at: number): number => u32At(bytes, at + 4) * 2 ** 32 + u32At(bytes, at);

/** `value`: a safe integer, not negative. */
export const writeU64 = (bytes: Uint8Array, at: number, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Bug: ${value} is no integer from 0 to 2^53 − 1`);
  }
  let rest = value;
  for (let n = 0; n < U64_BYTES; n += 1) {
    bytes[at + n] = rest % 256;
    rest = Math.floor(rest / 256);
  }
};

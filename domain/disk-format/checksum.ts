/**
 * VHD checksum: the ones' complement of the sum of all bytes, the checksum field (4 bytes) taken as 0. An unsigned 32-bit
 * number. Finds every single wrong byte; does not find two swapped ones. [VHD 1.0] Hard Disk Footer Format, Checksum
 */
export const onesComplementChecksum = (structure: Uint8Array, checksumOffsetBytes: number): number => {
  let sum = 0;
  for (let n = 0; n < structure.length; n += 1) {
    if (n < checksumOffsetBytes || n >= checksumOffsetBytes + 4) sum += structure[n]!;
  }
  return ~sum >>> 0;
};

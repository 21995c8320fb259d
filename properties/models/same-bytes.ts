/** Throws with the first sector that differs, instead of printing two disks. */
export const expectSameBytes = (found: Uint8Array, expected: Uint8Array, what: string): void => {
  if (Buffer.compare(found, expected) === 0) return;
  if (found.length !== expected.length) throw new Error(`${what}: ${found.length} bytes, expected ${expected.length}`);
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  const sector = Math.floor(at / 512);
  const text = (bytes: Uint8Array): string =>
    Buffer.from(bytes.subarray(sector * 512, sector * 512 + 24)).toString('hex');
  throw new Error(`${what}: sector ${sector} differs: ${text(found)}…, expected ${text(expected)}…`);
};

/** CHS geometry of a VHD. Many writers' values do not multiply out to the disk's size: informational, never a size. */
export interface DiskGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

const MAX_SECTORS = 65535 * 16 * 255;

const cylindersOf = (cylinderTimesHeads: number, heads: number, sectorsPerTrack: number): DiskGeometry => ({
  cylinders: Math.floor(cylinderTimesHeads / heads),
  heads,
  sectorsPerTrack,
});

/** The geometry that the specification gives a disk of `sizeBytes`. [VHD 1.0] Appendix: CHS Calculation */
export const geometryOf = (sizeBytes: number): DiskGeometry => {
  const total = Math.min(Math.floor(sizeBytes / 512), MAX_SECTORS);
  if (total >= 65535 * 16 * 63) return cylindersOf(Math.floor(total / 255), 16, 255);

  const by17 = Math.floor(total / 17);
  const heads = Math.max(4, Math.floor((by17 + 1023) / 1024));
  if (by17 < heads * 1024 && heads <= 16) return cylindersOf(by17, heads, 17);

  const by31 = Math.floor(total / 31);
  if (by31 < 16 * 1024) return cylindersOf(by31, 16, 31);
  return cylindersOf(Math.floor(total / 63), 16, 63);
};

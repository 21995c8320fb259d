/**
 * What a file may ask of this program, in one place: limits that bound memory and time, whatever the numbers in the file say.
 * Larger ones are refused before anything is allocated or read for them. Limits of a single field (powers of two, multiples of
 * a MiB) stand where the field is decoded.
 *
 * "Policy" is our own choice, "format" the specification's, "Microsoft" that of Microsoft's reader.
 */
import { GIB, KIB, MIB, TIB } from '../quantities.js';

export const LIMIT = {
  /** Format. VHD: what 32-bit sector numbers reach. Flaw `invalid-size`. */
  vhdDiskBytes: 2040 * GIB,
  /** Policy. The smallest block of a VHD; smaller ones would make tables longer than the disks. Flaw `block-size`. */
  vhdLeastBlockBytes: 4 * KIB,
  /** Policy. The largest block of a VHD. Its bitmap has 64 KiB. Flaw `block-size`. */
  vhdBlockBytes: 256 * MIB,
  /** Policy. Longer than any path of any system; such a locator is passed over with a warning. */
  vhdLocatorBytes: 64 * KIB,
  /** Policy. The check of a VHD's table keeps 8 bytes a bucket, 32 MiB; a file with more of them is checked in several passes. */
  vhdBuckets: 4 * 1024 * 1024,

  /** Format. Flaw `invalid-size`. */
  vhdxDiskBytes: 64 * TIB,
  /** Format. Flaw `block-size`. */
  vhdxBlockBytes: 256 * MIB,
  /** Microsoft. A log that need not be applied is never read. Flaw `log-location`. */
  logBytes: GIB,
  /** Policy. A dirty log is held whole in memory, and each of its descriptors takes some. Windows and QEMU write 1 MiB. Flaw `log-too-large`. */
  dirtyLogBytes: 16 * MIB,
  /** Policy. How much longer a log may make the file: the largest disk there is. Flaw `log-entry`. */
  logGrowthBytes: 64 * TIB,
  /** Format. Regions of a table. Flaw `region-table`. */
  regions: 2047,
  /** Microsoft. What the largest disk needs in its smallest blocks. It is streamed in pieces of 256 KiB. Flaw `bat-size`. */
  batRegionBytes: 513 * MIB,
  /** Policy. No block lies beyond: one bit a MiB of file that is in use, 32 MiB at most. Flaw `bat-entry-out-of-range`. */
  blockOffsetBytes: 256 * TIB,
  /** Format. Flaw `metadata-table`. */
  metadataEntries: 2047,
  /** Format. Flaw `metadata-table`. */
  userMetadataEntries: 1024,
  /** Format. Flaw `metadata-table`. */
  metadataItemBytes: MIB,
  /** Microsoft. All items of users together, and all others together. Flaw `metadata-table`. */
  metadataItemsBytes: 40 * MIB,
  /** Microsoft. Flaw `metadata-table`. */
  metadataRegionBytes: 128 * MIB,
  /** Microsoft. Flaw `parent-locator`. */
  locatorPairs: 256,
} as const;

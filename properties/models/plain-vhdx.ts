/**
 * A plain VHDX writer, reader and checker for the tests: the judge of the product, sharing no code with it.
 * Each part was written from FORMATS.md Part B and checked against files and programs of others (plain-vhdx*.test.ts).
 */
export {
  CHILD_DIALECTS,
  type LocatorPair,
  type MetadataPart,
  METADATA_PARTS,
  type PlainItem,
  type PlainLog,
  type PlainPayload,
  type PlainPlace,
  type PlainRange,
  type PlainRegion,
  type PlainRun,
  type PlainSectors,
  type PlainVhdxDialect,
  type PlainVhdxImage,
  type PlainVhdxParent,
  type PlainVhdxSpec,
  VHDX_DIALECTS,
} from './plain-vhdx-spec.js';
export { crc32c, geometryOf, guidBytes, guidText, ITEMS, NIL_GUID, REGIONS, sealed } from './plain-vhdx-layout.js';
export { INCOMPLETE, locatorBytes, locatorPairs } from './plain-vhdx-metadata.js';
export { plainVhdxImage, writePlainVhdx } from './plain-vhdx-writer.js';
export { imageBytes, writeImage } from './plain-vhd-writer.js';
export { bytesSource, fileSource, type ByteSource } from './byte-source.js';
export { imageSource, SparseBytes } from './sparse-bytes.js';
export { openPlainVhdx, type FoundEntryOfBat, type PlainVhdx } from './plain-vhdx-reader.js';
export { vhdxRuns, vhdxSectorPlaces, type SectorPlace } from './plain-vhdx-sectors.js';
export {
  followVhdxChain,
  openVhdxChain,
  type PlainVhdxChain,
  vhdxGuestBytes,
  vhdxGuestRange,
  vhdxGuestSha256,
} from './plain-vhdx-chain.js';
export { checkPlainVhdx, fatalVhdx, type VhdxComplaint } from './plain-vhdx-check.js';
export { unusedBytes } from './plain-vhdx-check-bat.js';

/**
 * A plain VHD writer, reader and checker for the tests: the judge of the product, sharing no code with it.
 * Each half was written from FORMATS.md Part A and checked against files and programs of others (plain-vhd*.test.ts).
 */
export {
  DIALECTS,
  type Dialect,
  type PlainBlock,
  type PlainImage,
  type PlainParent,
  type PlainVhdSpec,
} from './plain-vhd-spec.js';
export { imageBytes, plainVhdImage, writeImage, writePlainVhd } from './plain-vhd-writer.js';
export { bytesSource, fileSource, type ByteSource } from './byte-source.js';
export { openPlainVhd, type PlainVhd } from './plain-vhd-reader.js';
export { followChain, guestBytes, guestRange, guestSha256, openChain } from './plain-vhd-chain.js';
export { checkPlainVhd, type Complaint } from './plain-vhd-check.js';

/**
 * VHDX File Type Identifier: the first 64 KiB of the file, little-endian. Written when the file is created and never again.
 * [MS-VHDX] 2.2.1
 */
import { KIB } from '../../quantities.js';
import { ascii, at, struct, utf16le } from '../layout.js';

/** Its slot in the file; the rest of it is zero. */
export const FILE_IDENTIFIER_BYTES = 64 * KIB;
export const VHDX_SIGNATURE = 'vhdxfile';
const CREATOR_UNITS = 256;

const fileIdentifierLayout = struct('VHDX file type identifier', 520, {
  signature: at(0, ascii(8)), // "vhdxfile"
  creator: at(8, utf16le(2 * CREATOR_UNITS)), // which program wrote the file: for diagnostics only
});

/** Whether a file that starts with these bytes says that it is a VHDX; fewer than 8 bytes say nothing. */
export const hasVhdxSignature = (first8: Uint8Array): boolean =>
  String.fromCharCode(...first8.subarray(0, VHDX_SIGNATURE.length)) === VHDX_SIGNATURE;

/** The program that wrote the file, up to the first NUL. `bytes`: the first 520 of the file or more. */
export const decodeCreator = (bytes: Uint8Array): string => {
  const { creator } = fileIdentifierLayout.decode(bytes.subarray(0, fileIdentifierLayout.sizeBytes));
  const end = creator.indexOf('\0');
  return end < 0 ? creator : creator.slice(0, end);
};

/** The 64 KiB at the start of a new file. `creator`: at most 256 UTF-16 code units. */
export const encodeFileIdentifier = (creator: string): Uint8Array => {
  const encoded = new Uint8Array(FILE_IDENTIFIER_BYTES);
  encoded.set(fileIdentifierLayout.encode({ signature: VHDX_SIGNATURE, creator: creator.padEnd(CREATOR_UNITS, '\0') }));
  return encoded;
};

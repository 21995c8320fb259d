/**
 * Parent locators of a VHD: eight entries in the dynamic header, each with a payload elsewhere in the file that holds a path to
 * the parent. [VHD 1.0] Parent Locator Entries
 *
 * Guarantees:
 * - An entry that cannot be used is refused by itself; it never refuses the image.
 * - No length from a file is believed above 64 KiB or beyond the end of the file.
 * - A path is never changed to make it readable: lone surrogates stay.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { roundUp, safeInteger } from '../../quantities.js';
import { err, ok, type Result } from '../../result.js';
import type { Extent } from '../extent.js';
import { flawOf, quoted } from '../flaw.js';
import { LIMIT } from '../limits.js';
import { ascii, at, type Decoded, reserved, struct, u32be, u64be } from '../layout.js';

export const LOCATOR_COUNT = 8;
/** Longer than any path of any system. */
export const MAX_PAYLOAD_BYTES = LIMIT.vhdLocatorBytes;

export const parentLocatorEntry = struct('VHD parent locator entry', 24, {
  platformCode: at(0, ascii(4)), // four NULs: slot not used
  dataSpace: at(4, u32be), // 512-byte sectors in the paper; bytes as Windows and XenServer write it
  dataLength: at(8, u32be), // bytes of the payload, without a terminator
  reserved: at(12, reserved(4)),
  dataOffset: at(16, u64be), // bytes from the start of the file
});
export type ParentLocatorEntry = Decoded<typeof parentLocatorEntry>;

/**
 * W2ru: relative Windows path, UTF-16LE. W2ku: absolute Windows path, UTF-16LE (XenServer: relative). Wi2r, Wi2k: the same in
 * Windows ANSI, deprecated. MacX: `file://` URL, UTF-8. Codes not named here (`Mac `, an alias blob; VirtualBox's mistyped
 * ones) are no error: such an entry is passed over.
 */
export const PATH_CODES = ['W2ru', 'W2ku', 'MacX', 'Wi2r', 'Wi2k'] as const;
export type PathCode = (typeof PATH_CODES)[number];

export interface DecodedLocator {
  readonly code: PathCode;
  /** As stored, without trailing NULs; for MacX what follows `file://`, percent-decoded. */
  readonly path: string;
}

const flaw = flawOf('VHD parent locator');
const NO_CODE = '\0\0\0\0';

export const isUnused = (entry: ParentLocatorEntry): boolean => entry.platformCode === NO_CODE;

export const pathCodeOf = (entry: ParentLocatorEntry): PathCode | undefined =>
  PATH_CODES.find((code) => code === entry.platformCode);

/** Where the payload is, when it can be read: not empty, at most 64 KiB, inside the file. */
export const payloadExtent = (entry: ParentLocatorEntry, fileSizeBytes: number): Result<Extent, StructureFlaw> => {
  const startBytes = safeInteger(entry.dataOffset);
  if (entry.dataLength === 0 || entry.dataLength > MAX_PAYLOAD_BYTES) {
    return err(flaw('parent-locator', 'a payload of 1 to 65536 bytes', `${entry.dataLength} bytes`));
  }
  if (startBytes === undefined || startBytes + entry.dataLength > fileSizeBytes) {
    const found = `${entry.dataLength} bytes at ${entry.dataOffset} in a file of ${fileSizeBytes} bytes`;
    return err(flaw('parent-locator', 'a payload inside the file', found));
  }
  return ok({ startBytes, endBytes: startBytes + entry.dataLength });
};

/**
 * All the space that a locator owns, payload and what is kept free behind it; null for an entry without a readable payload.
 * Data Space below 512 is a number of sectors, a multiple of 512 a number of bytes (XenServer's rule, which fits Windows'
 * files too); one that means neither, is less than the payload or leads out of the file is not believed.
 */
export const locatorSpace = (entry: ParentLocatorEntry, fileSizeBytes: number): Extent | null => {
  const payload = isUnused(entry) ? undefined : payloadExtent(entry, fileSizeBytes);
  if (payload?.ok !== true) return null;
  const { startBytes } = payload.value;
  const claimedBytes = claimedSpace(entry);
  const believed = claimedBytes !== null && startBytes + claimedBytes <= fileSizeBytes;
  return believed ? { startBytes, endBytes: startBytes + claimedBytes } : payload.value;
};

const claimedSpace = ({ dataSpace, dataLength }: ParentLocatorEntry): number | null => {
  const claimedBytes = dataSpace < 512 ? dataSpace * 512 : dataSpace;
  return claimedBytes % 512 === 0 && claimedBytes >= dataLength ? claimedBytes : null;
};

/**
 * Does the entry name space behind `endBytes`? It is passed over then, but a file that grows would bring that space inside, over
 * blocks that were put there meanwhile.
 */
export const leadsBehind = (entry: ParentLocatorEntry, endBytes: number): boolean => {
  if (isUnused(entry) || entry.dataLength === 0 || entry.dataLength > MAX_PAYLOAD_BYTES) return false;
  return entry.dataOffset + BigInt(Math.max(entry.dataLength, claimedSpace(entry) ?? 0)) > BigInt(endBytes);
};

/** The path in a payload, or why this entry has to be passed over. */
export const decodeLocator = (
  entry: ParentLocatorEntry,
  payload: Uint8Array,
): Result<DecodedLocator, StructureFlaw> => {
  const code = pathCodeOf(entry);
  if (code === undefined) {
    return err(flaw('parent-locator', 'W2ru, W2ku, MacX, Wi2r or Wi2k', JSON.stringify(entry.platformCode)));
  }
  if (payload.length !== entry.dataLength) {
    return err(flaw('parent-locator', `${entry.dataLength} bytes`, `${payload.length} bytes`));
  }
  if (isUtf16(code) && payload.length % 2 !== 0) {
    return err(flaw('parent-locator', 'an even number of bytes', `${payload.length} bytes`));
  }
  const path = decoders[code](payload);
  if (path === '') return err(flaw('parent-locator', 'a path', 'nothing'));
  if (path.includes('\0')) return err(flaw('parent-locator', 'a path without NUL', quoted(path)));
  return ok({ code, path });
};

const isUtf16 = (code: PathCode): boolean => code === 'W2ru' || code === 'W2ku';

/** Not by a pattern like `\0+$`: on 32 Ki NULs before another character that takes half a billion steps. */
const withoutTrailingNuls = (text: string): string => {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 0) end -= 1;
  return text.slice(0, end);
};

const decodeUtf16le = (payload: Uint8Array): string => {
  const units = new Uint16Array(payload.length / 2);
  for (let n = 0; n < units.length; n += 1) units[n] = payload[2 * n]! | (payload[2 * n + 1]! << 8);
  return withoutTrailingNuls(String.fromCharCode(...units));
};

const encodeUtf16le = (text: string): Uint8Array => {
  const encoded = new Uint8Array(text.length * 2);
  for (let n = 0; n < text.length; n += 1) {
    encoded[2 * n] = text.charCodeAt(n) & 0xff;
    encoded[2 * n + 1] = text.charCodeAt(n) >>> 8;
  }
  return encoded;
};

const decodeLatin1 = (payload: Uint8Array): string => withoutTrailingNuls(String.fromCharCode(...payload));

const HEX_BYTE = /^[0-9a-fA-F]{2}$/;

/** `%` and two digits are one byte; a `%` before anything else is itself, as XenServer writes it. */
const percentDecoded = (encoded: string): Uint8Array => {
  const decoded = new Uint8Array(encoded.length);
  let length = 0;
  for (let at = 0; at < encoded.length; at += 1) {
    const digits = encoded[at] === '%' ? encoded.slice(at + 1, at + 3) : '';
    const isByte = HEX_BYTE.test(digits);
    decoded[length] = isByte ? Number.parseInt(digits, 16) : encoded.charCodeAt(at);
    length += 1;
    if (isByte) at += 2;
  }
  return decoded.subarray(0, length);
};

const decodeFileUrl = (payload: Uint8Array): string => {
  const afterScheme = decodeLatin1(payload).replace(/^file:(\/\/(localhost(?=\/))?)?/i, '');
  return withoutTrailingNuls(new TextDecoder().decode(percentDecoded(afterScheme)));
};

const UNSAFE_IN_URL = /[^A-Za-z0-9\-._~/!$&'()*+,;=:@]/;

/** Relative as XenServer writes it, `file://./base.vhd`; absolute `file:///vms/base.vhd`. */
const encodeFileUrl = (path: string): Uint8Array => {
  const encoded = Array.from(new TextEncoder().encode(path), (byte) => {
    const character = String.fromCharCode(byte);
    return UNSAFE_IN_URL.test(character) ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}` : character;
  });
  return new TextEncoder().encode(`file://${encoded.join('')}`);
};

const decoders = {
  W2ru: decodeUtf16le,
  W2ku: decodeUtf16le,
  Wi2r: decodeLatin1,
  Wi2k: decodeLatin1,
  MacX: decodeFileUrl,
} satisfies Record<PathCode, (payload: Uint8Array) => string>;

/** Codes that are still written. */
export type WritableCode = 'W2ru' | 'W2ku' | 'MacX';

/** The payload for a path: Windows form (`.\base.vhd`) for W2ru and W2ku, `/` form (`./base.vhd`) for MacX. */
export const encodePayload = (code: WritableCode, path: string): Uint8Array =>
  isUtf16(code) ? encodeUtf16le(path) : encodeFileUrl(path);

/** The entry for a payload at `offsetBytes`. Data Space is written in bytes, as Windows does, a multiple of 512. */
export const newLocatorEntry = (code: WritableCode, payload: Uint8Array, offsetBytes: number): ParentLocatorEntry => ({
  platformCode: code,
  dataSpace: roundUp(payload.length, 512),
  dataLength: payload.length,
  reserved: new Uint8Array(4),
  dataOffset: BigInt(offsetBytes),
});

export const unusedLocatorEntry = (): ParentLocatorEntry => ({
  platformCode: NO_CODE,
  dataSpace: 0,
  dataLength: 0,
  reserved: new Uint8Array(4),
  dataOffset: 0n,
});

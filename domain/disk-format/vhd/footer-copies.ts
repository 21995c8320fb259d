/**
 * Which footer of a VHD counts: the one in the last sector, else the 511-byte one at the end, else the copy in sector 0.
 *
 * Guarantees:
 * - A copy with a right cookie and checksum speaks for the file: when its values are unusable the file is refused, and no
 *   other copy is asked.
 * - Sector 0 counts only when it says dynamic or differencing: in a fixed disk it is the guest's.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { err, ok, type Result } from '../../result.js';
import { flawOf, hex } from '../flaw.js';
import { DYNAMIC_HEADER_BYTES } from './dynamic-header.js';
import { decodeFooter, type Footer, FOOTER_BYTES, FOOTER_COOKIE, SHORT_FOOTER_BYTES } from './footer.js';

export type FooterCopy = 'tail' | 'short tail' | 'head';

export interface FooterPlace {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Where a file of this size may have a footer; null where it cannot. */
export const footerPlaces = (
  fileSizeBytes: number,
): { readonly tail: FooterPlace | null; readonly shortTail: FooterPlace | null; readonly head: FooterPlace | null } => {
  const holdsOne = fileSizeBytes >= FOOTER_BYTES;
  const mayBeShort = fileSizeBytes % FOOTER_BYTES === SHORT_FOOTER_BYTES;
  return {
    tail: holdsOne ? { offsetBytes: fileSizeBytes - FOOTER_BYTES, lengthBytes: FOOTER_BYTES } : null,
    shortTail: mayBeShort ? { offsetBytes: fileSizeBytes - SHORT_FOOTER_BYTES, lengthBytes: SHORT_FOOTER_BYTES } : null,
    head: holdsOne ? { offsetBytes: 0, lengthBytes: FOOTER_BYTES } : null,
  };
};

/**
 * - `tail-damaged`: the copy in sector 0 was used; other programs may refuse the file until its tail is written again.
 * - `head-damaged`, `copies-differ`: the tail was used; it is to be written to sector 0 before any other write.
 * - `short-footer`: 511 bytes, from before 2004; to be written as 512.
 * - `fixed-disk-starts-with-footer`: the guest of this fixed disk has a VHD footer in its first sector. Either it is the guest's
 *   own data, or this is a dynamic disk that has lost its tail and ends with a footer that is guest data. Never "repaired".
 */
export type FooterWarning =
  'tail-damaged' | 'head-damaged' | 'copies-differ' | 'short-footer' | 'fixed-disk-starts-with-footer';

export interface FooterChoice {
  readonly footer: Footer;
  readonly copy: FooterCopy;
  /** Where the tail footer starts, or the end of the file when it has none: no block may reach beyond. */
  readonly endOfDataBytes: number;
  readonly warnings: readonly FooterWarning[];
}

export interface FooterReads {
  readonly fileSizeBytes: number;
  /** The bytes at `footerPlaces`. */
  readonly tail: Uint8Array | null;
  readonly shortTail: Uint8Array | null;
  readonly head: Uint8Array | null;
}

/** Before its tail footer a dynamic disk has at least a head footer, a dynamic header and one sector of BAT. */
const SMALLEST_SPARSE_BYTES = FOOTER_BYTES + DYNAMIC_HEADER_BYTES + 512;

const flaw = flawOf('VHD footer');

type Decoded = Result<Footer, StructureFlaw>;

const hasCookie = (decoded: Decoded): boolean =>
  decoded.ok || (decoded.error.flaw !== 'footer-missing' && decoded.error.flaw !== 'too-small');

/** Cookie and checksum are right, whatever the values are worth. */
const isWhole = (decoded: Decoded): boolean =>
  hasCookie(decoded) && (decoded.ok || decoded.error.flaw !== 'footer-checksum');

const isSparse = (decoded: Decoded): boolean => decoded.ok && decoded.value.diskType !== 'fixed';

const decodeIfRead = (encoded: Uint8Array | null): Decoded | null => (encoded === null ? null : decodeFooter(encoded));

const missing: StructureFlaw = flaw(
  'footer-missing',
  `"${FOOTER_COOKIE}" at the end or at the start of the file`,
  'neither',
);

export const chooseFooter = (reads: FooterReads): Result<FooterChoice, StructureFlaw> => {
  const { fileSizeBytes } = reads;
  if (fileSizeBytes < SHORT_FOOTER_BYTES) return err(flaw('too-small', 'at least 512 bytes', `${fileSizeBytes} bytes`));
  const tail = decodeIfRead(reads.tail);
  const shortTail = decodeIfRead(reads.shortTail);
  const head = decodeIfRead(reads.head);

  if (tail !== null && isWhole(tail)) {
    return chosen(reads, tail, 'tail', fileSizeBytes - FOOTER_BYTES, tailWarnings(reads, head));
  }
  if (shortTail !== null && isWhole(shortTail)) {
    return chosen(reads, shortTail, 'short tail', fileSizeBytes - SHORT_FOOTER_BYTES, [
      'short-footer',
      ...tailWarnings({ ...reads, tail: reads.shortTail }, head),
    ]);
  }
  if (head !== null && isSparse(head)) {
    const tornTailBytes = tail !== null && hasCookie(tail) ? FOOTER_BYTES : 0;
    return chosen(reads, head, 'head', fileSizeBytes - tornTailBytes, ['tail-damaged']);
  }
  const refused = [tail, shortTail, head].find((copy) => copy !== null && !copy.ok && hasCookie(copy));
  return err(refused?.ok === false ? refused.error : missing);
};

/** What the copy in sector 0 says about a file whose tail decides. */
const tailWarnings = ({ tail, head: headBytes }: FooterReads, head: Decoded | null): readonly FooterWarning[] => {
  const decided = decodeIfRead(tail);
  if (decided?.ok !== true || head === null || headBytes === null) return [];
  if (decided.value.diskType === 'fixed') return isWhole(head) ? ['fixed-disk-starts-with-footer'] : [];
  if (!isWhole(head)) return ['head-damaged'];
  return tail?.every((byte, n) => byte === headBytes[n]) === true ? [] : ['copies-differ'];
};

const chosen = (
  { fileSizeBytes }: FooterReads,
  decoded: Decoded,
  copy: FooterCopy,
  endOfDataBytes: number,
  warnings: readonly FooterWarning[],
): Result<FooterChoice, StructureFlaw> => {
  if (!decoded.ok) return decoded;
  const refusal = againstFile(decoded.value, fileSizeBytes, endOfDataBytes);
  return refusal === null ? ok({ footer: decoded.value, copy, endOfDataBytes, warnings }) : err(refusal);
};

const againstFile = (footer: Footer, fileSizeBytes: number, endOfDataBytes: number): StructureFlaw | null => {
  if (footer.diskType === 'fixed') {
    if (footer.currentSizeBytes <= endOfDataBytes) return null;
    const expected = `${footer.currentSizeBytes} bytes of disk before the footer`;
    return flaw('invalid-file-size', expected, `${endOfDataBytes} bytes`);
  }
  if (endOfDataBytes < SMALLEST_SPARSE_BYTES) {
    return flaw('too-small', `at least ${SMALLEST_SPARSE_BYTES} bytes before the tail`, `${endOfDataBytes} bytes`);
  }
  if (footer.dataOffsetBytes + DYNAMIC_HEADER_BYTES > fileSizeBytes) {
    const found = `${hex(footer.dataOffsetBytes, 1)} in a file of ${fileSizeBytes} bytes`;
    return flaw('header-corrupt', 'a data offset 1024 bytes or more before the end of the file', found);
  }
  return null;
};

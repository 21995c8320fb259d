import type { HeadSignature } from '#application/ports/head-signer';
import { isHeadSignature } from '#application/journal/event-text';

export const REPORT_FORMAT = 1;

/** A larger one is neither written nor read: a browser could not open it. A trail file has no such limit. */
export const LARGEST_REPORT_BYTES = 256 * 1024 * 1024;

/** What the signature of a report is over; `sha256` of all bytes before the closing line, or of the canonical JSON without the signature. */
export const reportSignedText = (sha256: string): string => `chainfold report ${sha256}`;

/** What the seal of the page is over: `sha256` of what `<head>`, `<main>` and `<footer>` hold, as a browser prints it. */
export const viewSignedText = (sha256: string): string => `chainfold report view ${sha256}`;

/** The last line of the page. */
export const closingLine = ({ publicKey, value }: HeadSignature): string =>
  `<!-- chainfold-report ed25519 ${publicKey} ${value} -->\n`;

/** Null: the line is none of ours, to the byte. */
export const signatureInClosingLine = (line: string): HeadSignature | null => {
  const [, publicKey, value] = /^<!-- chainfold-report ed25519 (\S+) (\S+) -->\n$/.exec(line) ?? [];
  const signature = { algorithm: 'ed25519', publicKey, value };
  return isHeadSignature(signature) ? signature : null;
};

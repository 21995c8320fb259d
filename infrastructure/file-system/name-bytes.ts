/**
 * Names are bytes to Linux, and some are not UTF-8. A byte that does not decode stands in a string as a lone surrogate U+DC80..U+DCFF
 * (Python's "surrogateescape"), and becomes that byte again on the way out. Without this the names of a folder would come back with
 * U+FFFD in them, could not be opened, and a sibling image with such a name would go unseen.
 */
export const nameFromBytes = (bytes: Buffer): string => {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(bytes)) return text;
  let name = '';
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    name += character ?? String.fromCharCode(0xdc00 + bytes[at]!);
    at += character === null ? 1 : Buffer.byteLength(character, 'utf8');
  }
  return name;
};

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const characterAt = (bytes: Buffer, at: number): string | null => {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      return strict.decode(bytes.subarray(at, at + length));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return null;
};

/** What to hand to the operating system: the string itself, or its bytes when it holds bytes that are not UTF-8. */
export const systemPath = (path: string): string | Buffer =>
  ESCAPED_BYTE.test(path) ? Buffer.concat(path.split(ESCAPED_BYTE).map(bytesOfPiece)) : path;

/** With the `u` flag, half of a surrogate pair is no match. */
const ESCAPED_BYTE = /([\udc80-\udcff])/u;

const bytesOfPiece = (piece: string): Buffer =>
  ESCAPED_BYTE.test(piece) ? Buffer.of(piece.charCodeAt(0) - 0xdc00) : Buffer.from(piece, 'utf8');

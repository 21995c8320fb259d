/**
 * Strings of images, paths and events belong to others: on a terminal they could move the cursor, change what was printed before
 * or reverse the text. Everything that is not plain text is written as an escape.
 */
const NOT_PLAIN = new RegExp(
  '[' +
    '\\u0000-\\u001f\\u007f-\\u009f' + // control characters, ESC and the C1 ones among them
    '\\u00ad\\u200b-\\u200f\\u2060-\\u2064\\ufeff' + // invisible
    '\\u061c\\u202a-\\u202e\\u2066-\\u206f' + // bidirectional
    '\\u2028\\u2029' + // line and paragraph separators
    '\\ufff9-\\ufffb' +
    ']|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]|\\udb40[\\udc00-\\udc7f]',
  'g',
);

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Four times the longest path of Linux, so that a message with some paths in it stays whole; a stored path may have 64 KiB. */
const LONGEST_LINE = 16 * 1024;

/** One line of text that shows what it is, and nothing else; what is longer than any honest line is cut, and says so. */
export const printable = (text: string): string => {
  const cut = text.length - LONGEST_LINE;
  const shown = (cut > 0 ? text.slice(0, LONGEST_LINE) : text).replace(
    NOT_PLAIN,
    (character) => SHORT[character] ?? escaped(character),
  );
  return cut > 0 ? `${shown}… (${String(cut)} characters more)` : shown;
};

/** The same for a JSON text, uncut: the escapes are JSON's own, so that a parser gives the very same value. */
export const printableJson = (value: unknown): string => printableJsonText(JSON.stringify(value));

export const printableJsonText = (json: string): string => json.replace(NOT_PLAIN, escaped);

const escaped = (characters: string): string =>
  characters.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

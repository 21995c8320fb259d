/**
 * Canonical JSON, RFC 8785: no white space, members sorted by the UTF-16 code units of their names, numbers and strings as
 * ECMAScript prints them. Every hash of every event goes over such a text, twice per event; hence written out here at half the
 * cost of the package `canonicalize`, which the tests keep as a witness.
 *
 * What JSON leaves out or bends by itself is an error here, because a hash must not cover another value than the one given:
 * undefined in an array, NaN, infinities, bigints, functions, lone surrogates (they have no UTF-8). A member whose value is
 * undefined is left out, as JSON does. Throws `TypeError`; a cycle ends as `RangeError`.
 */
export const canonicalJson = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`There is no JSON for the number ${String(value)}.`);
      return String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? arrayText(value) : objectText(value as Readonly<Record<string, unknown>>);
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      throw new TypeError(`There is no JSON for a value of type ${typeof value}.`);
  }
};

const arrayText = (items: readonly unknown[]): string => {
  let text = '[';
  for (let index = 0; index < items.length; index += 1) {
    text += index === 0 ? canonicalJson(items[index]) : `,${canonicalJson(items[index])}`;
  }
  return `${text}]`;
};

const objectText = (members: Readonly<Record<string, unknown>>): string => {
  let text = '{';
  for (const name of Object.keys(members).sort()) {
    const value = members[name];
    if (value === undefined) continue;
    text += `${text === '{' ? '' : ','}${quoted(name)}:${canonicalJson(value)}`;
  }
  return `${text}}`;
};

/** With the u flag a pair is one character, so only a surrogate without its partner is left to match. */
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Letters, digits and marks that JSON prints as they are: what names, hashes and most paths are made of. */
const PLAIN = /^[\w $#%&'()*+,\-./:;<=>?@[\]^`{|}~!]*$/;

const quoted = (text: string): string => {
  if (PLAIN.test(text)) return `"${text}"`;
  if (LONE_SURROGATE.test(text))
    throw new TypeError(`There is no UTF-8 for ${JSON.stringify(text)}: it has half a surrogate pair.`);
  return JSON.stringify(text);
};

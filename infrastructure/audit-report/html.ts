import { printable } from '../cli/printable.js';

/**
 * A piece of HTML. Only `markup` and `text` make one, and `markup` takes no plain strings: what a record says, paths above all, can
 * get into the page through `text` alone, which escapes it. Nothing of a record is ever put into an attribute.
 */
export class Html {
  constructor(readonly source: string) {}
}

export type Part = Html | number | null | readonly (Html | null)[];

/** Null leaves nothing behind. */
export const markup = (fixed: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(fixed.map((piece, index) => piece + sourceOf(parts[index] ?? null)).join(''));

const sourceOf = (part: Part): string => {
  if (part === null) return '';
  if (typeof part === 'number') return String(part);
  return part instanceof Html ? part.source : part.map((one) => one?.source ?? '').join('');
};

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\u00a0': '&nbsp;',
};

/** Anybody's text as text. Control characters, invisible and bidirectional ones are shown as escapes. */
export const text = (foreign: string): Html =>
  new Html(printable(foreign).replace(/[&<>"\u00a0]/g, (character) => ENTITIES[character] ?? character));

/**
 * The source as a browser gives it back (`innerHTML`), which writes a quote in a text as it is. This holds because the pages here
 * close every element, quote every attribute and write no other entities.
 */
export const asBrowsersPrintIt = ({ source }: Html): string => source.replaceAll('&quot;', '"');

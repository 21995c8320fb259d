import { createContext, runInContext } from 'node:vm';
import { expect } from 'vitest';
import { webcrypto } from 'node:crypto';

/** As much of a browser as the page's script asks for. What `<main>` holds is printed as browsers print it: a quote in a text as it is. */
export const checkedInPage = async (page: string): Promise<{ readonly result: string; readonly says: string }> => {
  const between = (opens: string, closes: string): string => {
    const from = page.indexOf(opens) + opens.length;
    return page.slice(from, page.indexOf(closes, from));
  };
  const script = page.slice(page.lastIndexOf('<script>') + '<script>'.length, page.lastIndexOf('</script>'));
  let onClick: (() => Promise<void>) | null = null;
  const says: string[] = [];
  const note = { textContent: '', remove: () => undefined };
  const result = {
    appendChild: () => note,
    dataset: {} as Record<string, string>,
    replaceChildren: () => (says.length = 0),
    append: (line: { readonly words: readonly string[] }) => says.push(line.words.join(' ')),
  };
  const elements: Readonly<Record<string, object>> = {
    seal: { textContent: between('<script type="application/json" id="seal">', '</script>') },
    trail: { textContent: between('<script type="application/gzip" id="trail">', '</script>') },
    result,
    checker: { hidden: true },
    check: { disabled: false, addEventListener: (_: string, listener: () => Promise<void>) => (onClick = listener) },
  };
  const document = {
    querySelector: (name: string) => ({
      innerHTML: between(`<${name}>`, `</${name}>`).replaceAll('&quot;', '"'),
    }),
    body: bodyOf(page),
    getElementById: (id: string) => elements[id],
    createElement: () => newElement(),
    createTextNode: (textContent: string) => ({ textContent }),
  };
  const window = { document, location: { hash: '' }, crypto: webcrypto, ...FROM_NODE };
  runInContext(script, createContext(window));
  const click = onClick as (() => Promise<void>) | null;
  if (click === null) throw new Error('the script did not wire its button');
  await click();
  return { result: result.dataset.result ?? 'none', says: says.join('\n') };
};

/** What lies in the body itself, not deeper: no element here has one of its own name in it. */
const bodyOf = (page: string) => {
  const [, attributes = '', inside = ''] = /<body([^>]*)>([^]*)<\/body>/.exec(page) ?? [];
  const childNodes = [...inside.matchAll(/<(\w+)([^>]*)>[^]*?<\/\1>|[^<]+|</g)].map(([whole, name, given = '']) => ({
    nodeName: name?.toUpperCase() ?? '#text',
    textContent: whole,
    attributes: attributesOf(given),
  }));
  return {
    attributes: attributesOf(attributes),
    childNodes,
    children: childNodes.filter(({ nodeName }) => nodeName !== '#text'),
  };
};

const attributesOf = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

const FROM_NODE = {
  TextEncoder,
  TextDecoder,
  Blob,
  Response,
  DecompressionStream,
  Uint8Array,
  setTimeout,
  atob,
  btoa,
};

const newElement = () => {
  const words: string[] = [];
  return {
    words,
    append: (...nodes: readonly { readonly textContent: string }[]) => {
      words.push(...nodes.map(({ textContent }) => textContent));
    },
  };
};

/** As browsers print it, so that the seal holds there; and nothing that runs, loads or leads elsewhere. */
const TAG =
  /^<\/?(header|section|p|h1|h2|h3|strong|div|dl|dt|dd|code|time|span|table|thead|tbody|tr|th|td|figure|figcaption|svg|defs|pattern|path|rect|text|circle)( (class|datetime|scope|data-label|viewBox|role|aria-label|id|width|height|x|y|d|cx|cy|r|fill|text-anchor|patternUnits|patternTransform)="[^"<>]*")*>$/;

export const shownIn = (page: string): string => page.slice(page.indexOf('<main>') + 6, page.indexOf('</main>'));

/** Throws when there is anything but text in a fixed frame. */
export const assertPlain = (shown: string): void => {
  for (const tag of shown.match(/<[^]*?(>|$)/g) ?? []) expect(tag).toMatch(TAG);
  for (const entity of shown.match(/&[^ ]{0,6}/g) ?? []) expect(entity).toMatch(/^&(amp|lt|gt|quot|nbsp);/);
  // Nothing invisible, and nothing that turns the text around or moves a cursor.
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/);
};

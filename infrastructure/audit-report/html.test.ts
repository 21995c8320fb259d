import { describe, expect, it } from 'vitest';
import { asBrowsersPrintIt, Html, markup, text } from './html.js';

describe('a text in the page', () => {
  it('has neither tags nor quotes, so that it could stand anywhere', () => {
    expect(text(`<a href="x">&'\u00a0`).source).toBe("&lt;a href=&quot;x&quot;&gt;&amp;'&nbsp;");
  });

  it('shows what is invisible or would turn it around', () => {
    expect(text('a\u202eb\u0000\u200b\ud800').source).toBe('a\\u202eb\\u0000\\u200b\\ud800');
  });

  it('is given back by a browser with its quotes as they are', () => {
    expect(asBrowsersPrintIt(markup`<p>${text('"&quot;"')}</p>`)).toBe('<p>"&amp;quot;"</p>');
  });
});

it('a piece of the page is made of pieces, numbers and nothing', () => {
  expect(markup`${1}${null}${[text('<'), null, new Html('<b>')]}`).toEqual(new Html('1&lt;<b>'));
});

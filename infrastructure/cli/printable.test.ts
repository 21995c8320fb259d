import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { printable, printableJson } from './printable.js';

const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/;

describe('a string of an image, a path or an event', () => {
  it.each([
    ['moves no cursor', 'a\u001b[2Jb', 'a\\u001b[2Jb'],
    ['stays on its line', 'a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['does not turn text around', 'exe.\u202edhv', 'exe.\\u202edhv'],
    ['hides nothing', 'a\u200bb\ufeff', 'a\\u200bb\\ufeff'],
    ['uses no 8-bit control', 'a\u009b31mb', 'a\\u009b31mb'],
    ['has no half characters', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
    ['has no tag characters', 'a\u{e0041}', 'a\\udb40\\udc41'],
    ['is left as it is when it is plain', 'Größe/磁盘 😀.vhd', 'Größe/磁盘 😀.vhd'],
  ])('%s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('is cut when it is longer than any honest line, and not as JSON', () => {
    expect(printable('x'.repeat(70_000))).toBe(`${'x'.repeat(16_384)}… (53616 characters more)`);
    expect(printableJson('x'.repeat(70_000))).toHaveLength(70_002);
  });

  test.prop([fc.string({ unit: 'binary' })])('never reaches the terminal with a character that acts', (text) => {
    expect(printable(text)).not.toMatch(HARMFUL);
    expect(printableJson(text)).not.toMatch(HARMFUL);
  });

  test.prop([fc.jsonValue()])('as JSON has the very same value', (value) => {
    expect(JSON.parse(printableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
  });
});

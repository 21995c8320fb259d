import { describe, expect, it } from 'vitest';
import {
  decodeParentLocator,
  encodeParentLocator,
  linkageOf,
  newParentLocator,
  type ParentLocator,
  relinked,
  storedPathsOf,
  withLinkage,
} from './parent-locator.js';

const PARENT = '7584f8fb-36d3-4091-afb5-b1afe587bfa8';
const OTHER = '01234567-89ab-cdef-0123-456789abcdef';
const ZERO = '00000000-0000-0000-0000-000000000000';

const locatorOf = (values: Readonly<Record<string, string>>): ParentLocator => ({
  entries: Object.entries(values).map(([key, value]) => ({ key, value })),
});
/** What Windows 10 writes. */
const windows = locatorOf({
  parent_linkage: `{${PARENT}}`,
  absolute_win32_path: 'C:\\vms\\p.vhdx',
  relative_path: '.\\p.vhdx',
  volume_path: '\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}\\vms\\p.vhdx',
  parent_linkage2: `{${ZERO}}`,
});
const smallest = locatorOf({ parent_linkage: PARENT, relative_path: 'p' });

const decoded = (item: Uint8Array) => {
  const result = decodeParentLocator(item);
  return result.ok ? result.value : result.error;
};
const flawOfLocator = (expected: string, found: string) => ({
  flaw: 'parent-locator',
  structure: 'VHDX parent locator',
  expected,
  found,
});
/** The item of `smallest` with a 16- or 32-bit field changed. Its first entry is at 20, its second at 32; it is 172 bytes long. */
const changed = (offset: number, value: number, bits: 16 | 32 = 16) => {
  const item = encodeParentLocator(smallest);
  const view = new DataView(item.buffer);
  if (bits === 16) view.setUint16(offset, value, true);
  else view.setUint32(offset, value, true);
  return decoded(item);
};

describe('a parent locator', () => {
  it('comes back as it was written, in its order', () => {
    expect(decoded(encodeParentLocator(windows))).toEqual(windows);
    expect(decoded(encodeParentLocator(smallest))).toEqual(smallest);
  });

  it('is laid out as Windows does it: header, pairs, then each key before its value', () => {
    const item = encodeParentLocator(windows);
    const firstPair = '50000000' + '6c000000' + '1c00' + '4c00';
    expect(Buffer.from(item.subarray(0, 32)).toString('hex')).toBe(
      'b7ef4ab09ed1814ab78925b8e9445913' + '0000' + '0500' + firstPair,
    );
    expect(Buffer.from(item.subarray(0x50, 0x6c)).toString('utf16le')).toBe('parent_linkage');
    expect(Buffer.from(item.subarray(0x6c, 0xb8)).toString('utf16le')).toBe(`{${PARENT}}`);
  });

  it('keeps lone surrogates, and keys that it does not know', () => {
    const odd = locatorOf({ parent_linkage: PARENT, relative_path: '.\\\ud83d.vhdx', 'x\udc00': '\ud800' });
    expect(decoded(encodeParentLocator(odd))).toEqual(odd);
  });

  it('may have texts in any order, also shared ones', () => {
    const item = encodeParentLocator(smallest);
    const [path, linkage] = [item.slice(32, 44), item.slice(20, 32)];
    item.set(path, 20);
    item.set(linkage, 32);
    expect(decoded(item)).toEqual({ entries: smallest.entries.toReversed() });
  });
});

describe('a parent locator is refused when', () => {
  it('it is shorter than its header, or than its pairs', () => {
    expect(decoded(new Uint8Array(19))).toEqual(flawOfLocator('at least 20 bytes', '19 bytes'));
    const item = encodeParentLocator(windows);
    expect(decoded(item.subarray(0, 79))).toEqual(flawOfLocator('5 pairs inside the item', 'an item of 79 bytes'));
  });

  it('its type is another one', () => {
    expect(changed(0, 0)).toMatchObject({
      flaw: 'parent-locator',
      expected: 'locator type b04aefb7-d19e-4a81-b789-25b8e9445913',
      found: 'b04a0000-d19e-4a81-b789-25b8e9445913',
    });
  });

  it('it has no pairs, or more than 256', () => {
    expect(changed(18, 0)).toEqual(flawOfLocator('1 to 256 pairs of key and value', '0'));
    expect(changed(18, 257)).toEqual(flawOfLocator('1 to 256 pairs of key and value', '257'));
    expect(changed(18, 256)).toEqual(flawOfLocator('256 pairs inside the item', 'an item of 172 bytes'));
    const many = Object.fromEntries(Array.from({ length: 254 }, (_, n) => [`key ${n}`, 'value']));
    const full = locatorOf({ parent_linkage: PARENT, relative_path: 'p', ...many });
    expect(decoded(encodeParentLocator(full))).toEqual(full);
  });

  it('an offset or a length is odd or 0', () => {
    const odd = 'a key with an even offset and length, neither 0';
    expect(changed(20, 45, 32)).toEqual(flawOfLocator(odd, '28 bytes at 45 of 172'));
    expect(changed(20, 0, 32)).toEqual(flawOfLocator(odd, '28 bytes at 0 of 172'));
    expect(changed(28, 27)).toEqual(flawOfLocator(odd, '27 bytes at 44 of 172'));
    expect(changed(28, 0)).toEqual(flawOfLocator(odd, '0 bytes at 44 of 172'));
    const oddValue = 'a value of "parent_linkage" with an even offset and length, neither 0';
    expect(changed(24, 73, 32)).toMatchObject({ expected: oddValue });
    expect(changed(30, 71)).toMatchObject({ expected: oddValue });
  });

  it('a text leaves the item', () => {
    expect(changed(20, 146, 32)).toEqual(flawOfLocator('a key inside the item', '28 bytes at 146 of 172'));
    expect(changed(20, 0xffff_fffe, 32)).toMatchObject({ expected: 'a key inside the item' });
    expect(changed(42, 4)).toMatchObject({ expected: 'a value of "relative_path" inside the item' });
  });

  it('a text has a NUL in it', () => {
    expect(decoded(encodeParentLocator(locatorOf({ parent_linkage: PARENT, relative_path: 'a\0b' })))).toEqual(
      flawOfLocator('a value of "relative_path" without NUL', '"a\\u0000b"'),
    );
    expect(decoded(encodeParentLocator(locatorOf({ parent_linkage: PARENT, 'relative_path\0': 'a' })))).toMatchObject({
      expected: 'a key without NUL',
    });
  });

  it('a key is there twice', () => {
    const twice = { entries: [...windows.entries, { key: 'relative_path', value: 'other' }] };
    expect(decoded(encodeParentLocator(twice))).toEqual(flawOfLocator('each key once', '"relative_path" twice'));
  });

  it('it names no identity', () => {
    const without = locatorOf({ relative_path: 'p', parent_linkage2: PARENT });
    expect(decoded(encodeParentLocator(without))).toEqual(flawOfLocator('the key parent_linkage', 'no such key'));
    for (const wrong of ['x', `{${PARENT}`, `${PARENT}}`, `${PARENT}0`, PARENT.replaceAll('-', '')]) {
      const locator = locatorOf({ parent_linkage: wrong, relative_path: 'p' });
      expect(decoded(encodeParentLocator(locator))).toEqual(
        flawOfLocator('a GUID in parent_linkage', JSON.stringify(wrong)),
      );
    }
    expect(decoded(encodeParentLocator(locatorOf({ parent_linkage: ZERO, relative_path: 'p' })))).toMatchObject({
      flaw: 'parent-identity-zero',
    });
  });

  it('it has no path', () => {
    expect(decoded(encodeParentLocator(locatorOf({ parent_linkage: PARENT, Relative_Path: 'p' })))).toEqual(
      flawOfLocator('a path: relative_path, volume_path, absolute_win32_path', 'none'),
    );
    const absolute = locatorOf({ parent_linkage: PARENT, absolute_win32_path: 'C:\\p' });
    expect(decoded(encodeParentLocator(absolute))).toEqual(absolute);
  });
});

describe('the identities in a parent locator', () => {
  it('are one when the second is zero, missing or no GUID', () => {
    expect(linkageOf(windows)).toEqual([PARENT]);
    expect(linkageOf(smallest)).toEqual([PARENT]);
    expect(linkageOf(locatorOf({ parent_linkage: PARENT, parent_linkage2: 'x' }))).toEqual([PARENT]);
  });

  it('are two during a merge, the first one first', () => {
    const two = withLinkage(windows, [PARENT, OTHER]);
    expect(linkageOf(two)).toEqual([PARENT, OTHER]);
    expect(two.entries.map(({ key }) => key)).toEqual(windows.entries.map(({ key }) => key));
    expect(two.entries[4]?.value).toBe(`{${OTHER}}`);
    expect(withLinkage(two, [PARENT])).toEqual(windows);
  });

  it('are read in upper case and without braces, and written in lower case with them', () => {
    expect(linkageOf(locatorOf({ parent_linkage: PARENT.toUpperCase() }))).toEqual([PARENT]);
    expect(linkageOf(locatorOf({ parent_linkage: `{${PARENT.toUpperCase()}}` }))).toEqual([PARENT]);
    expect(withLinkage(smallest, [OTHER])).toEqual(
      locatorOf({ parent_linkage: `{${OTHER}}`, relative_path: 'p', parent_linkage2: `{${ZERO}}` }),
    );
  });

  it('are never none, and never three', () => {
    expect(() => withLinkage(windows, [])).toThrow(/^Bug: /);
    expect(() => withLinkage(windows, [PARENT, OTHER, PARENT])).toThrow(/^Bug: /);
  });
});

describe('the paths in a parent locator', () => {
  it('come relative first, then by volume, then absolute', () => {
    expect(storedPathsOf(windows).map(({ key }) => key)).toEqual([
      'relative_path',
      'volume_path',
      'absolute_win32_path',
    ]);
    expect(storedPathsOf(smallest)).toEqual([{ key: 'relative_path', value: 'p' }]);
  });

  it('of a new child are written in the order of Windows', () => {
    const parent = { identity: PARENT, relativePath: '.\\p.vhdx', absolutePath: 'C:\\vms\\p.vhdx' };
    expect(newParentLocator(parent)).toEqual({
      entries: windows.entries.filter(({ key }) => key !== 'volume_path'),
    });
    expect(newParentLocator({ ...parent, absolutePath: null }).entries.map(({ key }) => key)).toEqual([
      'parent_linkage',
      'relative_path',
      'parent_linkage2',
    ]);
    expect(decoded(encodeParentLocator(newParentLocator({ ...parent, relativePath: null })))).toMatchObject({
      entries: [{ key: 'parent_linkage' }, { key: 'absolute_win32_path' }, { key: 'parent_linkage2' }],
    });
  });

  it('lead to the new parent alone when a child gets another, and unknown keys stay', () => {
    const child = { entries: [{ key: 'vendor', value: 'x' }, ...withLinkage(windows, [PARENT, OTHER]).entries] };
    const parent = { identity: OTHER, relativePath: '..\\q.vhdx', absolutePath: 'D:\\q.vhdx' };
    expect(relinked(child, parent)).toEqual(
      locatorOf({
        vendor: 'x',
        parent_linkage: `{${OTHER}}`,
        absolute_win32_path: 'D:\\q.vhdx',
        relative_path: '..\\q.vhdx',
        parent_linkage2: `{${ZERO}}`,
      }),
    );
    expect(storedPathsOf(relinked(child, { ...parent, absolutePath: null }))).toEqual([
      { key: 'relative_path', value: '..\\q.vhdx' },
    ]);
    expect(storedPathsOf(relinked(smallest, { ...parent, relativePath: null }))).toEqual([
      { key: 'absolute_win32_path', value: 'D:\\q.vhdx' },
    ]);
  });

  it('are never none', () => {
    const nowhere = { identity: OTHER, relativePath: null, absolutePath: null };
    expect(() => newParentLocator(nowhere)).toThrow(/^Bug: /);
    expect(() => relinked(windows, nowhere)).toThrow(/^Bug: /);
  });

  it('are not empty, and not longer than a length can say', () => {
    const withPath = (path: string) => encodeParentLocator(locatorOf({ parent_linkage: PARENT, relative_path: path }));
    expect(() => withPath('')).toThrow(/^Bug: /);
    expect(() => withPath('p'.repeat(32_768))).toThrow(/^Bug: /);
    expect(decoded(withPath('p'.repeat(32_767)))).toMatchObject({ entries: [{}, { value: 'p'.repeat(32_767) }] });
  });
});

/**
 * Parent locator of a VHDX: one metadata item of keys and values that says which file the parent is, and where. [MS-VHDX] 2.6.2.6
 *
 * Guarantees:
 * - A decoded locator names one parent at least, by identity and by a path; no length or offset in it is believed unchecked.
 * - Pairs keep their order, and keys that this program does not know stay as they are.
 * - A path is never changed to make it readable: lone surrogates stay.
 * - Encoding what Windows wrote gives the same bytes: each key before its value, packed in the order of the pairs.
 */
import type { StructureFlaw } from '../../merge-error.js';
import { err, ok, type Result } from '../../result.js';
import { flawOf, quoted } from '../flaw.js';
import { at, type Decoded, guid, struct, u16le, u32le, utf16le } from '../layout.js';
import { LIMIT } from '../limits.js';
import { NIL_GUID } from './header.js';

const VHDX_PARENT = 'b04aefb7-d19e-4a81-b789-25b8e9445913';
const MAX_PAIRS = LIMIT.locatorPairs;
const MAX_TEXT_BYTES = 0xffff;

const locatorHeader = struct('VHDX parent locator header', 20, {
  locatorType: at(0, guid), // the parent of a VHDX is a VHDX
  reserved: at(16, u16le),
  keyValueCount: at(18, u16le), // 1 to 256
});

const locatorEntry = struct('VHDX parent locator entry', 12, {
  keyOffset: at(0, u32le), // bytes from the start of the item
  valueOffset: at(4, u32le), // bytes from the start of the item
  keyLength: at(8, u16le), // bytes of UTF-16LE, without a terminator
  valueLength: at(10, u16le), // bytes of UTF-16LE, without a terminator
});

export interface ParentLocator {
  readonly entries: readonly LocatorPair[];
}

/** Both not empty, without NUL. A key is there once; upper and lower case are different keys. */
export interface LocatorPair {
  readonly key: string;
  readonly value: string;
}

/** Keys of paths, in the order to try them. All are Windows paths. */
export const PATH_KEYS = ['relative_path', 'volume_path', 'absolute_win32_path'] as const;
export type PathKey = (typeof PATH_KEYS)[number];

export interface StoredPath {
  readonly key: PathKey;
  readonly value: string;
}

/** The parent's DataWriteGuid when the child was made. */
const LINKAGE = 'parent_linkage';
/** A second identity that the parent may have: during a merge its DataWriteGuid changes. Zero otherwise, as Windows writes it. */
const LINKAGE_2 = 'parent_linkage2';

const flaw = flawOf('VHDX parent locator');

export const decodeParentLocator = (item: Uint8Array): Result<ParentLocator, StructureFlaw> => {
  if (item.length < locatorHeader.sizeBytes) {
    return err(flaw('parent-locator', `at least ${locatorHeader.sizeBytes} bytes`, `${item.length} bytes`));
  }
  const { locatorType, keyValueCount } = locatorHeader.decode(item.subarray(0, locatorHeader.sizeBytes));
  if (locatorType !== VHDX_PARENT) return err(flaw('parent-locator', `locator type ${VHDX_PARENT}`, locatorType));
  if (keyValueCount < 1 || keyValueCount > MAX_PAIRS) {
    return err(flaw('parent-locator', `1 to ${MAX_PAIRS} pairs of key and value`, String(keyValueCount)));
  }
  if (entryOffset(keyValueCount) > item.length) {
    return err(flaw('parent-locator', `${keyValueCount} pairs inside the item`, `an item of ${item.length} bytes`));
  }
  const pairs = new Map<string, string>();
  for (let n = 0; n < keyValueCount; n += 1) {
    const entry = locatorEntry.decode(item.subarray(entryOffset(n), entryOffset(n + 1)));
    const pair = decodePair(item, entry);
    if (!pair.ok) return pair;
    const { key, value } = pair.value;
    if (pairs.has(key)) return err(flaw('parent-locator', 'each key once', `${quoted(key)} twice`));
    pairs.set(key, value);
  }
  const locator = { entries: Array.from(pairs, ([key, value]) => ({ key, value })) };
  const refusal = unusable(locator);
  return refusal === null ? ok(locator) : err(refusal);
};

const entryOffset = (n: number): number => locatorHeader.sizeBytes + n * locatorEntry.sizeBytes;

const decodePair = (item: Uint8Array, entry: Decoded<typeof locatorEntry>): Result<LocatorPair, StructureFlaw> => {
  const key = decodeText(item, 'key', entry.keyOffset, entry.keyLength);
  if (!key.ok) return key;
  const value = decodeText(item, `value of ${quoted(key.value)}`, entry.valueOffset, entry.valueLength);
  return value.ok ? ok({ key: key.value, value: value.value }) : value;
};

const decodeText = (item: Uint8Array, what: string, offset: number, length: number): Result<string, StructureFlaw> => {
  const found = `${length} bytes at ${offset} of ${item.length}`;
  if (offset === 0 || offset % 2 !== 0 || length === 0 || length % 2 !== 0) {
    return err(flaw('parent-locator', `a ${what} with an even offset and length, neither 0`, found));
  }
  if (offset + length > item.length) return err(flaw('parent-locator', `a ${what} inside the item`, found));
  const text = decodeUtf16le(item.subarray(offset, offset + length));
  return text.includes('\0') ? err(flaw('parent-locator', `a ${what} without NUL`, quoted(text))) : ok(text);
};

/** All pairs may share their bytes, so that a small item has 32 MiB of text: too much to take unit by unit through a codec. */
const decodeUtf16le = (encoded: Uint8Array): string => {
  const units = new Uint16Array(encoded.length / 2);
  for (let n = 0; n < units.length; n += 1) units[n] = encoded[2 * n]! | (encoded[2 * n + 1]! << 8);
  return String.fromCharCode(...units);
};

const unusable = (locator: ParentLocator): StructureFlaw | null => {
  const linkage = valueOf(locator, LINKAGE);
  if (linkage === undefined) return flaw('parent-locator', `the key ${LINKAGE}`, 'no such key');
  const identity = guidIn(linkage);
  if (identity === null) return flaw('parent-locator', `a GUID in ${LINKAGE}`, quoted(linkage));
  if (identity === NIL_GUID) return flaw('parent-identity-zero', `an identity in ${LINKAGE}`, 'zeros');
  if (storedPathsOf(locator).length === 0) {
    return flaw('parent-locator', `a path: ${PATH_KEYS.join(', ')}`, 'none');
  }
  return null;
};

const valueOf = ({ entries }: ParentLocator, key: string): string | undefined =>
  entries.find((pair) => pair.key === key)?.value;

const GUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const GUID_VALUE = new RegExp(`^(?:\\{(${GUID})\\}|(${GUID}))$`, 'i');

/** Windows writes lower case in braces; files that were made by hand have either left away. */
const guidIn = (value: string): string | null => {
  const found = GUID_VALUE.exec(value);
  return (found?.[1] ?? found?.[2])?.toLowerCase() ?? null;
};

const valueOfGuid = (text: string): string => `{${text}}`;

/** The identities that the parent may have, lower-case GUID text, the first one first. A zero `parent_linkage2` is none. */
export const linkageOf = (locator: ParentLocator): readonly string[] =>
  [LINKAGE, LINKAGE_2]
    .map((key) => guidIn(valueOf(locator, key) ?? ''))
    .filter((identity) => identity !== null)
    .filter((identity) => identity !== NIL_GUID);

/** The paths that are stored, in the order to try them. */
export const storedPathsOf = (locator: ParentLocator): readonly StoredPath[] =>
  PATH_KEYS.flatMap((key) => {
    const value = valueOf(locator, key);
    return value === undefined ? [] : [{ key, value }];
  });

/** Changes values in their places; null takes a pair away, and a key that was not there comes last. */
const withValues = (
  { entries }: ParentLocator,
  changes: readonly (readonly [key: string, value: string | null])[],
): ParentLocator => {
  const values = new Map<string, string | null>(entries.map(({ key, value }) => [key, value]));
  for (const [key, value] of changes) values.set(key, value);
  return { entries: Array.from(values).flatMap(([key, value]) => (value === null ? [] : [{ key, value }])) };
};

/** The locator that accepts these identities, one or two; all else stays as it is. */
export const withLinkage = (locator: ParentLocator, identities: readonly string[]): ParentLocator => {
  const [first, second = NIL_GUID, third] = identities;
  if (first === undefined || third !== undefined) {
    throw new RangeError(`Bug: a locator has one or two identities, not ${identities.length}`);
  }
  return withValues(locator, [
    [LINKAGE, valueOfGuid(first)],
    [LINKAGE_2, valueOfGuid(second)],
  ]);
};

export interface NewParent {
  /** The parent's DataWriteGuid. */
  readonly identity: string;
  /** As `relativeStoredPath` gives it. */
  readonly relativePath: string | null;
  /** A Windows path; null on other systems, whose absolute paths the format cannot hold. */
  readonly absolutePath: string | null;
}

/** The locator of a new child, its keys in Windows' order. One of the paths is there. */
export const newParentLocator = (parent: NewParent): ParentLocator => {
  mustHaveAPath(parent);
  return withValues({ entries: [] }, [
    [LINKAGE, valueOfGuid(parent.identity)],
    ['absolute_win32_path', parent.absolutePath],
    ['relative_path', parent.relativePath],
    [LINKAGE_2, valueOfGuid(NIL_GUID)],
  ]);
};

/** The locator of a child that gets another parent: no path to the former one is left, keys we do not know are. */
export const relinked = (locator: ParentLocator, parent: NewParent): ParentLocator => {
  mustHaveAPath(parent);
  return withValues(withLinkage(locator, [parent.identity]), [
    ['absolute_win32_path', parent.absolutePath],
    ['relative_path', parent.relativePath],
    ['volume_path', null],
  ]);
};

const mustHaveAPath = ({ relativePath, absolutePath }: NewParent): void => {
  if (relativePath === null && absolutePath === null) throw new RangeError('Bug: a parent locator without a path');
};

/** The item's bytes. */
export const encodeParentLocator = ({ entries }: ParentLocator): Uint8Array => {
  const textBytes = entries.reduce((total, { key, value }) => total + 2 * (key.length + value.length), 0);
  const item = new Uint8Array(entryOffset(entries.length) + textBytes);
  item.set(locatorHeader.encode({ locatorType: VHDX_PARENT, reserved: 0, keyValueCount: entries.length }));
  let end = entryOffset(entries.length);
  const put = (text: string): { readonly offset: number; readonly length: number } => {
    const [offset, length] = [end, 2 * text.length];
    if (length === 0 || length > MAX_TEXT_BYTES)
      throw new RangeError(`Bug: ${length} bytes of text in a parent locator`);
    item.set(struct('text', length, { text: at(0, utf16le(length)) }).encode({ text }), offset);
    end += length;
    return { offset, length };
  };
  entries.forEach(({ key, value }, n) => {
    const [keyPlace, valuePlace] = [put(key), put(value)];
    const entry = {
      keyOffset: keyPlace.offset,
      valueOffset: valuePlace.offset,
      keyLength: keyPlace.length,
      valueLength: valuePlace.length,
    };
    item.set(locatorEntry.encode(entry), entryOffset(n));
  });
  return item;
};

/**
 * What is wrong with region tables, metadata table and parent locator. FORMATS.md Part E (VHDX), B3, B4, B7
 */
import type { VhdxComplaint } from './plain-vhdx-check.js';
import { INCOMPLETE_ITEM, ITEMS, MIB, NIL_GUID, REGION_TABLES_AT, REGIONS, TABLE_BYTES } from './plain-vhdx-layout.js';
import type { PlainVhdx } from './plain-vhdx-reader.js';

export const checkRegions = ({ view, regions }: PlainVhdx): readonly VhdxComplaint[] => {
  const complaints: VhdxComplaint[] = [];
  regions.copies.forEach((copy, slot) => {
    if (copy === undefined)
      complaints.push({ kind: 'region table damaged', detail: `the copy at ${REGION_TABLES_AT[slot] ?? 0}` });
  });
  const [first, second] = regions.copies;
  if (first !== undefined && second !== undefined && !first.equals(second))
    complaints.push({ kind: 'region tables differ', detail: 'both copies are valid, and not the same' });
  const known = new Set<string>(Object.values(REGIONS));
  for (const { guid, offsetBytes, lengthBytes, required } of regions.entries) {
    const where = `region ${guid}: ${lengthBytes} bytes at ${offsetBytes}`;
    const isMisplaced = offsetBytes % MIB !== 0 || lengthBytes % MIB !== 0 || offsetBytes < MIB || lengthBytes === 0;
    if (isMisplaced || offsetBytes + lengthBytes > view.sizeBytes)
      complaints.push({ kind: 'region misplaced', detail: where });
    if (required && !known.has(guid)) complaints.push({ kind: 'unknown required region', detail: where });
  }
  const guids = regions.entries.map(({ guid }) => guid);
  if (new Set(guids).size < guids.length)
    complaints.push({ kind: 'region misplaced', detail: `two regions of one name among ${guids.join(', ')}` });
  return complaints;
};

export const checkItems = ({ view, regions, items, type }: PlainVhdx): readonly VhdxComplaint[] => {
  const complaints: VhdxComplaint[] = [];
  const table = (detail: string): void => {
    complaints.push({ kind: 'metadata table', detail });
  };
  const known = new Set<string>(Object.values(ITEMS));
  const seen = new Set<string>();
  const flags = view.read(regions.metadata.offsetBytes, TABLE_BYTES);
  items.forEach(({ itemId, offsetBytes, bytes, isUser, isRequired }, slot) => {
    const name = `item ${itemId}${isUser ? ' of the user' : ''}`;
    if (itemId === NIL_GUID) table('an item without a name');
    if (seen.has(name)) table(`${name} is there twice`);
    seen.add(name);
    if (bytes.length === 0 ? offsetBytes !== 0 : offsetBytes < TABLE_BYTES) table(`${name} is at ${offsetBytes}`);
    if (bytes.length > MIB) table(`${name} has ${bytes.length} bytes`);
    const entryAt = 32 + slot * 32;
    if (flags.readUInt32LE(entryAt + 24) > 7 || flags.readUInt32LE(entryAt + 28) !== 0) table(`${name}: reserved bits`);
    if (itemId === INCOMPLETE_ITEM) complaints.push({ kind: 'incomplete file', detail: 'its creation has not ended' });
    else if (isRequired && (isUser || !known.has(itemId)))
      complaints.push({ kind: 'unknown required item', detail: name });
  });
  if (items.filter(({ isUser }) => isUser).length > 1024) table('more than 1024 items of the user');
  const placed = items.filter(({ bytes }) => bytes.length > 0).sort((a, b) => a.offsetBytes - b.offsetBytes);
  placed.forEach(({ itemId, offsetBytes }, nth) => {
    const before = placed[nth - 1];
    if (before !== undefined && before.offsetBytes + before.bytes.length > offsetBytes)
      table(`item ${itemId} at ${offsetBytes} lies over item ${before.itemId}`);
  });
  const locator = items.some(({ itemId, isUser }) => itemId === ITEMS.parentLocator && !isUser);
  if (locator && type !== 'differencing')
    complaints.push({ kind: 'parent locator', detail: `a ${type} image has a parent locator` });
  return complaints;
};

export const checkLocator = ({ parent, items }: PlainVhdx): readonly VhdxComplaint[] => {
  if (parent === undefined) return [];
  const complaints: VhdxComplaint[] = [];
  const locator = (detail: string): void => {
    complaints.push({ kind: 'parent locator', detail });
  };
  const { pairs } = parent;
  if (pairs.length === 0 || pairs.length > 256) locator(`${pairs.length} pairs`);
  const keys = pairs.map(({ key }) => key);
  if (new Set(keys).size < keys.length) locator(`a key is there twice: ${keys.join(', ')}`);
  for (const { key, value } of pairs)
    if (key === '' || value === '' || key.includes('\0') || value.includes('\0')) locator(`the pair ${key}: ${value}`);
  const linkage = pairs.find(({ key }) => key === 'parent_linkage')?.value;
  if (linkage === undefined || parent.linkages.length === 0) locator(`parent_linkage is ${linkage ?? 'not there'}`);
  const isPath = (key: string): boolean => ['relative_path', 'volume_path', 'absolute_win32_path'].includes(key);
  if (!keys.some(isPath)) locator(`no path among ${keys.join(', ')}`);
  const item = items.find(({ itemId }) => itemId === ITEMS.parentLocator)?.bytes ?? Buffer.alloc(20);
  for (let at = 20; at < 20 + pairs.length * 12; at += 12) {
    const [keyAt, valueAt] = [item.readUInt32LE(at), item.readUInt32LE(at + 4)];
    const [keyBytes, valueBytes] = [item.readUInt16LE(at + 8), item.readUInt16LE(at + 10)];
    if (
      Math.min(keyAt, valueAt) < 20 + pairs.length * 12 ||
      [keyAt, valueAt, keyBytes, valueBytes].some((n) => n % 2 !== 0)
    )
      locator(`a pair with offsets ${keyAt}, ${valueAt} and lengths ${keyBytes}, ${valueBytes}`);
  }
  return complaints;
};

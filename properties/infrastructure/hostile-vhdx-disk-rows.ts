/** FORMATS.md Part E, VHDX, from the metadata on: each row of the list, and files that break it. */
import {
  base,
  bitmap,
  child,
  type Damage,
  damagedImage,
  entry,
  inMetadata,
  itemAt,
  LOCATOR_AT,
  MIB,
  NEW_GUID,
  payload,
} from '../models/plain-vhdx-damage.js';
import { guidBytes, INCOMPLETE, type LocatorPair, type PlainVhdxSpec } from '../models/plain-vhdx.js';
import { hostile, type HostileCase } from './hostile-file.js';
import { all, u16, u32, u64 } from './hostile-vhdx-damages.js';

const vhdx = (name: string, damage: Damage, answer: string, code: string, spec: PlainVhdxSpec = base): HostileCase =>
  hostile(name, () => damagedImage(spec, damage), answer, { code });
const metadata = (
  name: string,
  change: (region: Buffer) => void,
  answer = 'metadata-table',
  code = '10',
): HostileCase => vhdx(name, inMetadata(change), answer, code);
/** Items as Windows writes them: 0 parameters, 1 size, 2 and 3 sector sizes, 4 disk id. */
const item = (slot: number, at: number, value: number): ((region: Buffer) => void) => u32(value, itemAt(slot) + at);
const content = (slot: number, write: (bytes: Buffer) => void): Damage =>
  inMetadata((region) => {
    write(region.subarray(region.readUInt32LE(itemAt(slot) + 16)));
  });
const inLocator = (name: string, change: (item: Buffer) => void): HostileCase =>
  vhdx(
    name,
    inMetadata((region) => {
      change(region.subarray(LOCATOR_AT));
    }),
    'parent-locator',
    '08',
    child,
  );
const pairs = (name: string, of: readonly LocatorPair[], answer = 'parent-locator', code = '08'): HostileCase =>
  hostile(name, () => damagedImage({ ...child, parent: { ...child.parent, pairs: of } }, () => undefined), answer, {
    code,
  });
const linkage = { key: 'parent_linkage', value: `{${base.dataWriteGuid}}` };
const path = { key: 'relative_path', value: '.\\base.vhdx' };

export const VHDX_DISK_ROWS: Readonly<Record<string, readonly HostileCase[]>> = {
  'metadata table: signature, count ≤ 2047, ≤ 1024 of users, flags, bounds, overlap, duplicates, item ≤ 1 MiB': [
    metadata('another signature', (region) => region.write('metadatb')),
    metadata('65,535 entries', u16(65_535, 10)),
    metadata('2048 entries', u16(2048, 10)),
    metadata('a reserved field', u16(1, 8)),
    metadata('flags that nobody knows', item(1, 24, 8)),
    metadata('an item of 4 GiB', item(1, 20, 2 ** 32 - 1)),
    metadata('an item of more than 1 MiB', item(4, 20, MIB + 1)),
    metadata('an item over the table', item(1, 16, 32)),
    metadata('an item behind the region', item(1, 16, MIB - 4)),
    metadata('an item at 4 GiB', item(1, 16, 2 ** 32 - 8)),
    metadata('two items at one place', (region) => region.copy(region, itemAt(1) + 16, itemAt(0) + 16, itemAt(0) + 20)),
    metadata('an item twice', (region) => region.copy(region, itemAt(1), itemAt(0), itemAt(0) + 16)),
    metadata('an id of zeros', (region) => region.fill(0, itemAt(4), itemAt(4) + 16)),
  ],
  'unknown required item; incomplete marker; missing item; wrong item length (8/8/16/4/4)': [
    vhdx('an item that is required', () => undefined, 'unknown-required-metadata', '05', {
      ...base,
      items: [{ itemId: NEW_GUID, bytes: new Uint8Array(8), isRequired: true }],
    }),
    vhdx('the mark of an unfinished file', () => undefined, 'incomplete-file', '1c', { ...base, items: [INCOMPLETE] }),
    ...[0, 1, 2, 3, 4].map((slot) =>
      metadata(
        `item ${slot} under another name`,
        all((region) => guidBytes(NEW_GUID).copy(region, itemAt(slot)), item(slot, 24, 0)),
        'metadata-missing',
      ),
    ),
    ...[0, 1, 2, 3, 4].map((slot) => metadata(`3 bytes of item ${slot}`, item(slot, 20, 3), 'metadata-missing')),
  ],
  'block size, sector sizes, disk size rules': [
    ...[0, 1, 3, 4096, 3 * MIB, 2 ** 29, 2 ** 31, 2 ** 32 - 1].map((size) =>
      vhdx(`blocks of ${size} bytes`, content(0, u32(size, 0)), 'block-size', '0b'),
    ),
    vhdx('file parameters that nobody knows', content(0, u32(4, 4)), 'disk-parameters', '10'),
    ...[2, 3].flatMap((slot) =>
      [0, 1, 3, 520, 2 ** 31].map((size) =>
        vhdx(`sectors of ${size} bytes in item ${slot}`, content(slot, u32(size, 0)), 'sector-size', '1d'),
      ),
    ),
    ...[0n, 1n, 513n, 2n ** 46n + 512n, 2n ** 63n, 2n ** 64n - 512n].map((size) =>
      vhdx(`a disk of ${size} bytes`, content(1, u64(size, 0)), 'invalid-size', '12'),
    ),
  ],
  'HasParent ⇔ locator item': [
    vhdx('a parent, and nothing says which', content(0, u32(2, 4)), 'metadata-missing', '10'),
    vhdx('a locator without a parent', content(0, u32(0, 4)), 'parent-locator', '08', child),
  ],
  'needed BAT bytes ≤ region length ≤ 513 MiB': [
    vhdx('a disk of 64 TiB over a BAT of 1 MiB', content(1, u64(2n ** 46n, 0)), 'bat-size', '0a'),
    hostile('a BAT of 514 MiB', () => damagedImage({ ...base, batMib: 514 }, () => undefined), 'bat-size', {
      code: '0a',
    }),
  ],
  'entry: reserved bits 0, state known, 7 only if differencing; 6/7: offset ≥ 1 MiB, end ≤ file size': [
    vhdx(
      'reserved bits',
      payload(0, 6 + 8, (image) => image.payloadAt.get(0)!),
      'bat-state',
      '0a',
    ),
    vhdx('state 4', entry(2, 4n), 'bat-state', '0a'),
    vhdx('state 5', entry(2, 5n), 'bat-state', '0a'),
    vhdx(
      'state 7 without a parent',
      payload(0, 7, (image) => image.payloadAt.get(0)!),
      'bat-state',
      '0a',
    ),
    vhdx('a block over the headers', entry(0, 6n), 'bat-entry-out-of-range', '0a'),
    vhdx('a block behind the end', entry(0, (1n << 45n) + 6n), 'bat-entry-out-of-range', '0a'),
    vhdx('a block at 2^64 − 1 MiB', entry(0, 2n ** 64n - BigInt(MIB) + 6n), 'bat-entry-out-of-range', '0a'),
  ],
  'blocks, bitmap blocks, soft anchors, regions, log pairwise disjoint': [
    vhdx(
      'two blocks at one place',
      payload(17, 6, (image) => image.payloadAt.get(0)!),
      'bat-overlap',
      '0a',
    ),
    vhdx(
      'a block a MiB into the next',
      payload(0, 6, (image) => image.payloadAt.get(0)! + MIB),
      'bat-overlap',
      '0a',
    ),
    vhdx(
      'a block over the log',
      payload(0, 6, () => MIB),
      'bat-overlap',
      '0a',
    ),
    vhdx(
      'a block over the metadata',
      payload(0, 6, (image) => image.metadata.offsetBytes),
      'bat-overlap',
      '0a',
    ),
    vhdx(
      'a block over the BAT',
      payload(0, 6, (image) => image.bat.offsetBytes),
      'bat-overlap',
      '0a',
    ),
    vhdx(
      'an anchor over a block',
      payload(3, 3, (image) => image.payloadAt.get(0)!),
      'bat-overlap',
      '0a',
    ),
    vhdx('a bitmap over the log', bitmap(1, BigInt(MIB) + 6n), 'bat-overlap', '0a', child),
  ],
  'state 7 without bitmap block; bitmap state 6 in non-differencing': [
    vhdx('no bitmap', bitmap(1, 0n), 'bitmap-missing', '0c', child),
    vhdx('a bitmap of a disk without parent', entry(16, BigInt(100 * MIB) + 6n), 'bitmap-mismatch', '0c'),
    ...[1n, 2n, 3n, 4n, 5n].map((state) =>
      vhdx(`a bitmap in state ${state}`, bitmap(1, state), 'bat-state', '0a', child),
    ),
  ],
  'locator: type GUID, 1..256 pairs, offsets/lengths inside the item, even, no NUL, unique keys, parent_linkage a GUID, ≥ 1 path':
    [
      inLocator('another type', (bytes) => bytes.fill(1, 0, 16)),
      inLocator('no pairs', u16(0, 18)),
      inLocator('257 pairs', u16(257, 18)),
      inLocator('65,535 pairs', u16(65_535, 18)),
      inLocator('256 pairs in an item for five', u16(256, 18)),
      inLocator('a key behind the item', u32(60_000, 20)),
      inLocator('a value at 4 GiB', u32(2 ** 32 - 2, 24)),
      inLocator('a key at 0', u32(0, 20)),
      inLocator('an odd offset', u32(81, 20)),
      inLocator('an odd length', u16(27, 28)),
      inLocator('a value of 65,535 bytes', u16(65_535, 30)),
      inLocator('no value', u16(0, 30)),
      pairs('a NUL in a path', [linkage, { ...path, value: '.\\a\0b' }]),
      pairs('a key twice', [linkage, path, path]),
      pairs('no linkage', [path]),
      pairs('a linkage that is no GUID', [{ ...linkage, value: '{zzzzzzzz}' }, path]),
      pairs(
        'a linkage of zeros',
        [{ ...linkage, value: '{00000000-0000-0000-0000-000000000000}' }, path],
        'parent-identity-zero',
        '0e',
      ),
      pairs('no path', [linkage, { key: 'volume', value: 'C:' }]),
    ],
};

/** Each flaw that the checker of VHDX knows is put into a sound image, and is named. */
import { describe, expect, test } from 'vitest';
import {
  base,
  both,
  child,
  type Damage,
  damaged,
  inMetadata,
  inRegions,
  itemAt,
  LOCATOR_AT,
  MIB,
  NEW_GUID,
  nothing,
} from './plain-vhdx-damage.js';
import { checkPlainVhdx, INCOMPLETE, type PlainVhdxSpec, type VhdxComplaint } from './plain-vhdx.js';

describe('the checker of VHDX finds in the metadata', () => {
  test.each<[string, VhdxComplaint['kind'], PlainVhdxSpec, Damage]>([
    ['no metadata table', 'unreadable', base, inMetadata((m) => m.fill(0, 0, 8))],
    ['a missing item', 'unreadable', base, inMetadata((m) => m.fill(7, itemAt(1), itemAt(1) + 16))],
    ['an item of another length', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(4, itemAt(1) + 20))],
    ['an item beyond its region', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(MIB, itemAt(1) + 16))],
    ['a block size that is no power of two', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(3 * MIB, 65536))],
    ['a block size that is too small', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(MIB / 2, 65536))],
    ['a disk of no whole sectors', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(513, 65544))],
    ['a disk of nothing', 'unreadable', base, inMetadata((m) => m.fill(0, 65544, 65552))],
    ['sectors of 1024 bytes', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(1024, 65552))],
    ['a child without a parent locator', 'unreadable', base, inMetadata((m) => m.writeUInt32LE(2, 65540))],
    [
      'an item twice',
      'metadata table',
      {
        ...base,
        items: [
          { itemId: NEW_GUID, bytes: Buffer.from('1') },
          { itemId: NEW_GUID, bytes: Buffer.from('2') },
        ],
      },
      nothing,
    ],
    ['an item over another', 'metadata table', base, inMetadata((m) => m.writeUInt32LE(65536 + 20, itemAt(4) + 16))],
    ['an item in the table', 'metadata table', base, inMetadata((m) => m.writeUInt32LE(1024, itemAt(4) + 16))],
    [
      'an item larger than 1 MiB',
      'metadata table',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1 }], items: [{ itemId: NEW_GUID, bytes: Buffer.from('1') }] },
      both(
        inRegions((t) => t.writeUInt32LE(2 * MIB, 72)),
        inMetadata((m) => m.writeUInt32LE(MIB + 1, itemAt(5) + 20)),
      ),
    ],
    ['reserved flags', 'metadata table', base, inMetadata((m) => m.writeUInt32LE(12, itemAt(0) + 24))],
    [
      'an item without a name',
      'metadata table',
      { ...base, items: [{ itemId: '00000000-0000-0000-0000-000000000000', bytes: Buffer.from('1') }] },
      nothing,
    ],
    [
      'an unknown item that is required',
      'unknown required item',
      { ...base, items: [{ itemId: NEW_GUID, bytes: Buffer.from('1'), isRequired: true }] },
      nothing,
    ],
    ['an unfinished file', 'incomplete file', { ...base, items: [INCOMPLETE] }, nothing],

    ['an unknown kind of locator', 'unreadable', child, inMetadata((m) => m.fill(7, LOCATOR_AT, LOCATOR_AT + 16))],
    ['a locator text beyond its item', 'unreadable', child, inMetadata((m) => m.writeUInt32LE(5000, LOCATOR_AT + 20))],
    ['a locator in a base', 'parent locator', child, inMetadata((m) => m.writeUInt32LE(0, 65540))],
    [
      'a locator without a linkage',
      'parent locator',
      { ...child, parent: { ...child.parent, pairs: [{ key: 'relative_path', value: '.\\base.vhdx' }] } },
      nothing,
    ],
    [
      'a linkage that is no GUID',
      'parent locator',
      {
        ...child,
        parent: {
          ...child.parent,
          pairs: [
            { key: 'parent_linkage', value: 'base' },
            { key: 'relative_path', value: '.\\base.vhdx' },
          ],
        },
      },
      nothing,
    ],
    [
      'a locator without a path',
      'parent locator',
      { ...child, parent: { ...child.parent, pairs: [{ key: 'parent_linkage', value: `{${base.dataWriteGuid}}` }] } },
      nothing,
    ],
    [
      'a key twice',
      'parent locator',
      { ...child, parent: { ...child.parent, pairs: ['a', 'b'].map((value) => ({ key: 'relative_path', value })) } },
      nothing,
    ],
    ['a NUL in a path', 'parent locator', { ...child, parent: { ...child.parent, fileName: 'base\0.vhdx' } }, nothing],
    [
      'a locator text inside its table',
      'parent locator',
      child,
      inMetadata((m) => m.writeUInt32LE(20, LOCATOR_AT + 20)),
    ],
    [
      'an odd length of a locator text',
      'parent locator',
      child,
      inMetadata((m) => m.writeUInt16LE(27, LOCATOR_AT + 28)),
    ],
  ])('%s', (_, kind, spec, damage) => {
    expect(checkPlainVhdx(damaged(spec, damage)).map((complaint) => complaint.kind)).toContain(kind);
  });
});

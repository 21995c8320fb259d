import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { newDynamicHeader } from './dynamic-header.js';
import { newFooter, type SparseFooter } from './footer.js';
import { metadataExtents, type Structures } from './metadata-extents.js';
import { newLocatorEntry } from './parent-locator.js';

const footer = newFooter({
  type: { diskType: 'differencing', dataOffsetBytes: 512 },
  currentSizeBytes: 4 * MIB,
  uniqueId: '00000000-0000-0000-0000-000000000001',
  timeStampSeconds: 0,
}) as SparseFooter;

const header = newDynamicHeader({
  tableOffsetBytes: 0x2000,
  maxTableEntries: 2,
  blockSizeBytes: 2 * MIB,
  parent: {
    parentUniqueId: '00000000-0000-0000-0000-000000000002',
    parentName: 'p.vhd',
    locatorEntries: [newLocatorEntry('W2ru', new Uint8Array(20), 0x1000)],
  },
});

const structures: Structures = { footer, header, batmap: [], fileSizeBytes: 3 * MIB, endOfDataBytes: 3 * MIB - 512 };

const flawOf = (changes: Partial<Structures>) => {
  const extents = metadataExtents({ ...structures, ...changes });
  return extents.ok ? null : extents.error.flaw;
};

describe('the bytes that no block may touch', () => {
  const batmap = [{ startBytes: 0x2200, endBytes: 0x2400 }];

  it('are footer copy, dynamic header, padded BAT, locators and batmap', () => {
    expect(metadataExtents({ ...structures, batmap })).toEqual({
      ok: true,
      value: [
        { startBytes: 0, endBytes: 512 },
        { startBytes: 512, endBytes: 1536 },
        { startBytes: 0x2000, endBytes: 0x2200 },
        { startBytes: 0x1000, endBytes: 0x1200 },
        ...batmap,
      ],
    });
  });

  it('are without locators in a dynamic disk, which has no parent', () => {
    const extents = metadataExtents({ ...structures, footer: { ...footer, diskType: 'dynamic' } });
    expect(extents.ok && extents.value.length).toBe(3);
  });
});

describe('a BAT is refused', () => {
  it('over the dynamic header, a locator or the batmap', () => {
    expect(flawOf({ header: { ...header, tableOffsetBytes: 1024 } })).toBe('bat-offset');
    expect(flawOf({ header: { ...header, tableOffsetBytes: 0x1000 } })).toBe('bat-offset');
    expect(flawOf({ footer: { ...footer, dataOffsetBytes: 0x2000 } })).toBe('bat-offset');
    expect(flawOf({ batmap: [{ startBytes: 0x2000, endBytes: 0x2200 }] })).toBe('bat-offset');
  });

  it('in the tail footer, as a dynamic header there is', () => {
    expect(flawOf({ header: { ...header, tableOffsetBytes: 3 * MIB - 512 } })).toBe('bat-offset');
    expect(flawOf({ header: { ...header, tableOffsetBytes: 3 * MIB - 1024 } })).toBeNull();
    expect(flawOf({ footer: { ...footer, dataOffsetBytes: 3 * MIB - 1024 } })).toBe('header-corrupt');
  });
});

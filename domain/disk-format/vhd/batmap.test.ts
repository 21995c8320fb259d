import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { batmapExtents, batmapHeader, batmapHeaderOffset, mayHaveBatmap, writerFlaw } from './batmap.js';
import { newDynamicHeader } from './dynamic-header.js';
import { newFooter } from './footer.js';

const footerOf = (creatorApplication: string, creatorVersion: number, diskType: 'dynamic' | 'fixed' = 'dynamic') =>
  newFooter({
    type: diskType === 'fixed' ? { diskType } : { diskType, dataOffsetBytes: 512 },
    currentSizeBytes: 16 * MIB,
    uniqueId: '00000000-0000-0000-0000-000000000001',
    timeStampSeconds: 0,
    creator: { creatorApplication, creatorVersion, creatorHostOs: '\0\0\0\0' },
  });

/** As in `xen-leaf.vhd`. */
const xenHeader = {
  cookie: 'tdbatmap',
  mapOffset: 2560n,
  mapSize: 1,
  version: 0x0001_0002,
  mapChecksum: 0xffff_ffff,
  marker: 0,
  keyHash: new Uint8Array(65),
  reserved: new Uint8Array(418),
};

const extents = (changes: Partial<typeof xenHeader>, fileSizeBytes = 1 * MIB) =>
  batmapExtents(batmapHeader.encode({ ...xenHeader, ...changes }), 2048, fileSizeBytes);

describe('a batmap', () => {
  it('is looked for in XenServer’s sparse disks only', () => {
    expect(mayHaveBatmap(footerOf('tap\0', 0x0001_0003))).toBe(true);
    expect(mayHaveBatmap(footerOf('tap\0', 0x0000_0001))).toBe(false);
    expect(mayHaveBatmap(footerOf('win ', 0x000a_0000))).toBe(false);
    expect(mayHaveBatmap(footerOf('tap\0', 0x0001_0003, 'fixed'))).toBe(false);
  });

  it('has its header directly behind the padded BAT', () => {
    const header = { tableOffsetBytes: 1536, maxTableEntries: 8, blockSizeBytes: 2 * MIB, parent: null };
    expect(batmapHeaderOffset(newDynamicHeader(header))).toBe(2048);
  });

  it('takes the space of its header and its map', () => {
    expect(extents({})).toEqual({
      ok: true,
      value: [
        { startBytes: 2048, endBytes: 2560 },
        { startBytes: 2560, endBytes: 3072 },
      ],
    });
  });

  it('takes no space when its header is not there', () => {
    expect(extents({ cookie: 'xdbatmap' })).toEqual({ ok: true, value: [] });
    expect(batmapExtents(new Uint8Array(100), 2048, 2148)).toEqual({ ok: true, value: [] });
  });

  it('with a key hash refuses the disk as encrypted', () => {
    const encrypted = extents({ keyHash: new Uint8Array(65).fill(1, 64) });
    expect(encrypted.ok ? null : encrypted.error.flaw).toBe('encrypted');
  });

  it('that leaves the file is refused', () => {
    for (const outside of [{ mapOffset: 1n << 60n }, { mapSize: 0xffff_ffff }]) {
      const refused = extents(outside);
      expect(refused.ok ? null : refused.error.flaw).toBe('bat-offset');
    }
    expect(extents({}, 3072).ok).toBe(true);
    expect(extents({}, 3071).ok).toBe(false);
  });
});

describe('a disk of blktap 0.1', () => {
  it('is refused, because its bitmaps count from the other end', () => {
    expect(writerFlaw(footerOf('tap\0', 0x0000_0001))?.flaw).toBe('unsupported-writer');
    expect(writerFlaw(footerOf('tap\0', 0x0001_0001))).toBeNull();
    expect(writerFlaw(footerOf('vpc ', 0x0000_0001))).toBeNull();
  });
});

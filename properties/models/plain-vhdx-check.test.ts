/** Each flaw that the checker of VHDX knows is put into a sound image, and is named. */
import { describe, expect, test } from 'vitest';
import {
  base,
  bitmap,
  both,
  changed,
  child,
  type Damage,
  damaged,
  dirty,
  entry,
  inHeader,
  inLog,
  inRegions,
  MIB,
  NEW_GUID,
  nothing,
  payload,
} from './plain-vhdx-damage.js';
import {
  checkPlainVhdx,
  fatalVhdx,
  guidBytes,
  imageSource,
  plainVhdxImage,
  type PlainVhdxSpec,
  type VhdxComplaint,
} from './plain-vhdx.js';

describe('the checker of VHDX finds', () => {
  test.each<[string, VhdxComplaint['kind'], PlainVhdxSpec, Damage]>([
    ['no signature', 'unreadable', base, changed(0, 8, 'torn', (b) => b.write('vhdxFILE'))],
    [
      'two damaged headers',
      'unreadable',
      base,
      both(
        changed(65536, 16, 'torn', (b) => b.fill(1, 8)),
        changed(131072, 16, 'torn', (b) => b.fill(1, 8)),
      ),
    ],
    [
      'two different headers with one number',
      'unreadable',
      base,
      inHeader((h) => h.writeBigUInt64LE(10n, 8) && h.fill(7, 16, 32)),
    ],
    ['another version', 'unreadable', base, inHeader((h) => h.writeUInt16LE(2, 66))],
    ['a log without a valid entry', 'unreadable', dirty, changed(MIB + 4096, 16, 'torn', (b) => b.fill(1))],
    ['a LogGuid that no entry has', 'unreadable', dirty, inHeader((h) => h.fill(7, 48, 64))],
    ['an empty log that is to be applied', 'unreadable', dirty, inHeader((h) => h.writeUInt32LE(0, 68))],
    ['a log of another version', 'unreadable', dirty, inHeader((h) => h.writeUInt16LE(1, 64))],
    ['a file shorter than it was flushed', 'unreadable', dirty, inLog((e) => e.writeBigUInt64LE(2n ** 40n, 48))],
    ['a dirty log', 'dirty log', dirty, nothing],
    ['a log entry over the headers', 'log target', dirty, inLog((e) => e.writeBigUInt64LE(65536n, 80))],
    ['a log entry over the log', 'log target', dirty, inLog((e) => e.writeBigUInt64LE(BigInt(MIB + 4096), 80))],
    ['a log entry beyond the file', 'log target', dirty, inLog((e) => e.writeBigUInt64LE(2n ** 40n, 80))],
    ['a file length of no whole MiB in the log', 'log target', dirty, inLog((e) => e.writeBigUInt64LE(5000n, 48))],
    ['a log off a MiB border', 'log misplaced', base, inHeader((h) => h.writeBigUInt64LE(BigInt(MIB + 4096), 72))],
    ['a log in the first MiB', 'log misplaced', base, inHeader((h) => h.writeBigUInt64LE(0n, 72))],
    ['a log beyond the file', 'log misplaced', base, inHeader((h) => h.writeBigUInt64LE(BigInt(2 ** 20 * MIB), 72))],
    ['a log over the metadata', 'overlap', base, inHeader((h) => h.writeBigUInt64LE(BigInt(2 * MIB), 72))],
    ['a torn header', 'header damaged', base, changed(65536, 4096, 'torn', (h) => h.writeUInt8(1, 4000))],
    [
      'another identity in the older header',
      'headers disagree',
      base,
      changed(65536, 4096, 'seal', (h) => h.fill(7, 32, 48)),
    ],
    [
      'another LogGuid in the older header',
      'headers disagree',
      base,
      changed(65536, 4096, 'seal', (h) => h.fill(7, 48, 64)),
    ],
    ['no identity', 'no identity', base, inHeader((h) => h.fill(0, 32, 48))],

    [
      'two damaged region tables',
      'unreadable',
      base,
      both(
        changed(196608, 64, 'torn', (t) => t.fill(1, 8)),
        changed(262144, 64, 'torn', (t) => t.fill(1, 8)),
      ),
    ],
    ['no BAT region', 'unreadable', base, inRegions((t) => t.fill(7, 16, 32))],
    [
      'a BAT region that is too short',
      'unreadable',
      { ...base, sizeBytes: 64 * 1024 ** 4, blockSizeBytes: MIB, payload: new Map() },
      inRegions((t) => t.writeUInt32LE(512 * MIB, 40)),
    ],
    [
      'a torn region table',
      'region table damaged',
      base,
      changed(196608, 65536, 'torn', (t) => t.writeUInt8(1, 60000)),
    ],
    [
      'an old region table',
      'region tables differ',
      base,
      changed(262144, 65536, 'seal', (t) => t.writeUInt32LE(2 * MIB, 40)),
    ],
    [
      'a region off a MiB border',
      'region misplaced',
      base,
      inRegions((t) => t.writeBigUInt64LE(BigInt(3 * MIB + 4096), 32)),
    ],
    [
      'a region of no length',
      'region misplaced',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1 }] },
      inRegions((t) => t.writeUInt32LE(0, 104)),
    ],
    [
      'a region beyond the file',
      'region misplaced',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1 }] },
      inRegions((t) => t.writeBigUInt64LE(2n ** 40n, 96)),
    ],
    [
      'a region in the first MiB',
      'region misplaced',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1 }] },
      inRegions((t) => t.writeBigUInt64LE(0n, 96)),
    ],
    [
      'two regions of one name',
      'region misplaced',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1 }] },
      inRegions((t) => t.copy(t, 80, 16, 32)),
    ],
    [
      'two regions in one place',
      'overlap',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1 }] },
      inRegions((t) => t.writeBigUInt64LE(BigInt(3 * MIB), 96)),
    ],
    [
      'an unknown region that is required',
      'unknown required region',
      { ...base, regions: [{ guid: NEW_GUID, lengthMib: 1, required: true }] },
      nothing,
    ],
  ])('%s', (_, kind, spec, damage) => {
    expect(checkPlainVhdx(damaged(spec, damage)).map((complaint) => complaint.kind)).toContain(kind);
  });

  test('a file of no whole MiB, which is no harm', () => {
    const found = checkPlainVhdx(damaged(base, nothing, plainVhdxImage(base).sizeBytes + 512));
    expect(found).toMatchObject([{ kind: 'file size' }]);
    expect(found.filter(fatalVhdx)).toEqual([]);
  });

  test('a file cut off: what lies in it is beyond its end', () => {
    const { sizeBytes } = plainVhdxImage(base);
    const cut = { ...base, payload: new Map([...base.payload, [17, { state: 6 } as const]]) };
    const source = damaged(cut, nothing, sizeBytes - MIB);
    expect(checkPlainVhdx(source).map(({ kind }) => kind)).toEqual(['entry out of range']);
    expect(checkPlainVhdx({ ...source, sizeBytes: 100 })).toMatchObject([{ kind: 'unreadable' }]);
  });

  test('nothing in a sound image', () => {
    const { log: _, ...clean } = dirty;
    const old: PlainVhdxSpec = { ...base, log: { state: 'clean', logGuid: NEW_GUID, holds: [] } };
    for (const spec of [base, child, clean, old, { ...base, type: 'fixed', payload: new Map() } as const])
      expect(checkPlainVhdx(damaged(spec, nothing))).toEqual([]);
    for (const dialect of ['openvmm', 'disk2vhd'] as const)
      expect(checkPlainVhdx(damaged({ ...base, dialect }, nothing))).toEqual([]);
    expect(checkPlainVhdx(damaged({ ...base, dialect: 'qemu' }, nothing)).filter(fatalVhdx)).toEqual([]);
    expect(checkPlainVhdx(damaged({ ...base, logMib: 0 }, nothing))).toEqual([]);
  });

  test('by its kind whether a reader can live with it', () => {
    const kindsOf = (spec: PlainVhdxSpec, damage: Damage): boolean =>
      checkPlainVhdx(damaged(spec, damage)).some(fatalVhdx);
    expect(kindsOf(dirty, nothing)).toBe(false);
    expect(
      kindsOf(
        base,
        changed(65536, 4096, 'torn', (h) => h.writeUInt8(1, 4000)),
      ),
    ).toBe(false);
    expect(kindsOf(base, entry(5, 4n))).toBe(true);
    expect(
      kindsOf(
        base,
        payload(5, 6, ({ payloadAt }) => payloadAt.get(0) ?? 0),
      ),
    ).toBe(true);
    expect(kindsOf(child, bitmap(1, 0n))).toBe(true);
  });

  test('that the GUIDs of a header are where the damage above has put them', () => {
    const header = imageSource('', plainVhdxImage(base)).read(131072, 4096);
    expect(header.subarray(32, 48)).toEqual(guidBytes(base.dataWriteGuid));
  });
});

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { at, guid, guidBytes, type Struct, struct, utf16be } from '#domain/disk-format/layout';
import { BatCheck } from '#domain/disk-format/vhd/bat-check';
import { batmapHeader } from '#domain/disk-format/vhd/batmap';
import { decodeEntries, encodeEntries, UNUSED_ENTRY } from '#domain/disk-format/vhd/block-allocation-table';
import {
  decodeDynamicHeader,
  dynamicHeaderLayout,
  type DynamicHeader,
  encodeDynamicHeader,
} from '#domain/disk-format/vhd/dynamic-header';
import { decodeFooter, encodeFooter, type Footer, footerLayout, MAX_DISK_BYTES } from '#domain/disk-format/vhd/footer';
import * as locators from '#domain/disk-format/vhd/parent-locator';
import { isSet, setBits, setRuns } from '#domain/disk-format/vhd/sector-bitmap';
import { parentCandidates, relativeStoredPath } from '#domain/chain/parent-candidates';

const RUNS = { numRuns: 1000 };

/** Bytes from a seed, 0 for all zeros: drawn one by one, a thousand structures would take most of the run. */
const noise = (length: number, seed: number): Uint8Array => {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
};
const raw = (length: number) => fc.integer().map((seed) => noise(length, seed));
const upTo = (max: number) => fc.nat({ max });
const u32 = upTo(0xffff_ffff);
const sectorBytes = (max: number) => fc.integer({ min: 1, max }).map((sectors) => sectors * 512);
const uuids = raw(16).map((bytes) => guidBytes.read(new DataView(bytes.buffer), 0));
const characters = (length: number) => raw(length).map((bytes) => String.fromCharCode(...bytes));

const footers = (): fc.Arbitrary<Footer> =>
  fc
    .record({
      features: u32,
      fileFormatVersion: upTo(0xffff).map((minor) => 0x10000 + minor),
      timeStampSeconds: u32,
      creatorApplication: characters(4),
      creatorVersion: u32,
      creatorHostOs: characters(4),
      originalSizeBytes: fc.maxSafeNat(),
      currentSizeBytes: sectorBytes(MAX_DISK_BYTES / 512),
      geometry: fc.record({ cylinders: upTo(0xffff), heads: upTo(0xff), sectorsPerTrack: upTo(0xff) }),
      uniqueId: uuids,
      savedState: upTo(0xff),
      reserved: raw(427),
      type: fc.oneof(
        fc.record({ diskType: fc.constant('fixed' as const), dataOffsetBytes: fc.constantFrom(null, 0xffff_ffff) }),
        fc.record({
          diskType: fc.constantFrom('dynamic' as const, 'differencing' as const),
          dataOffsetBytes: sectorBytes(2 ** 40),
        }),
      ),
    })
    .map(({ type, ...fields }) => ({ ...fields, ...type }));

const locatorEntries = raw(locators.parentLocatorEntry.sizeBytes).map(locators.parentLocatorEntry.decode);

const headers = (): fc.Arbitrary<DynamicHeader> =>
  fc.record({
    unusedDataOffset: raw(8),
    tableOffsetBytes: sectorBytes(2 ** 40),
    headerVersion: upTo(0xffff).map((minor) => 0x10000 + minor),
    maxTableEntries: fc.integer({ min: 1, max: 4097 }),
    blockSizeBytes: fc.integer({ min: 12, max: 28 }).map((power) => 2 ** power),
    parentUniqueId: uuids,
    parentTimeStampSeconds: u32,
    reserved: raw(4),
    parentUnicodeName: raw(512).map((bytes) => utf16be(512).read(new DataView(bytes.buffer), 0)),
    parentLocatorEntries: fc.array(locatorEntries, { minLength: 8, maxLength: 8 }),
    reserved2: raw(256),
  });

const someDisk = { currentSizeBytes: 512, fileSizeBytes: Number.MAX_SAFE_INTEGER };

const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.with(bit >>> 3, bytes[bit >>> 3]! ^ (0x80 >>> (bit & 7)));

describe('decode after encode, and encode after decode, change nothing', () => {
  test.prop({ footer: footers() }, RUNS)('in a footer', ({ footer }) => {
    expect(decodeFooter(encodeFooter(footer))).toEqual({ ok: true, value: footer });
  });

  test.prop({ header: headers() }, RUNS)('in a dynamic header', ({ header }) => {
    expect(decodeDynamicHeader(encodeDynamicHeader(header), someDisk)).toEqual({ ok: true, value: header });
  });

  const keepsAnyBytes = <T>(name: string, layout: Struct<T>): void => {
    test.prop({ bytes: raw(layout.sizeBytes) }, RUNS)(`in the bytes of any ${name}, valid or not`, ({ bytes }) => {
      expect(Buffer.compare(layout.encode(layout.decode(bytes)), bytes)).toBe(0);
    });
  };
  keepsAnyBytes('footer', footerLayout);
  keepsAnyBytes('dynamic header', dynamicHeaderLayout);
  keepsAnyBytes('parent locator entry', locators.parentLocatorEntry);
  keepsAnyBytes('batmap header', batmapHeader);
  keepsAnyBytes('GUID', struct('GUID', 16, { guid: at(0, guid) }));

  test.prop({ entries: fc.array(u32) }, RUNS)('in a part of a BAT', ({ entries }) => {
    expect([...decodeEntries(encodeEntries(Uint32Array.from(entries)))]).toEqual(entries);
  });
});

describe('one wrong bit is noticed', () => {
  test.prop({ footer: footers(), bit: upTo(512 * 8 - 1) }, RUNS)('anywhere in a footer', ({ footer, bit }) => {
    expect(decodeFooter(flipped(encodeFooter(footer), bit)).ok).toBe(false);
  });

  test.prop({ header: headers(), bit: upTo(1024 * 8 - 1) }, RUNS)('anywhere in a dynamic header', ({ header, bit }) => {
    expect(decodeDynamicHeader(flipped(encodeDynamicHeader(header), bit), someDisk).ok).toBe(false);
  });
});

describe('the BAT check', () => {
  /** Blocks of 4 KiB take 9 sectors: a bitmap of 1 and data of 8. */
  const L = 9;
  const END = 300;
  /** Mostly side by side, as in real files, and now and then a sector or more off. */
  const starts = fc
    .tuple(upTo(33), fc.oneof({ weight: 7, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: upTo(L) }))
    .map(([place, off]) => 4 + place * L + off);
  const entries = fc.oneof({ weight: 1, arbitrary: fc.constant(UNUSED_ENTRY) }, { weight: 2, arbitrary: starts });
  const tables = fc.oneof(
    fc.array(entries, { maxLength: 12 }),
    fc.shuffledSubarray(Array.from({ length: 32 }, (_, n) => 4 + n * L)).map((all) => [...all, UNUSED_ENTRY]),
  );

  const naive = (table: readonly number[], metadata: readonly (readonly [number, number])[], blockCount: number) => {
    const used = table.map((start, index) => ({ start, index })).filter(({ start }) => start !== UNUSED_ENTRY);
    return {
      misplaced: used.some(
        ({ start, index }) =>
          index >= blockCount ||
          start + L > END ||
          metadata.some(([from, to]) => Math.max(from, start) < Math.min(to, start + L)),
      ),
      overlapping: used.some((one, n) => used.slice(n + 1).some((other) => Math.abs(one.start - other.start) < L)),
      blocks: used.length,
      end: Math.max(0, ...used.map(({ start }) => start + L)) * 512,
    };
  };

  test.prop(
    {
      table: tables,
      extra: fc.option(fc.tuple(upTo(END), fc.integer({ min: 1, max: 3 })), { freq: 3, nil: null }),
      missing: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
      maxBuckets: fc.constantFrom(1, 2, 3, 5, 40),
      slice: fc.integer({ min: 1, max: 40 }),
    },
    { numRuns: 5000 },
  )('finds a flaw, of the right kind, exactly when comparing every block with every other does', (given) => {
    const { table, extra, missing, maxBuckets, slice } = given;
    const metadata = [[0, 4] as const, ...(extra === null ? [] : [[extra[0], extra[0] + extra[1]] as const])];
    const blockCount = table.length - missing;
    const check = new BatCheck({
      blockSizeBytes: 4096,
      blockCount,
      occupied: metadata.map(([from, to]) => ({ startBytes: from * 512, endBytes: to * 512 })),
      endOfDataBytes: END * 512,
      maxBuckets,
    });
    for (let pass = 0; pass < check.passes; pass += 1) {
      for (let n = 0; n < table.length; n += slice) check.take(pass, n, Uint32Array.from(table.slice(n, n + slice)));
    }
    const summary = check.summary();
    const model = naive(table, metadata, blockCount);
    expect(summary.ok).toBe(!model.misplaced && !model.overlapping);
    if (summary.ok) expect(summary.value).toEqual({ allocatedBlocks: model.blocks, endOfBlocksBytes: model.end });
    else if (summary.error.flaw === 'bat-overlap') expect(model.overlapping).toBe(true);
    else expect(model.misplaced).toBe(true);
  });
});

describe('a sector bitmap', () => {
  const bytes = fc.array(fc.oneof(fc.constantFrom(0x00, 0xff), upTo(0xff)), { minLength: 1, maxLength: 24 });

  test.prop({ bytes, ends: fc.tuple(upTo(192), upTo(192)) }, RUNS)(
    'gives the runs that reading bit by bit gives',
    ({ bytes, ends }) => {
      const [from, to] = ends.map((end) => Math.min(end, bytes.length * 8)).toSorted((a, b) => a - b) as [
        number,
        number,
      ];
      const bits = bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
      const expected = [...bits.slice(from, to).matchAll(/1+/g)].map((run) => ({
        start: from + run.index,
        count: run[0].length,
      }));
      expect(setRuns(Uint8Array.from(bytes), from, to)).toEqual(expected);
    },
  );

  test.prop({ bytes, start: upTo(191), count: upTo(192) }, RUNS)(
    'has after setBits the bits it had and those that were set',
    ({ bytes, start, count }) => {
      const before = Uint8Array.from(bytes);
      const after = before.slice();
      const end = Math.min(start + count, bytes.length * 8);
      setBits(after, start, Math.max(0, end - start));
      for (let sector = 0; sector < bytes.length * 8; sector += 1) {
        expect(isSet(after, sector)).toBe(isSet(before, sector) || (sector >= start && sector < end));
      }
    },
  );
});

describe('a path to the parent', () => {
  const units = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 1 });
  const readBack = (code: 'W2ru' | 'W2ku' | 'MacX', path: string) => {
    const payload = locators.encodePayload(code, path);
    return locators.decodeLocator(locators.newLocatorEntry(code, payload, 4096), payload);
  };

  test.prop({ path: units.map((codes) => String.fromCharCode(...codes)), code: fc.constantFrom('W2ru', 'W2ku') }, RUNS)(
    'comes back from a Windows locator, whatever its code units',
    ({ path, code }) => {
      expect(readBack(code, path)).toEqual({ ok: true, value: { code, path } });
    },
  );

  test.prop({ name: fc.string({ unit: 'grapheme', minLength: 1 }), root: fc.constantFrom('./', '/') }, RUNS)(
    'comes back from a MacX locator',
    ({ name, root }) => {
      fc.pre(!name.includes('\0'));
      expect(readBack('MacX', root + name)).toEqual({ ok: true, value: { code: 'MacX', path: root + name } });
    },
  );

  const folders = fc.array(fc.constantFrom('a', 'b', 'c d', 'é'), { maxLength: 4 });

  test.prop({ child: folders, parent: folders, hostStyle: fc.constantFrom('posix', 'windows') }, RUNS)(
    'stored relative to the child leads from the child to the parent',
    ({ child, parent, hostStyle }) => {
      const host = (folder: readonly string[], name: string) =>
        hostStyle === 'posix' ? ['', ...folder, name].join('/') : ['C:', ...folder, name].join('\\');
      const [childPath, parentPath] = [host(child, 'leaf.vhd'), host(parent, 'base.vhd')];
      const path = relativeStoredPath(childPath, parentPath, hostStyle) ?? 'none';
      const stored = { childPath, hostStyle, locators: [{ code: 'W2ru', path } as const], unicodeName: '' };
      expect(parentCandidates(stored)[0]?.path).toBe(parentPath);
    },
  );
});

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { overlap } from '#domain/disk-format/extent';
import { guidBytes } from '#domain/disk-format/layout';
import { crc32c } from '#domain/disk-format/vhdx/crc32c';
import {
  decodeDiskParameters,
  encodeFileParameters,
  encodeGuid,
  encodeU32,
  encodeU64,
} from '#domain/disk-format/vhdx/disk-parameters';
import { decodeCreator, encodeFileIdentifier, hasVhdxSignature } from '#domain/disk-format/vhdx/file-identifier';
import {
  chooseHeader,
  decodeHeader,
  encodeHeader,
  FIRST_MIB,
  HEADER_BYTES,
  NIL_GUID,
  successor,
  type VhdxHeader,
} from '#domain/disk-format/vhdx/header';
import {
  decodeMetadataTable,
  encodeMetadataTable,
  ITEM,
  METADATA_TABLE_BYTES,
  type MetadataEntry,
} from '#domain/disk-format/vhdx/metadata-table';
import {
  BAT_REGION,
  chooseRegionTable,
  encodeRegionTable,
  METADATA_REGION,
  REGION_TABLE_BYTES,
  type RegionEntry,
  regionExtent,
} from '#domain/disk-format/vhdx/region-table';
import { GIB, KIB, MIB, TIB } from '#domain/quantities';

const RUNS = { numRuns: 500 };
/** For tables of 64 KiB: each run takes a checksum of them or two. */
const FEWER = { numRuns: 200 };

const upTo = (max: number) => fc.nat({ max });
const mib = (most: number) => fc.integer({ min: 1, max: most }).map((count) => count * MIB);
const guids = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => guidBytes.read(new DataView(bytes.buffer, bytes.byteOffset), 0))
  .filter((text) => text !== NIL_GUID);

const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.with(bit >>> 3, bytes[bit >>> 3]! ^ (1 << (bit & 7)));

/** The polynomial division itself, one bit after the other. */
const crcBitByBit = (bytes: Uint8Array): number => {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f6_3b78);
  }
  return ~crc >>> 0;
};

describe('CRC-32C', () => {
  test.prop({ bytes: fc.uint8Array({ maxLength: 100 }) }, RUNS)('is what its definition gives', ({ bytes }) => {
    expect(crc32c(bytes)).toBe(crcBitByBit(bytes));
  });

  test.prop({ bytes: fc.uint8Array({ minLength: 4, maxLength: 100 }), seed: fc.nat() }, RUNS)(
    'takes the field that is its own as zeros, wherever it lies',
    ({ bytes, seed }) => {
      const at = seed % (bytes.length - 3);
      expect(crc32c(bytes, at)).toBe(crcBitByBit(bytes.slice().fill(0, at, at + 4)));
    },
  );
});

const FILE_BYTES = 64 * GIB;
const headers: fc.Arbitrary<VhdxHeader> = fc.record({
  sequenceNumber: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fileWriteGuid: guids,
  dataWriteGuid: guids,
  logGuid: fc.oneof(guids, fc.constant(NIL_GUID)),
  logVersion: fc.constant(0),
  version: fc.constant(1),
  logLengthBytes: mib(1024),
  logOffsetBytes: mib(1024),
});

describe('a VHDX header', () => {
  test.prop({ header: headers }, RUNS)('decodes to what was encoded', ({ header }) => {
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });

  test.prop({ header: headers, bit: upTo(HEADER_BYTES * 8 - 1) }, RUNS)(
    'with one wrong bit is none',
    ({ header, bit }) => {
      expect(decodeHeader(flipped(encodeHeader(header), bit))).toBeNull();
    },
  );

  test.prop({ one: headers, other: headers, torn: fc.constantFrom(null, 0, 1) }, RUNS)(
    'is current when it has the greater number, or alone is whole',
    ({ one, other, torn }) => {
      fc.pre(one.sequenceNumber !== other.sequenceNumber);
      const copies = [one, other].map((header, slot) => (slot === torn ? null : header));
      const [first, second] = copies.map((header) =>
        header === null ? new Uint8Array(HEADER_BYTES) : encodeHeader(header),
      );
      const numbers = copies.map((header) => header?.sequenceNumber ?? -1n);
      const slot = numbers[0]! > numbers[1]! ? 0 : 1;
      expect(chooseHeader(first!, second!, FILE_BYTES)).toMatchObject({
        ok: true,
        value: { header: copies[slot], slot, otherIsValid: torn === null },
      });
    },
  );

  test.prop({ header: headers, fileWriteGuid: guids }, RUNS)(
    'is replaced by its successor, and the two are never ambiguous',
    ({ header, fileWriteGuid }) => {
      fc.pre(header.sequenceNumber < 2n ** 64n - 1n);
      const next = successor(header, { fileWriteGuid });
      const choice = chooseHeader(encodeHeader(header), encodeHeader(next), FILE_BYTES);
      expect(choice).toMatchObject({ ok: true, value: { slot: 1, header: { ...header, ...next } } });
    },
  );
});

/** Regions one after the other with gaps between, in any order in the table; the log is in front of them. */
const regionLists: fc.Arbitrary<readonly RegionEntry[]> = fc
  .record({
    unknown: fc.uniqueArray(guids, { maxLength: 6 }),
    sizes: fc.array(fc.record({ gap: upTo(3), length: fc.integer({ min: 1, max: 513 }), required: fc.boolean() }), {
      minLength: 8,
      maxLength: 8,
    }),
    seed: fc.nat(),
  })
  .map(({ unknown, sizes, seed }) => {
    let next = 2;
    const entries = [BAT_REGION, METADATA_REGION, ...unknown].map((guid, n) => {
      const { gap, length, required } = sizes[n]!;
      const start = next + gap;
      next = start + length;
      return { guid, fileOffsetBytes: start * MIB, lengthBytes: length * MIB, required: required && n < 2 };
    });
    const turn = seed % entries.length;
    return [...entries.slice(turn), ...entries.slice(0, turn)];
  });
const around = { fileSizeBytes: FILE_BYTES, log: { startBytes: MIB, endBytes: 2 * MIB } };

/** A table whose checksum is right, with these bytes as its entries. */
const tableOf = (entryCount: number, entries: Uint8Array): Uint8Array => {
  const table = encodeRegionTable([]);
  table.set(entries, 16);
  const view = new DataView(table.buffer);
  view.setUint32(8, entryCount, true);
  view.setUint32(4, crc32c(table, 4), true);
  return table;
};

describe('a region table', () => {
  test.prop({ entries: regionLists }, FEWER)('decodes to what was encoded, unknown regions included', ({ entries }) => {
    const table = encodeRegionTable(entries);
    expect(chooseRegionTable(table, table, around)).toMatchObject({ ok: true, value: { entries, damagedCopies: [] } });
  });

  test.prop({ entries: regionLists, bit: upTo(REGION_TABLE_BYTES * 8 - 1), copy: fc.constantFrom(0, 1) }, FEWER)(
    'is read from the other copy when one bit of it is wrong',
    ({ entries, bit, copy }) => {
      const whole = encodeRegionTable(entries);
      const torn = flipped(whole, bit);
      const [first, second] = copy === 0 ? [torn, whole] : [whole, torn];
      expect(chooseRegionTable(first, second, around)).toMatchObject({
        ok: true,
        value: { entries, damagedCopies: [copy] },
      });
    },
  );

  const MANY = 40;
  /** Good entries, with a few of their bytes overwritten. */
  const spoiled = fc
    .record({
      entries: regionLists,
      spots: fc.array(fc.record({ at: upTo(8 * 32 - 1), byte: upTo(255) }), { maxLength: 4 }),
    })
    .map(({ entries, spots }) => {
      const bytes = encodeRegionTable(entries).slice(16, 16 + 8 * 32);
      for (const { at, byte } of spots) bytes[at] = byte;
      return { bytes, entryCount: entries.length, endBytes: Math.max(...entries.map((e) => regionExtent(e).endBytes)) };
    });
  const noise = fc.record({
    bytes: fc.uint8Array({ minLength: MANY * 32, maxLength: MANY * 32 }),
    entryCount: fc.oneof(upTo(MANY), fc.nat({ max: 0xffff_ffff })),
    endBytes: fc.constant(FILE_BYTES),
  });

  test.prop({ written: fc.oneof(spoiled, noise), more: fc.integer({ min: -2, max: 2 }) }, FEWER)(
    'of hostile entries is refused, or all regions lie inside the file and off everything else',
    ({ written, more }) => {
      const table = tableOf(written.entryCount, written.bytes);
      const surroundings = { fileSizeBytes: written.endBytes + more * MIB, log: around.log };
      const tables = chooseRegionTable(table, table, surroundings);
      if (!tables.ok) return;
      const extents = [FIRST_MIB, surroundings.log, ...tables.value.entries.map(regionExtent)];
      for (const [n, extent] of extents.entries()) {
        expect(extents.slice(n + 1).some((other) => overlap(extent, other))).toBe(false);
        expect(n < 2 || extent.endBytes <= surroundings.fileSizeBytes).toBe(true);
      }
      expect(tables.value.entries).toContainEqual(tables.value.bat);
      expect(tables.value.entries).toContainEqual(tables.value.metadata);
    },
  );
});

const REGION_BYTES = 4 * MIB;
const KNOWN_ITEMS = [
  { itemId: ITEM.fileParameters, length: 8, isVirtualDisk: false },
  { itemId: ITEM.virtualDiskSize, length: 8, isVirtualDisk: true },
  { itemId: ITEM.virtualDiskId, length: 16, isVirtualDisk: true },
  { itemId: ITEM.logicalSectorSize, length: 4, isVirtualDisk: true },
  { itemId: ITEM.physicalSectorSize, length: 4, isVirtualDisk: true },
];

/** The required items and any others, at any places with any gaps between, in any order in the table. */
const itemLists: fc.Arbitrary<readonly MetadataEntry[]> = fc
  .record({
    others: fc.uniqueArray(
      fc.record({
        itemId: guids,
        length: fc.oneof(fc.constant(0), upTo(40 * KIB)),
        isUser: fc.boolean(),
        isVirtualDisk: fc.boolean(),
      }),
      { maxLength: 30, selector: ({ itemId }) => itemId },
    ),
    gaps: fc.array(upTo(1000), { minLength: 35, maxLength: 35 }),
    isRequired: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ others, gaps, isRequired, seed }) => {
    let next = 64 * KIB;
    const known = KNOWN_ITEMS.map((item) => ({ ...item, isUser: false, isRequired }));
    const entries = [...known, ...others.map((item) => ({ ...item, isRequired: false }))].map(
      ({ length, ...item }, n) => {
        if (length === 0) return { ...item, offsetBytes: 0, lengthBytes: 0 };
        const start = next + gaps[n]!;
        next = start + length;
        return { ...item, offsetBytes: start, lengthBytes: length };
      },
    );
    const turn = seed % entries.length;
    return [...entries.slice(turn), ...entries.slice(0, turn)];
  });

describe('a metadata table', () => {
  test.prop({ entries: itemLists }, FEWER)('decodes to what was encoded, unknown items included', ({ entries }) => {
    expect(decodeMetadataTable(encodeMetadataTable(entries), REGION_BYTES)).toEqual({ ok: true, value: entries });
  });

  /** An item that goes where another one is, or just beside it. */
  const moves = fc.record({ item: fc.nat(), onto: fc.nat(), by: fc.integer({ min: -20, max: 20 }) });
  const moved = (entries: readonly MetadataEntry[], { item, onto, by }: { item: number; onto: number; by: number }) => {
    const offsetBytes = Math.max(0, entries[onto % entries.length]!.offsetBytes + by);
    return entries.with(item % entries.length, { ...entries[item % entries.length]!, offsetBytes });
  };

  test.prop(
    {
      items: itemLists,
      move: fc.option(moves),
      spots: fc.array(fc.record({ at: upTo(35 * 32), byte: upTo(255) }), { maxLength: 2 }),
      more: fc.integer({ min: -2, max: 50 }),
    },
    RUNS,
  )(
    'of hostile entries is refused, or all items lie inside the region and off one another',
    ({ items, move, spots, more }) => {
      const entries = move === null ? items : moved(items, move);
      const table = encodeMetadataTable(entries);
      for (const { at, byte } of spots) table[at] = byte;
      const regionBytes = Math.max(...items.map((entry) => entry.offsetBytes + entry.lengthBytes)) + more;
      const decoded = decodeMetadataTable(table, regionBytes);
      if (!decoded.ok) return;
      const extents = decoded.value
        .filter(({ lengthBytes }) => lengthBytes > 0)
        .map(({ offsetBytes, lengthBytes }) => ({ startBytes: offsetBytes, endBytes: offsetBytes + lengthBytes }));
      for (const [n, extent] of extents.entries()) {
        expect(extents.slice(n + 1).some((other) => overlap(extent, other))).toBe(false);
        expect(extent.startBytes >= METADATA_TABLE_BYTES && extent.endBytes <= regionBytes).toBe(true);
      }
      const read = 32 + decoded.value.length * 32;
      expect(Buffer.compare(encodeMetadataTable(decoded.value).subarray(0, read), table.subarray(0, read))).toBe(0);
    },
  );
});

describe('the parameters of a disk', () => {
  const parameters = fc
    .record({
      blockSizeBytes: fc.integer({ min: 20, max: 28 }).map((power) => 2 ** power),
      leaveBlockAllocated: fc.boolean(),
      hasParent: fc.boolean(),
      pages: fc.integer({ min: 1, max: (64 * TIB) / 4096 }),
      virtualDiskId: guids,
      logicalSectorSize: fc.constantFrom(512, 4096),
      physicalSectorSize: fc.constantFrom(512, 4096),
    })
    .map(({ pages, ...rest }) => ({ ...rest, virtualSizeBytes: pages * rest.logicalSectorSize }));

  test.prop({ disk: parameters }, RUNS)('decode to what was encoded', ({ disk }) => {
    const items: Readonly<Record<string, Uint8Array>> = {
      [ITEM.fileParameters]: encodeFileParameters(disk),
      [ITEM.virtualDiskSize]: encodeU64(disk.virtualSizeBytes),
      [ITEM.virtualDiskId]: encodeGuid(disk.virtualDiskId),
      [ITEM.logicalSectorSize]: encodeU32(disk.logicalSectorSize),
      [ITEM.physicalSectorSize]: encodeU32(disk.physicalSectorSize),
    };
    expect(decodeDiskParameters((itemId) => items[itemId]!)).toEqual({ ok: true, value: disk });
  });
});

describe('the creator', () => {
  test.prop({ units: fc.array(fc.integer({ min: 1, max: 0xffff }), { maxLength: 256 }) }, FEWER)(
    'decodes to what was encoded, lone surrogates included',
    ({ units }) => {
      const creator = String.fromCharCode(...units);
      const encoded = encodeFileIdentifier(creator);
      expect(decodeCreator(encoded)).toBe(creator);
      expect(hasVhdxSignature(encoded)).toBe(true);
    },
  );
});

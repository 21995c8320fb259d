/** Each flaw that the checker knows is put into a sound image, and is named. */
import { describe, expect, test } from 'vitest';
import { sectorContent } from './sector-content.js';
import { bytesSource } from './byte-source.js';
import { FOOTER_CHECKSUM_AT, HEADER_CHECKSUM_AT, vhdChecksum } from './plain-vhd-layout.js';
import {
  checkPlainVhd,
  guestRange,
  imageBytes,
  openChain,
  openPlainVhd,
  type PlainVhdSpec,
  plainVhdImage,
} from './plain-vhd.js';

const BAT_AT = 1536;
const bits = [true, ...Array.from({ length: 7 }, () => false)];
const data = new Uint8Array(4096);
data.set(sectorContent(1, 0));

const base: PlainVhdSpec = {
  type: 'dynamic',
  dialect: 'bare',
  sizeBytes: 5 * 4096,
  blockSizeBytes: 4096,
  blocks: new Map([
    [0, { bits, data }],
    [2, { bits, data }],
  ]),
  uniqueId: '5fa21a55-f394-aa4d-9958-1951a67d5540',
  timeStamp: 7,
};
const child: PlainVhdSpec = {
  ...base,
  type: 'differencing',
  dialect: 'xen',
  uniqueId: 'f84f1636-cd9e-9041-a69e-dcc2380e416a',
  parent: { uniqueId: base.uniqueId, fileName: 'base.vhd', timeStamp: 7 },
};

type Damage = (file: Buffer) => Buffer;
const damaged = (spec: PlainVhdSpec, damage: Damage): ReturnType<typeof bytesSource> =>
  bytesSource('damaged.vhd', damage(Buffer.from(imageBytes(plainVhdImage(spec)))));

const changed =
  (change: (file: Buffer) => void): Damage =>
  (file) => {
    change(file);
    return file;
  };
/** Changes the dynamic header and makes its checksum right again. */
const inHeader = (change: (header: Buffer) => void): Damage =>
  changed((file) => {
    const header = file.subarray(512, 1536);
    change(header);
    header.writeUInt32BE(vhdChecksum(header, HEADER_CHECKSUM_AT), HEADER_CHECKSUM_AT);
  });
/** Changes both footers and makes their checksums right again. */
const inFooters = (change: (footer: Buffer) => void): Damage =>
  changed((file) => {
    for (const footer of [file.subarray(0, 512), file.subarray(-512)]) {
      change(footer);
      footer.writeUInt32BE(vhdChecksum(footer, FOOTER_CHECKSUM_AT), FOOTER_CHECKSUM_AT);
    }
  });
const batEntry = (index: number, sector: number): Damage =>
  changed((file) => file.writeUInt32BE(sector, BAT_AT + index * 4));

describe('the checker names', () => {
  test.each<[string, string, PlainVhdSpec, Damage]>([
    ['a cut file', 'unreadable', base, (file) => file.subarray(0, 100)],
    ['both footers lost', 'unreadable', base, changed((file) => file.fill(0, 0, 8).fill(0, file.length - 512))],
    ['a fixed disk without its footer', 'unreadable', { ...base, type: 'fixed' }, (file) => file.subarray(0, -512)],
    [
      'a footer checksum that is off by one, twice',
      'unreadable',
      base,
      changed((file) => {
        for (const at of [67, file.length - 512 + 67]) file.writeUInt8(file.readUInt8(at) ^ 1, at);
      }),
    ],
    ['a dynamic header checksum', 'unreadable', base, changed((file) => file.writeUInt8(1, 512 + 1000))],
    [
      'a dynamic header that is not there',
      'unreadable',
      base,
      inFooters((footer) => footer.writeBigUInt64BE(1024n, 16)),
    ],
    [
      'a dynamic header beyond the file',
      'unreadable',
      base,
      inFooters((footer) => footer.writeBigUInt64BE(2n ** 40n, 16)),
    ],
    ['a disk type', 'unreadable', base, inFooters((footer) => footer.writeUInt32BE(5, 60))],
    ['a BAT that ends beyond the file', 'unreadable', base, inHeader((header) => header.writeUInt32BE(0xffffffff, 28))],
    ['a block size that is no power of two', 'unreadable', base, inHeader((header) => header.writeUInt32BE(4608, 32))],
    ['a lost tail', 'tail footer damaged', base, (file) => file.subarray(0, -512)],
    ['a torn tail', 'tail footer damaged', base, changed((file) => file.writeUInt8(9, file.length - 1))],
    ['a torn head', 'head footer damaged', base, changed((file) => file.writeUInt8(9, 500))],
    [
      'an old head',
      'footer copies differ',
      base,
      changed((file) => {
        const head = file.subarray(0, 512);
        head.writeUInt32BE(1, 24);
        head.writeUInt32BE(vhdChecksum(head, FOOTER_CHECKSUM_AT), FOOTER_CHECKSUM_AT);
      }),
    ],
    ['a footer version', 'footer version', base, inFooters((footer) => footer.writeUInt32BE(0x00020000, 12))],
    ['a saved state', 'saved state', base, inFooters((footer) => footer.writeUInt8(1, 84))],
    ['a size of no whole sectors', 'current size', base, inFooters((footer) => footer.writeBigUInt64BE(4097n, 48))],
    ['a size of nothing', 'current size', base, inFooters((footer) => footer.writeBigUInt64BE(0n, 48))],
    ['a fixed disk larger than its file', 'current size', { ...base, type: 'fixed' }, (file) => file.subarray(512)],
    ['too few BAT entries', 'BAT too small', base, inHeader((header) => header.writeUInt32BE(4, 28))],
    ['a BAT off a sector border', 'BAT misplaced', base, inHeader((header) => header.writeBigUInt64BE(1537n, 16))],
    ['a BAT over the header', 'overlap', base, inHeader((header) => header.writeBigUInt64BE(1024n, 16))],
    ['a block beyond the file', 'BAT entry out of range', base, batEntry(1, 0x80000000)],
    ['a block over the tail footer', 'BAT entry out of range', base, batEntry(2, 14)],
    ['two blocks in one place', 'overlap', base, batEntry(1, 4)],
    ['two blocks that overlap by a sector', 'overlap', base, batEntry(1, 5)],
    ['a block over the head footer', 'overlap', base, batEntry(1, 0)],
    ['a block over the batmap', 'overlap', child, batEntry(1, 5)],
    ['a block over a locator', 'overlap', child, batEntry(1, 8)],
    [
      'a locator beyond the file',
      'locator outside the file',
      child,
      inHeader((header) => header.writeBigUInt64BE(2n ** 40n, 592)),
    ],
    ['a parent without id', 'no parent id', child, inHeader((header) => header.fill(0, 40, 56))],
    [
      'data under a clear bit of a dynamic disk',
      'clear sector not zero',
      base,
      changed((file) => file.writeUInt8(1, 2048 + 512 + 1024)),
    ],
  ])('%s', (_, kind, spec, damage) => {
    expect(checkPlainVhd(damaged(spec, damage)).map((complaint) => complaint.kind)).toContain(kind);
  });

  test('an overlap with a block that has a shorter part inside it', () => {
    const first = openPlainVhd(damaged(child, (file) => file)).table?.bat[0] ?? 0;
    const locatorInside = inHeader((header) => header.writeBigUInt64BE(BigInt(first * 512 + 512), 592));
    const both = damaged(child, (file) => locatorInside(batEntry(1, first + 5)(file)));
    expect(checkPlainVhd(both).map(({ detail }) => detail)).toContainEqual(
      expect.stringMatching(/^block 1 .* inside block 0$/),
    );
  });

  test('nothing in a sound image', () => {
    for (const spec of [base, child, { ...base, type: 'fixed' } as const])
      expect(checkPlainVhd(damaged(spec, (file) => file))).toEqual([]);
  });
});

describe('the reader', () => {
  test('goes by the tail, and by the head where the tail is lost', () => {
    const oldHead = changed((file) => {
      const head = file.subarray(0, 512);
      head.writeUInt32BE(1, 24);
      head.writeUInt32BE(vhdChecksum(head, FOOTER_CHECKSUM_AT), FOOTER_CHECKSUM_AT);
    });
    expect(openPlainVhd(damaged(base, oldHead))).toMatchObject({ timeStamp: 7, footer: { from: 'tail' } });
    const noTail = damaged(base, (file) => oldHead(file).subarray(0, -512));
    expect(openPlainVhd(noTail)).toMatchObject({ timeStamp: 1, footer: { from: 'head' } });
  });

  test('accepts a footer of 511 bytes, as written before Virtual PC 2004', () => {
    const short = damaged({ ...base, type: 'fixed' }, (file) => file.subarray(0, -1));
    expect(openPlainVhd(short)).toMatchObject({ sizeBytes: base.sizeBytes, footer: { from: 'short tail' } });
    expect(checkPlainVhd(short)).toEqual([]);
  });

  test('shows the data of an allocated block of a dynamic disk, whatever its bitmap says', () => {
    const written = changed((file) => file.writeUInt8(1, 2048 + 512 + 1024));
    expect(guestRange(openChain([damaged(base, written)]), 1024, 512)[0]).toBe(1);
  });

  test('refuses a chain with blocks that overlap', () => {
    expect(() => openChain([damaged(base, batEntry(1, 4))])).toThrow('inside block 0');
  });
});

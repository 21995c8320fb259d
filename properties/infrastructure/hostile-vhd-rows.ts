/** FORMATS.md Part E, VHD: each row of the list, and files that break it. */
import {
  BLOCK_BYTES,
  batEntry,
  childVhd,
  damagedVhd,
  dynamicVhd,
  fixedVhd,
  inBytes,
  inDynamicHeader,
  inFooters,
  inHead,
  inLocator,
  inTail,
  tableAt,
  u32,
  u64,
  type VhdDamage,
} from '../models/plain-vhd-damage.js';
import { hostile, type HostileCase } from './hostile-file.js';

const GIB = 1024 ** 3;
const dynamic = (name: string, damage: VhdDamage | readonly VhdDamage[], answer: string, code: string): HostileCase =>
  hostile(name, () => damagedVhd(dynamicVhd, damage), answer, { code });
/** With no gap between its parts. */
const packed = (name: string, damage: VhdDamage, answer: string, code: string): HostileCase =>
  hostile(name, () => damagedVhd({ ...dynamicVhd, dialect: 'bare' }, damage), answer, { code });
const footer = (name: string, value: VhdDamage, answer: string, code: string): HostileCase =>
  dynamic(name, value, answer, code);
const skipped = (name: string, damage: VhdDamage): HostileCase =>
  hostile(name, () => damagedVhd(childVhd, damage), 'opened', { warning: 'is passed over' });
/** Where the first locator of a child has its payload. */
const payloadAt = (file: Buffer): bigint => file.readBigUInt64BE(512 + 576 + 16);
const overlay = (placeOf: (file: Buffer) => bigint): VhdDamage =>
  inBytes((file) => {
    inDynamicHeader(u64(placeOf(file), 16))(file);
  });
const noCookie = inBytes((file) => {
  file.fill(0, 0, 8);
  file.fill(0, file.length - 512, file.length - 504);
});
const badSums = inBytes((file) => {
  file.writeUInt32BE(1, 64);
  file.writeUInt32BE(1, file.length - 448);
});

export const VHD_ROWS: Readonly<Record<string, readonly HostileCase[]>> = {
  'size ≥ 512, of a dynamic disk ≥ 512+1024+512+512': [
    hostile('510 bytes', () => damagedVhd(dynamicVhd, [], 510), 'not-a-virtual-disk'),
    hostile('511 bytes, a short footer', () => damagedVhd(dynamicVhd, [], 511), 'too-small', { code: '13' }),
    hostile(
      'footer, header, footer, and no room for a table',
      () => {
        const image = damagedVhd(dynamicVhd);
        const { bytes } = image.extents[0]!;
        const short = Buffer.concat([bytes.subarray(0, 1536), bytes.subarray(bytes.length - 512)]);
        return { sizeBytes: short.length, extents: [{ offsetBytes: 0, bytes: short }] };
      },
      'too-small',
      { code: '13' },
    ),
  ],
  'footer cookie': [hostile('none anywhere', () => damagedVhd(dynamicVhd, noCookie), 'not-a-virtual-disk')],
  'footer checksum (both copies bad)': [footer('two wrong ones', badSums, 'footer-checksum', '02')],
  'copies differ: a warning': [
    hostile('two ids', () => damagedVhd(dynamicVhd, inHead(u32(9, 68))), 'opened', {
      warning: 'copies of the footer differ',
    }),
  ],
  'format version major = 1': [
    footer('version 2', inFooters(u32(0x0002_0000, 12)), 'unsupported-version', '05'),
    footer('version 0', inFooters(u32(0, 12)), 'unsupported-version', '05'),
  ],
  'disk type ∈ {2,3,4}': [0, 1, 5, 6, 2 ** 32 - 1].map((type) =>
    footer(`type ${type}`, inFooters(u32(type, 60)), 'invalid-type', '1b'),
  ),
  'Current Size > 0, ×512, ≤ 2040 GiB; fixed: ≤ fileSize − footer': [
    ...[0n, 513n, BigInt(2040 * GIB) + 512n, 2n ** 64n - 512n].map((size) =>
      footer(`${size} bytes`, inFooters(u64(size, 48)), 'invalid-size', '12'),
    ),
    hostile(
      'a fixed disk that is one sector longer than its file',
      () => damagedVhd(fixedVhd, inTail(u64(BigInt(4 * BLOCK_BYTES + 512), 48))),
      'invalid-file-size',
      { code: '13' },
    ),
  ],
  'DataOffset ×512, +1024 ≤ fileSize, not inside BAT': [
    ...[0n, 513n, 2n ** 63n, 2n ** 64n - 512n, 2n ** 40n].map((at) =>
      footer(`at ${at}`, inFooters(u64(at, 16)), 'header-corrupt', '08'),
    ),
    dynamic(
      'the table over the header',
      overlay(() => 1024n),
      'bat-offset',
      '0a',
    ),
  ],
  '`cxsparse`, version, checksum': [
    dynamic(
      'another cookie',
      inDynamicHeader((header) => header.write('cxsparsf')),
      'header-corrupt',
      '08',
    ),
    dynamic('version 2', inDynamicHeader(u32(0x0002_0000, 24)), 'header-version', '07'),
    dynamic(
      'a wrong checksum',
      inBytes((file) => file.writeUInt32BE(1, 512 + 36)),
      'header-checksum',
      '06',
    ),
  ],
  'block size power of two, 4 KiB ≤ bs ≤ 256 MiB': [0, 1, 3, 512, 2048, 12_288, 2 ** 29, 2 ** 31, 2 ** 32 - 1].map(
    (size) => dynamic(`${size} bytes`, inDynamicHeader(u32(size, 32)), 'block-size', '0b'),
  ),
  'Max Table Entries ≥ needed, ≤ 2040 GiB/bs + slack, 4·n ≤ fileSize − TableOffset': [
    0,
    3,
    2 ** 20,
    2 ** 31,
    2 ** 32 - 1,
  ].map((entries) => dynamic(`${entries} entries for 4 blocks`, inDynamicHeader(u32(entries, 28)), 'bat-size', '0a')),
  'TableOffset ×512, ≥ 512, no overlap with header, footers, locator payloads': [
    ...[0n, 511n, 2049n, 2n ** 63n, 2n ** 64n - 512n].map((at) =>
      dynamic(`at ${at}`, inDynamicHeader(u64(at, 16)), 'bat-offset', '0a'),
    ),
    dynamic('behind the end of the file', inDynamicHeader(u64(2n ** 40n, 16)), 'bat-size', '0a'),
    dynamic(
      'over the tail footer',
      overlay((file) => BigInt(file.length - 512)),
      'bat-offset',
      '0a',
    ),
    hostile('over a locator', () => damagedVhd(childVhd, overlay(payloadAt)), 'bat-offset', { code: '0a' }),
  ],
  'each used entry: behind the metadata, start + bitmap + bs ≤ the tail footer': [
    dynamic(
      'a block over the head footer',
      batEntry(2, () => 0),
      'bat-entry-out-of-range',
      '0a',
    ),
    dynamic(
      'a block over the header',
      batEntry(2, () => 1),
      'bat-entry-out-of-range',
      '0a',
    ),
    dynamic(
      'a block over the table',
      inBytes((file) => {
        batEntry(2, () => tableAt(file) / 512)(file);
      }),
      'bat-entry-out-of-range',
      '0a',
    ),
    packed(
      'a block over the tail footer',
      batEntry(1, (sector) => sector + 1),
      'bat-entry-out-of-range',
      '0a',
    ),
    dynamic(
      'a block at the last sector there is',
      batEntry(2, () => 2 ** 32 - 2),
      'bat-entry-out-of-range',
      '0a',
    ),
    dynamic(
      'a block at sector 2^31',
      batEntry(2, () => 2 ** 31),
      'bat-entry-out-of-range',
      '0a',
    ),
  ],
  'no two blocks overlap': [
    dynamic(
      'two at one place',
      inBytes((file) => {
        batEntry(2, () => file.readUInt32BE(tableAt(file)))(file);
      }),
      'bat-overlap',
      '0a',
    ),
    packed(
      'one a sector into the next',
      batEntry(0, (sector) => sector + 1),
      'bat-overlap',
      '0a',
    ),
  ],
  'locator: length ≤ 64 KiB, even, offset + length ≤ fileSize; else the entry is skipped': [
    skipped('65,537 bytes', inLocator(0, u32(65_537, 8))),
    skipped('4 GiB', inLocator(0, u32(2 ** 32 - 1, 8))),
    skipped('no bytes', inLocator(0, u32(0, 8))),
    skipped(
      'an odd length',
      inLocator(0, (entry) => entry.writeUInt32BE(entry.readUInt32BE(8) - 1, 8)),
    ),
    skipped('behind the end of the file', inLocator(0, u64(2n ** 40n, 16))),
    skipped('at 2^64 − 512', inLocator(0, u64(2n ** 64n - 512n, 16))),
  ],
  'differencing: Parent Unique Id non-zero': [
    hostile(
      'zeros',
      () =>
        damagedVhd(
          childVhd,
          inDynamicHeader((header) => header.fill(0, 40, 56)),
        ),
      'parent-identity-zero',
      {
        code: '0e',
      },
    ),
  ],
};

/** VHDs after known vulnerabilities and cases, each under its class and name. CRASH-TESTS.md 4.5 */
import {
  batEntry,
  childVhd,
  damagedVhd,
  dynamicVhd,
  fixedVhd,
  inBytes,
  inDynamicHeader,
  inFooters,
  inHead,
  inTail,
  u32,
  u64,
  type VhdDamage,
  xenVhd,
} from '../models/plain-vhd-damage.js';
import { hostile } from './hostile-file.js';

const TIB = 1024 ** 4;
/** The map's header is behind the padded table. */
const inBatmap = (change: (header: Buffer) => unknown): VhdDamage =>
  inBytes((file) => change(file.subarray(file.indexOf('tdbatmap')).subarray(0, 512)));
/** As programs do that add up characters which are negative from 0x80 on. */
const signedSum = (structure: Buffer): number => {
  let sum = 0;
  structure.forEach((byte, at) => {
    if (at < 64 || at >= 68) sum += byte < 0x80 ? byte : byte - 256;
  });
  return ~sum >>> 0;
};
const summedSigned = inBytes((file) => {
  for (const at of [0, file.length - 512]) {
    const footer = file.subarray(at, at + 512);
    footer.writeUInt32BE(signedSum(footer), 64);
  }
});
/** All eight locators of a child are `code` and have 64 KiB of `unit`, and then an x. */
const longLocators = (code: string, unit: Buffer): VhdDamage =>
  inBytes((file) => {
    const at = file.length - 512 - 128 * 1024;
    const payload = Buffer.alloc(65_536, unit);
    payload.set(Buffer.from('x', 'utf16le'), payload.length - 2);
    file.set(payload, at);
    inDynamicHeader((header) => {
      for (let slot = 576; slot < 768; slot += 24) {
        header.write(code, slot, 'ascii');
        header.writeUInt32BE(65_536, slot + 8);
        header.writeBigUInt64BE(BigInt(at), slot + 16);
      }
    })(file);
  });
const roomy = { ...childVhd, slackSectors: 400 };
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

export const VHD_CASES = {
  'division by zero from a header field': [
    hostile('CVE-2014-0142: a geometry of zeros', () => damagedVhd(dynamicVhd, inFooters(u32(0, 56))), 'opened'),
    hostile(
      'CVE-2014-0142: a geometry of zeros, by the program that goes by it',
      () =>
        damagedVhd(
          dynamicVhd,
          inFooters((footer) => footer.fill(0, 56, 60).write('vpc ', 28)),
        ),
      'opened',
      { warning: 'Virtual PC sees 0 bytes' },
    ),
    hostile(
      'CVE-2014-0142: a block size of 0',
      () => damagedVhd(dynamicVhd, inDynamicHeader(u32(0, 32))),
      'block-size',
    ),
  ],
  'integer and buffer overflow in table sizes': [
    hostile(
      'CVE-2014-0144: max_table_entries 2^32 − 1, and a file that is long enough',
      () => damagedVhd(dynamicVhd, inDynamicHeader(u32(2 ** 32 - 1, 28)), TIB),
      'bat-size',
    ),
    hostile(
      'CVE-2014-0144: 2^29 entries in a hole of 1 TiB',
      () => damagedVhd(dynamicVhd, inDynamicHeader(u32(2 ** 29, 28)), TIB),
      'bat-entry-out-of-range',
    ),
    hostile(
      'CVE-2014-0143: a table that ends behind 2^64',
      () => damagedVhd(dynamicVhd, inDynamicHeader(u64(2n ** 64n - 512n, 16))),
      'bat-offset',
    ),
    hostile(
      'CVE-2014-0223: a disk of 2^64 − 512 bytes in blocks of 4 KiB',
      () => damagedVhd(dynamicVhd, inFooters(u64(2n ** 64n - 512n, 48))),
      'invalid-size',
    ),
    hostile('CVE-2014-0145: a batmap of 2 TiB', () => damagedVhd(xenVhd, inBatmap(u32(2 ** 32 - 1, 16))), 'bat-offset'),
    hostile('a batmap at 2^64 − 512', () => damagedVhd(xenVhd, inBatmap(u64(2n ** 64n - 512n, 8))), 'bat-offset'),
  ],
  'resources without limit': [
    hostile(
      'CVE-2015-5162: 2040 GiB in 10 KiB',
      () => damagedVhd(dynamicVhd, inFooters(u64(BigInt(2040 * 1024 ** 3), 48))),
      'bat-size',
    ),
    hostile(
      'a hole of 1 PiB behind four blocks of 4 KiB: the table is not gone through a thousand times',
      () => damagedVhd(dynamicVhd, [], 1024 * TIB),
      'opened',
      { warning: 'missing or damaged' },
    ),
    hostile(
      '64 KiB of NULs before the end of a path',
      () => damagedVhd(roomy, longLocators('W2ru', Buffer.alloc(2))),
      'opened',
      {
        warning: 'is passed over',
      },
    ),
    hostile('a path of 32,767 dots', () => damagedVhd(roomy, longLocators('W2ru', utf16('.'))), 'opened'),
    hostile('a path that goes up 10,000 times', () => damagedVhd(roomy, longLocators('W2ku', utf16('..\\'))), 'opened'),
    hostile('a URL of 64 KiB of %', () => damagedVhd(roomy, longLocators('MacX', Buffer.from('%'))), 'opened'),
    hostile(
      'a URL of 64 KiB that is no text',
      () => damagedVhd(roomy, longLocators('MacX', Buffer.from('%ff'))),
      'opened',
    ),
    hostile('lone surrogates only', () => damagedVhd(roomy, longLocators('W2ru', utf16('\ud800'))), 'opened'),
  ],
  contradictions: [
    hostile(
      'blktap#436: a differencing disk that names no parent',
      () =>
        damagedVhd(
          childVhd,
          inDynamicHeader((header) => header.fill(0, 64, 768)),
        ),
      'opened',
    ),
    hostile(
      'blktap#436: a differencing disk that was dynamic',
      () => damagedVhd(dynamicVhd, inFooters(u32(4, 60))),
      'parent-identity-zero',
    ),
    hostile('CVE-2014-0146: a dynamic disk with a parent', () => damagedVhd(childVhd, inFooters(u32(3, 60))), 'opened'),
    hostile(
      'a fixed disk that says where its header is',
      () => damagedVhd(dynamicVhd, inFooters(u32(2, 60))),
      'footer-corrupt',
    ),
    hostile(
      'a dynamic disk without a header',
      () =>
        damagedVhd(
          fixedVhd,
          inTail((footer) => footer.writeUInt32BE(3, 60)),
        ),
      'header-corrupt',
    ),
    hostile(
      'footers of two types',
      () =>
        damagedVhd(
          dynamicVhd,
          inTail((footer) => footer.fill(0xff, 16, 24).writeUInt32BE(2, 60)),
        ),
      'opened',
      { warning: 'looks like a VHD footer' },
    ),
    hostile('footers of two sizes', () => damagedVhd(dynamicVhd, inHead(u64(512n, 48))), 'opened', {
      warning: 'differ',
    }),
    hostile(
      'a footer whose bytes were summed with a sign',
      () => damagedVhd(dynamicVhd, summedSigned),
      'footer-checksum',
    ),
    hostile(
      'an id of ones',
      () =>
        damagedVhd(
          dynamicVhd,
          inFooters((footer) => footer.fill(0xff, 68, 84)),
        ),
      'opened',
    ),
    hostile(
      'an id of zeros',
      () =>
        damagedVhd(
          dynamicVhd,
          inFooters((footer) => footer.fill(0, 68, 84)),
        ),
      'opened',
      {
        warning: 'unique id is zero',
      },
    ),
  ],
  'files of other programs': [
    hostile(
      'XenServer: an encrypted disk',
      () =>
        damagedVhd(
          xenVhd,
          inBatmap((header) => header.fill(7, 29, 94)),
        ),
      'encrypted',
      {
        code: '1c',
      },
    ),
    hostile(
      'XenServer 0.1: bitmaps the other way round',
      () => damagedVhd(xenVhd, inFooters(u32(1, 32))),
      'unsupported-writer',
    ),
    hostile(
      'Virtual PC: the first part of a split disk',
      () =>
        damagedVhd(
          dynamicVhd,
          batEntry(1, (sector) => sector + 4096),
          20_480,
        ),
      'bat-entry-out-of-range',
    ),
    hostile('before 2004: a footer of 511 bytes', () => damagedVhd(fixedVhd, [], 4 * 4096 + 511), 'opened', {
      warning: 'has 511 bytes',
    }),
    hostile('a footer of 510 bytes', () => damagedVhd(fixedVhd, [], 4 * 4096 + 510), 'not-a-virtual-disk'),
  ],
} as const;

import { describe, expect, test } from 'vitest';
import { HRESULT } from '#domain/return-code';
import {
  PATH,
  child,
  xen,
  whole,
  opened,
  signed,
  changed,
  inFooters,
  inHeader,
  inTable,
} from '../../../properties/simulation/damaged-vhd.js';
import { MemoryFileSystem } from '../../../properties/simulation/memory-file-system.js';
import { valueOf } from '../../../properties/simulation/window-merge.js';
import { VhdImages } from './vhd-images.js';

describe('a file that is damaged is refused for', () => {
  test.each<[flaw: string, what: string, file: Uint8Array]>([
    [
      'footer-checksum',
      'two footers with wrong checksums',
      changed((file) => [0, file.length - 512].map((at) => file.writeUInt8(1, at + 100))),
    ],
    [
      'unsupported-version',
      'another major version',
      changed(inFooters((footer) => footer.writeUInt32BE(0x00020000, 12))),
    ],
    ['invalid-type', 'a type of 5', changed(inFooters((footer) => footer.writeUInt32BE(5, 60)))],
    ['invalid-size', 'a size of 2^63', changed(inFooters((footer) => footer.writeBigUInt64BE(1n << 63n, 48)))],
    [
      'invalid-size',
      'a size that is no multiple of 512',
      changed(inFooters((footer) => footer.writeBigUInt64BE(1000n, 48))),
    ],
    [
      'invalid-file-size',
      'a fixed disk larger than its file',
      changed((file) => signed(file.subarray(-512), 64, (footer) => footer.writeBigUInt64BE(1n << 30n, 48)), {
        ...child,
        type: 'fixed',
      }),
    ],
    [
      'header-corrupt',
      'a header behind the end of the file',
      changed(inFooters((footer) => footer.writeBigUInt64BE(1n << 40n, 16))),
    ],
    ['header-corrupt', 'no cookie in the header', changed(inHeader((header) => header.writeUInt8(0, 0)))],
    ['header-checksum', 'a wrong checksum of the header', changed((file) => file.writeUInt8(1, 512 + 900))],
    [
      'header-version',
      'another version of the header',
      changed(inHeader((header) => header.writeUInt32BE(0x00020000, 24))),
    ],
    ['block-size', 'blocks of 3 MiB', changed(inHeader((header) => header.writeUInt32BE(3 << 20, 32)))],
    ['bat-size', 'a table of 2^32 entries', changed(inHeader((header) => header.writeUInt32BE(0xffffffff, 28)))],
    ['bat-size', 'a table too short for the disk', changed(inHeader((header) => header.writeUInt32BE(3, 28)))],
    ['bat-offset', 'a table in the header', changed(inHeader((header) => header.writeBigUInt64BE(1024n, 16)))],
    ['bat-offset', 'a table at 2^60', changed(inHeader((header) => header.writeBigUInt64BE(1n << 60n, 16)))],
    [
      'bat-size',
      'a table behind the end of the file',
      changed(inHeader((header) => header.writeBigUInt64BE(1n << 40n, 16))),
    ],
    [
      'bat-entry-out-of-range',
      'a block behind the end',
      changed(inTable((table) => table.writeUInt32BE(0x00ffffff, 4))),
    ],
    ['bat-entry-out-of-range', 'a block over the header', changed(inTable((table) => table.writeUInt32BE(1, 4)))],
    [
      'bat-overlap',
      'two blocks in one place',
      changed(inTable((table) => table.writeUInt32BE(table.readUInt32BE(0), 4))),
    ],
    [
      'bat-overlap',
      'two blocks that overlap',
      changed(inTable((table) => table.writeUInt32BE(table.readUInt32BE(4) - 1, 0))),
    ],
    ['parent-identity-zero', 'a parent of no identity', changed(inHeader((header) => header.fill(0, 40, 56)))],
    [
      'encrypted',
      'a key hash in the batmap',
      changed((file) => file.writeUInt8(1, file.indexOf('tdbatmap') + 29), xen),
    ],
    [
      'unsupported-writer',
      'a writer that counted bits the other way round',
      changed(
        inFooters((footer) => footer.writeUInt32BE(1, 32)),
        xen,
      ),
    ],
    ['too-small', 'a dynamic disk of one sector', whole().subarray(0, 512)],
  ])('%s: %s', async (flaw, _, file) => {
    expect(await opened(file)).toBe(flaw);
  });

  test('and the refusal carries the code that Windows has for the flaw', async () => {
    const files = new MemoryFileSystem();
    files.put(
      PATH,
      changed((file) => file.writeUInt8(1, 512 + 900)),
    );
    const image = await new VhdImages(files, 'posix').open(PATH);
    expect(image.ok ? null : image.error.hresult).toBe(HRESULT.vhdHeaderChecksum);
  });
});

describe('a file that is no VHD is refused for', () => {
  const start = (text: string, lengthBytes = 4096): Buffer => {
    const file = Buffer.alloc(lengthBytes);
    file.write(text);
    return file;
  };

  test.each([
    ['not-a-virtual-disk', 'being empty', Buffer.alloc(0)],
    ['not-a-virtual-disk', 'being short', start('conectix', 100)],
    ['not-a-virtual-disk', 'having no footer', start('plain text')],
    ['not-a-virtual-disk', 'being a VHDX', start('vhdxfile')],
    [
      'not-a-virtual-disk',
      'being a VHDX whose guest ends its disk with a VHD footer',
      Buffer.concat([start('vhdxfile'), whole({ ...child, type: 'fixed' }).subarray(-512)]),
    ],
  ])('%s: %s', async (kind, _, file) => {
    expect(await opened(file)).toBe(kind);
  });

  test('file-not-found and access-denied, which are no faults', async () => {
    const files = new MemoryFileSystem({ readOnly: new Set([PATH]) });
    files.put(PATH, whole());
    const images = new VhdImages(files, 'posix');
    const kindOf = async (answer: Promise<{ ok: true } | { ok: false; error: { kind: string } }>): Promise<string> => {
      const result = await answer;
      return result.ok ? 'ok' : result.error.kind;
    };
    expect(await kindOf(images.open('/vms/nothing.vhd'))).toBe('file-not-found');
    expect(await kindOf(images.openDestination(PATH))).toBe('access-denied');
    expect(await kindOf(images.open(PATH))).toBe('ok');
  });
});

describe('a file that has something odd', () => {
  test('opens, with a sentence about it', async () => {
    const warningsOf = async (file: Uint8Array): Promise<string> => {
      const files = new MemoryFileSystem();
      files.put(PATH, file);
      return valueOf(await new VhdImages(files, 'posix').open(PATH)).description.warnings.join('\n');
    };
    expect(await warningsOf(whole())).toMatch('4 KiB');
    expect(await warningsOf(changed(inFooters((footer) => footer.fill(0, 68, 84))))).toMatch('unique id is zero');
    // A geometry that is smaller than the disk, as nearly all are, matters only where Virtual PC wrote it.
    expect(await warningsOf(whole())).not.toMatch('Virtual PC');
    const byVirtualPc = inFooters((footer) => footer.write('vpc ', 28));
    expect(await warningsOf(changed(byVirtualPc))).toMatch('Virtual PC');
    expect(await warningsOf(changed(inHeader((header) => header.writeUInt32BE(7, 576 + 8))))).toMatch('locator 1');
  });
});

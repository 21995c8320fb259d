import { describe, expect, it } from 'vitest';
import { MIB } from '../../quantities.js';
import { encodeLogEntry, entryLengthBytes, type LogDescriptor, type LogEntry } from './log-entry.js';

const G = 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8';
const page = Uint8Array.from({ length: 4096 }, (_, n) => (n * 7) % 251);
const entry = (descriptors: readonly LogDescriptor[]): LogEntry => ({
  sequenceNumber: 0x1122_3344_5566_7788n,
  logGuid: G,
  tailBytes: 0x5000,
  flushedFileOffsetBytes: 4 * MIB,
  lastFileOffsetBytes: 36 * MIB,
  descriptors,
});
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('the length of a log entry', () => {
  it('has 126 descriptors in the first sector, 128 in each one more, and a sector for each page', () => {
    expect([0, 1, 126, 127, 254, 255].map((count) => entryLengthBytes(count, 0))).toEqual([
      4096, 4096, 4096, 8192, 8192, 12_288,
    ]);
    expect(entryLengthBytes(127, 3)).toBe(5 * 4096);
  });
});

describe('a log entry', () => {
  it('without descriptors is one sector, as the first entry of a session is', () => {
    const encoded = encodeLogEntry(entry([]));
    expect(encoded).toHaveLength(4096);
    expect(hex(encoded.subarray(8, 64))).toBe(
      '00100000' + // entry length
        '00500000' + // tail
        '8877665544332211' + // sequence number
        '00000000' + // descriptors
        '00000000' +
        '3c74fce6ed81e84fbf54698ed57ba0b8' + // LogGuid
        '0000400000000000' + // flushed
        '0000400200000000', // last
    );
    expect(Buffer.from(encoded.subarray(0, 4)).toString()).toBe('loge');
    expect(encoded.subarray(64).every((byte) => byte === 0)).toBe(true);
  });

  it('keeps the ends of a page in its descriptor, the rest in a sector of its own', () => {
    const encoded = encodeLogEntry(entry([{ kind: 'data', fileOffsetBytes: 3 * MIB, page }]));
    expect(encoded).toHaveLength(8192);
    expect(hex(encoded.subarray(64, 96))).toBe(
      hex(Buffer.from('desc')) +
        hex(page.subarray(4092)) +
        hex(page.subarray(0, 8)) +
        '0000300000000000' +
        '8877665544332211',
    );
    expect(hex(encoded.subarray(4096, 4104))).toBe(`${hex(Buffer.from('data'))}44332211`);
    expect(encoded.subarray(4104, 8188)).toEqual(page.subarray(8, 4092));
    expect(hex(encoded.subarray(8188))).toBe('88776655');
  });

  it('says of zeros how many and where', () => {
    const encoded = encodeLogEntry(entry([{ kind: 'zero', fileOffsetBytes: 3 * MIB, lengthBytes: MIB }]));
    expect(encoded).toHaveLength(4096);
    expect(hex(encoded.subarray(64, 96))).toBe(
      `${hex(Buffer.from('zero'))}00000000` + '0000100000000000' + '0000300000000000' + '8877665544332211',
    );
  });

  it('is about whole pages, and has a number', () => {
    const encode = (descriptor: LogDescriptor) => () => encodeLogEntry(entry([descriptor]));
    expect(encode({ kind: 'data', fileOffsetBytes: 512, page })).toThrow(/^Bug: /);
    expect(encode({ kind: 'data', fileOffsetBytes: 0, page: page.subarray(1) })).toThrow(/^Bug: /);
    expect(encode({ kind: 'data', fileOffsetBytes: 0, page: new Uint8Array(8192) })).toThrow(/^Bug: /);
    expect(encode({ kind: 'zero', fileOffsetBytes: 0, lengthBytes: 512 })).toThrow(/^Bug: /);
    expect(() => encodeLogEntry({ ...entry([]), sequenceNumber: 0n })).toThrow(/^Bug: /);
    expect(() => encodeLogEntry({ ...entry([]), sequenceNumber: 1n << 64n })).toThrow(/^Bug: /);
  });
});

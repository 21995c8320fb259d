import { describe, expect, it } from 'vitest';
import { KIB, MIB } from '../../quantities.js';
import { crc32c } from './crc32c.js';
import { decodeLogEntry, startsEntry } from './log-entry-decode.js';
import { encodeLogEntry, type LogDescriptor, type LogEntry } from './log-entry.js';

const pageOf = (seed: number): Uint8Array => Uint8Array.from({ length: 4096 }, (_, n) => (n * seed) % 251);
const data = (seed: number): LogDescriptor => ({ kind: 'data', fileOffsetBytes: seed * MIB, page: pageOf(seed) });
const zero: LogDescriptor = { kind: 'zero', fileOffsetBytes: 4 * MIB, lengthBytes: MIB };

const entry: LogEntry = {
  sequenceNumber: 0x1122_3344_5566_7788n,
  logGuid: 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8',
  tailBytes: 0x5000,
  flushedFileOffsetBytes: 4 * MIB,
  lastFileOffsetBytes: 36 * MIB,
  descriptors: [data(3), zero, data(5)],
};

const decoded = (ring: Uint8Array, startBytes?: number) => {
  const result = decodeLogEntry(ring, startBytes);
  return result.ok ? result.value : result.error;
};
/** Whether the bytes that an entry was decoded from are those that it encodes to; thousands of them are compared at once. */
const comesBack = (encoded: Uint8Array, ring = encoded, startBytes = 0): boolean => {
  const result = decodeLogEntry(ring, startBytes);
  return (
    result.ok &&
    result.value.lengthBytes === encoded.length &&
    Buffer.compare(encodeLogEntry(result.value.entry), encoded) === 0
  );
};
/** The entry with some of its bytes changed, and its checksum right again: header, 3 descriptors at 64, pages at 4096 and 8192. */
const changed = (offset: number, bytes: readonly number[], of = entry) => {
  const encoded = encodeLogEntry(of);
  encoded.set(bytes, offset);
  new DataView(encoded.buffer).setUint32(4, crc32c(encoded, 4), true);
  return decoded(encoded);
};
const refused = (expected: string, found: string) => ({
  flaw: 'log-entry',
  structure: 'VHDX log entry',
  expected,
  found,
});

describe('a log entry', () => {
  it('comes back as it was written', () => {
    expect(decoded(encodeLogEntry(entry))).toEqual({ entry, lengthBytes: 12 * KIB });
    const empty = { ...entry, descriptors: [] };
    expect(decoded(encodeLogEntry(empty))).toEqual({ entry: empty, lengthBytes: 4 * KIB });
  });

  it('comes back with descriptors in several sectors', () => {
    const many = { ...entry, descriptors: Array.from({ length: 300 }, (_, n) => (n % 100 === 99 ? data(n) : zero)) };
    const encoded = encodeLogEntry(many);
    expect(encoded).toHaveLength((3 + 3) * 4 * KIB);
    expect(comesBack(encoded)).toBe(true);
  });

  it('goes on at the start of the ring, whichever sector is the last one before', () => {
    const encoded = encodeLogEntry({ ...entry, descriptors: Array.from({ length: 130 }, (_, n) => data(n)) });
    const sectors = encoded.length / 4096;
    for (let before = 1; before <= sectors; before += 1) {
      const ring = new Uint8Array(encoded.length + 4096);
      const start = ring.length - before * 4096;
      for (let n = 0; n < sectors; n += 1) {
        ring.set(encoded.subarray(n * 4096, (n + 1) * 4096), (start + n * 4096) % ring.length);
      }
      expect(startsEntry(ring, start)).toBe(true);
      expect(comesBack(encoded, ring, start)).toBe(true);
    }
  });

  it('may have zeros of no length, and reserved fields of any value', () => {
    expect(changed(96 + 8, [0, 0, 0])).toMatchObject({ entry: { descriptors: [{}, { lengthBytes: 0 }, {}] } });
    expect(changed(28, [1])).toMatchObject({ entry });
    expect(changed(96 + 4, [1])).toMatchObject({ entry });
  });

  it('is as large as it says when that cannot be calculated with, for `replayFlaw` to refuse', () => {
    const end = Array.from({ length: 8 }, () => 0xff);
    const offset = [0, 0xf0, ...end.slice(2)];
    expect(changed(64 + 16, offset)).toMatchObject({
      entry: { descriptors: [{ fileOffsetBytes: 2 ** 64 - 2 ** 12 }, {}, {}] },
    });
    expect(changed(48, end)).toMatchObject({ entry: { flushedFileOffsetBytes: 2 ** 64 } });
  });
});

describe('a log entry is none when', () => {
  it('it does not start with "loge"', () => {
    expect(changed(0, [0x4c])).toEqual(refused('"loge"', '"Loge"'));
    expect(startsEntry(encodeLogEntry(entry).fill(0, 3, 4), 0)).toBe(false);
  });

  it('its length is 0, no whole sectors, or more than the log has', () => {
    const expected = 'a length of whole sectors, at most 12288 bytes';
    expect(changed(8, [0, 0])).toEqual(refused(expected, '0 bytes'));
    expect(changed(8, [0, 0x2e])).toEqual(refused(expected, '11776 bytes'));
    expect(changed(8, [0, 0x40])).toEqual(refused(expected, '16384 bytes'));
    expect(changed(8, [0, 0xf0, 0xff, 0xff])).toEqual(refused(expected, '4294963200 bytes'));
  });

  it('its tail is not at a sector', () => {
    expect(changed(12, [0, 0x52])).toEqual(refused('a tail at the start of a sector', '0x00005200'));
  });

  it('it has the number 0', () => {
    expect(changed(16, [0, 0, 0, 0, 0, 0, 0, 0])).toEqual(refused('a sequence number above 0', '0'));
  });

  it('its descriptors do not fit, or leave room for more sectors than there are pages', () => {
    expect(changed(24, [0x80, 1])).toEqual(refused('descriptors that fit into 12288 bytes', '384 descriptors'));
    expect(changed(24, [0xff, 0xff, 0xff, 0xff])).toMatchObject({ flaw: 'log-entry' });
    expect(changed(24, [2])).toEqual(refused('8192 bytes for 2 descriptors, 1 of them of data', '12288 bytes'));
    const empty = { ...entry, descriptors: [] };
    expect(changed(24, [1], empty)).toMatchObject({ flaw: 'log-entry' });
  });

  it('a descriptor is not one, or is of another entry', () => {
    expect(changed(96, [0x5a])).toEqual(refused('"desc" or "zero" at descriptor 1', 'something else'));
    for (const byte of [24, 27, 28, 31]) {
      expect(changed(128 + byte, [0])).toEqual(refused("descriptor 2 to have the entry's sequence number", 'another'));
    }
  });

  it('a descriptor is not about whole pages', () => {
    expect(changed(64 + 17, [0x02])).toEqual(refused('descriptor 0 to be about whole pages', '0 bytes at 0x300200'));
    expect(changed(96 + 8, [0x01])).toEqual(
      refused('descriptor 1 to be about whole pages', '1048577 bytes at 0x400000'),
    );
  });

  it('a data sector is not one, or is of another entry', () => {
    expect(changed(8192, [0x44])).toEqual(refused('"data" at data sector 1', 'something else'));
    for (const byte of [4, 7, 4092, 4095]) {
      expect(changed(4096 + byte, [0])).toEqual(
        refused("data sector 0 to have the entry's sequence number", 'another'),
      );
    }
  });

  it('its checksum is another', () => {
    const encoded = encodeLogEntry(entry);
    encoded[5000]! ^= 1;
    expect(decoded(encoded)).toMatchObject({
      flaw: 'log-entry',
      expected: expect.stringMatching(/^checksum 0x/) as unknown,
    });
    encoded[5000]! ^= 1;
    expect(comesBack(encoded)).toBe(true);
  });
});

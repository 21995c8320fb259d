import { describe, expect, it } from 'vitest';
import { GIB, MIB } from '../../quantities.js';
import { crc32c } from './crc32c.js';
import {
  canSucceed,
  chooseHeader,
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  logExtent,
  NIL_GUID,
  successor,
  type VhdxHeader,
} from './header.js';

const LOG_GUID = 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8';
const FILE_SIZE = 8 * MIB;

const sample: VhdxHeader = {
  sequenceNumber: 7n,
  fileWriteGuid: '00010203-0405-0607-0809-0a0b0c0d0e0f',
  dataWriteGuid: '10111213-1415-1617-1819-1a1b1c1d1e1f',
  logGuid: LOG_GUID,
  logVersion: 0,
  version: 1,
  logLengthBytes: 2 * MIB,
  logOffsetBytes: 3 * MIB,
};
const header = (changes: Partial<VhdxHeader>): Uint8Array => encodeHeader({ ...sample, ...changes });
const damaged = header({}).with(900, 1);

const chosen = (first: Uint8Array, second: Uint8Array, fileSizeBytes = FILE_SIZE) => {
  const choice = chooseHeader(first, second, fileSizeBytes);
  if (!choice.ok) return choice.error.flaw;
  const { slot, otherIsValid, warnings } = choice.value;
  return { number: choice.value.header.sequenceNumber, slot, otherIsValid, warnings };
};
/** The same header in both slots, as a program leaves it. */
const inBoth = (changes: Partial<VhdxHeader>, fileSizeBytes = FILE_SIZE) =>
  chosen(header(changes), header(changes), fileSizeBytes);
const accepted = { number: 7n, slot: 0, otherIsValid: true, warnings: [] };

describe('a VHDX header', () => {
  it('has each value at its place in the specification', () => {
    const encoded = header({});
    const view = new DataView(encoded.buffer);
    expect(encoded.length).toBe(4096);
    expect(new TextDecoder().decode(encoded.subarray(0, 4))).toBe('head');
    expect(view.getUint32(4, true)).toBe(crc32c(encoded, 4));
    expect(view.getBigUint64(8, true)).toBe(7n);
    expect(encoded.subarray(16, 24)).toEqual(Uint8Array.of(3, 2, 1, 0, 5, 4, 7, 6));
    expect(encoded.subarray(40, 48)).toEqual(Uint8Array.of(0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f));
    expect(encoded[48]).toBe(0x3c);
    expect(view.getUint16(64, true)).toBe(0);
    expect(view.getUint16(66, true)).toBe(1);
    expect(view.getUint32(68, true)).toBe(2 * MIB);
    expect(view.getBigUint64(72, true)).toBe(BigInt(3 * MIB));
    expect(encoded.subarray(80).every((byte) => byte === 0)).toBe(true);
    expect(decodeHeader(encoded)).toEqual(sample);
  });

  it('is none when its signature is wrong, even with the right checksum', () => {
    const other = header({}).with(0, 0x48);
    new DataView(other.buffer).setUint32(4, crc32c(other, 4), true);
    expect(decodeHeader(other)).toBeNull();
  });

  it('is none when a byte of its 4096 is wrong, reserved ones included', () => {
    for (const at of [3, 4, 8, 66, 80, 4095]) expect(decodeHeader(header({}).with(at, 0xee))).toBeNull();
  });

  it('is none when there is nothing', () => {
    expect(decodeHeader(new Uint8Array(HEADER_BYTES))).toBeNull();
  });
});

describe('of two headers', () => {
  it('the one with the greater sequence number is current', () => {
    expect(chosen(header({}), header({ sequenceNumber: 8n }))).toEqual({ ...accepted, number: 8n, slot: 1 });
    expect(chosen(header({}), header({ sequenceNumber: 6n }))).toEqual(accepted);
    const [most, some] = [header({ sequenceNumber: 2n ** 64n - 5000n }), header({ sequenceNumber: 2n ** 63n - 1n })];
    expect(chosen(some, most)).toMatchObject({ slot: 1 });
    expect(chosen(most, some)).toMatchObject({ slot: 0 });
  });

  it('a whole one is current when the other is damaged, and the warning says which', () => {
    expect(chosen(header({}), damaged)).toEqual({
      ...accepted,
      otherIsValid: false,
      warnings: ['Header 2 is damaged; header 1 was used.'],
    });
    expect(chosen(damaged, header({}))).toEqual({
      ...accepted,
      slot: 1,
      otherIsValid: false,
      warnings: ['Header 1 is damaged; header 2 was used.'],
    });
  });

  it('the first is current when both are the same, as Disk2VHD leaves them', () => {
    expect(inBoth({})).toEqual(accepted);
  });

  it('none can be told current when they differ with one sequence number', () => {
    expect(chosen(header({}), header({ dataWriteGuid: LOG_GUID }))).toBe('header-ambiguous');
  });

  it('none is current when both are damaged', () => {
    expect(chosen(damaged, damaged)).toBe('no-valid-header');
    expect(chosen(new Uint8Array(4096), new Uint8Array(4096))).toBe('no-valid-header');
  });

  it('neither is looked at in a file below 1 MiB', () => {
    expect(chosen(header({}), header({}), MIB - 1)).toBe('too-small');
    expect(chosen(new Uint8Array(0), new Uint8Array(0), 0)).toBe('too-small');
    expect(inBoth({ logGuid: NIL_GUID, logLengthBytes: 0 }, MIB)).toEqual(accepted);
  });

  it('only the current one needs a known version and a log inside the file', () => {
    expect(chosen(header({ version: 2 }), header({ sequenceNumber: 8n }))).toMatchObject({ slot: 1 });
    expect(chosen(header({ logOffsetBytes: 0 }), header({ sequenceNumber: 8n }))).toMatchObject({ slot: 1 });
    expect(chosen(header({ version: 2, sequenceNumber: 8n }), header({}))).toBe('unsupported-version');
    expect(chosen(header({ logOffsetBytes: 2 ** 60, sequenceNumber: 8n }), header({}))).toBe('log-location');
  });
});

describe('the current header', () => {
  it('has version 1', () => {
    expect(inBoth({ version: 0 })).toBe('unsupported-version');
    expect(inBoth({ version: 2 })).toBe('unsupported-version');
  });

  it('has log version 0, unless there is nothing in the log', () => {
    expect(inBoth({ logVersion: 1 })).toBe('log-location');
    expect(inBoth({ logVersion: 1, logGuid: NIL_GUID })).toEqual(accepted);
  });

  it('has a log when it names entries to replay', () => {
    expect(inBoth({ logLengthBytes: 0 })).toBe('log-location');
    expect(inBoth({ logLengthBytes: 0, logGuid: NIL_GUID })).toEqual(accepted);
    expect(inBoth({ logLengthBytes: 0, logOffsetBytes: 5, logGuid: NIL_GUID })).toEqual(accepted);
  });

  it.each([
    ['half a MiB of log', { logLengthBytes: MIB / 2 }],
    ['a log of one byte more than 1 MiB', { logLengthBytes: MIB + 1 }],
    ['a log among headers and region tables', { logOffsetBytes: 0 }],
    ['a log between two MiB', { logOffsetBytes: 3 * MIB + 4096 }],
    ['a log that ends 1 MiB after the file', { logOffsetBytes: 7 * MIB }],
    ['a log behind the file', { logOffsetBytes: 8 * MIB }],
    ['a log at an offset that no number holds', { logOffsetBytes: 2 ** 63 }],
  ])('has not %s, whether there is something in it or not', (_, changes) => {
    expect(inBoth(changes)).toBe('log-location');
    expect(inBoth({ ...changes, logGuid: NIL_GUID })).toBe('log-location');
  });

  it('has a log of 1 GiB at most, which may end where the file ends', () => {
    const most = { logLengthBytes: GIB, logOffsetBytes: MIB };
    expect(inBoth(most, GIB + MIB)).toEqual(accepted);
    expect(inBoth(most, GIB + MIB - 1)).toBe('log-location');
    expect(inBoth({ ...most, logLengthBytes: GIB + MIB }, 4 * GIB)).toBe('log-location');
  });

  it('says where its log lies', () => {
    expect(logExtent(sample)).toEqual({ startBytes: 3 * MIB, endBytes: 5 * MIB });
    expect(logExtent({ ...sample, logLengthBytes: 0 })).toBeNull();
  });
});

describe('the next header', () => {
  it('has the next sequence number and the changes, and keeps the rest', () => {
    expect(successor(sample, { fileWriteGuid: LOG_GUID, logGuid: NIL_GUID })).toEqual({
      ...sample,
      sequenceNumber: 8n,
      fileWriteGuid: LOG_GUID,
      logGuid: NIL_GUID,
    });
  });

  it('has log version 0, whatever an empty log had', () => {
    expect(successor({ ...sample, logGuid: NIL_GUID, logVersion: 9 }, { logGuid: LOG_GUID }).logVersion).toBe(0);
  });

  it('is refused when the numbers are used up, and that can be asked before', () => {
    const last = { ...sample, sequenceNumber: 2n ** 64n - 1n };
    expect(() => successor(last, {})).toThrow('the last sequence number');
    expect(successor({ ...last, sequenceNumber: 2n ** 64n - 2n }, {}).sequenceNumber).toBe(2n ** 64n - 1n);
    expect(canSucceed(last)).toBe(false);
    expect(canSucceed({ ...last, sequenceNumber: 2n ** 64n - 4096n })).toBe(false);
    expect(canSucceed({ ...last, sequenceNumber: 2n ** 64n - 4097n })).toBe(true);
    expect(canSucceed(sample)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { KIB, MIB, TIB } from '../../quantities.js';
import type { LogDescriptor, LogEntry } from './log-entry.js';
import { type ActiveSequence, replayFlaw } from './log-sequence.js';

const page: LogDescriptor = { kind: 'data', fileOffsetBytes: 3 * MIB, page: new Uint8Array(4096).fill(1) };

/** A sequence of one entry. */
const sequenceOf = (changes: Partial<LogEntry>): ActiveSequence => {
  const entry: LogEntry = {
    sequenceNumber: 1n,
    logGuid: 'e6fc743c-81ed-4fe8-bf54-698ed57ba0b8',
    tailBytes: 0,
    flushedFileOffsetBytes: 4 * MIB,
    lastFileOffsetBytes: 4 * MIB,
    descriptors: [page],
    ...changes,
  };
  return {
    entries: [entry],
    headOffsetBytes: 0,
    endOffsetBytes: 8192,
    lastSequenceNumber: entry.sequenceNumber,
    flushedFileOffsetBytes: entry.flushedFileOffsetBytes,
    lastFileOffsetBytes: entry.lastFileOffsetBytes,
  };
};

describe('an active sequence is not applied when', () => {
  const log = { startBytes: MIB, endBytes: 2 * MIB };
  const fileSizeBytes = 4 * MIB;
  const flawOf = (changes: Partial<LogEntry>, file = { fileSizeBytes, log }) => replayFlaw(sequenceOf(changes), file);
  const zero = (fileOffsetBytes: number, lengthBytes: number): LogDescriptor => ({
    kind: 'zero',
    fileOffsetBytes,
    lengthBytes,
  });
  const target = (descriptor: LogDescriptor, changes: Partial<LogEntry> = {}) =>
    flawOf({ descriptors: [page, descriptor], ...changes });
  const refused = (expected: string, found: string) => ({
    flaw: 'log-entry',
    structure: 'VHDX log entry',
    expected,
    found,
  });

  it('the file is shorter than it was known to be', () => {
    expect(flawOf({})).toBeNull();
    expect(flawOf({}, { fileSizeBytes: fileSizeBytes - 1, log })).toEqual({
      flaw: 'truncated',
      structure: 'VHDX log',
      expected: 'a file of 4194304 bytes or more',
      found: '4194303 bytes',
    });
  });

  it('the file would grow by more than the largest disk', () => {
    expect(flawOf({ lastFileOffsetBytes: 64 * TIB + fileSizeBytes })).toBeNull();
    expect(flawOf({ lastFileOffsetBytes: 64 * TIB + fileSizeBytes + MIB })).toEqual(
      refused('a file that grows by at most 64 TiB', 'an end at 0x400000500000'),
    );
  });

  it('a page is for headers or the identifier', () => {
    expect(target({ ...page, fileOffsetBytes: 192 * KIB })).toBeNull();
    expect(target({ ...page, fileOffsetBytes: 188 * KIB })).toEqual(
      refused('pages at 192 KiB or behind', '4096 bytes at 0x2F000'),
    );
    expect(target(zero(0, 0))).toMatchObject({ flaw: 'log-entry' });
  });

  it('a page is for the log', () => {
    expect(target(zero(MIB - 4096, 4096))).toBeNull();
    expect(target(zero(2 * MIB, 4096))).toBeNull();
    expect(target(zero(MIB - 4096, 8192))).toEqual(refused('pages outside the log', '8192 bytes at 0xFF000'));
    expect(target({ ...page, fileOffsetBytes: 2 * MIB - 4096 })).toMatchObject({ expected: 'pages outside the log' });
  });

  it('a page is for what is behind the end of the file', () => {
    expect(target(zero(3 * MIB, MIB))).toBeNull();
    expect(target(zero(3 * MIB, MIB + 4096))).toEqual(refused('pages up to 0x400000', '1052672 bytes at 0x300000'));
    expect(target({ ...page, fileOffsetBytes: 4 * MIB })).toMatchObject({ expected: 'pages up to 0x400000' });
    expect(target({ ...page, fileOffsetBytes: 4 * MIB }, { lastFileOffsetBytes: 5 * MIB })).toBeNull();
    expect(target(zero(3 * MIB, 2 ** 63))).toMatchObject({ expected: 'pages up to 0x400000' });
    expect(target({ ...page, fileOffsetBytes: 2 ** 53 })).toMatchObject({ expected: 'pages up to 0x400000' });
  });

  it('its zeros are more than the file has bytes', () => {
    expect(flawOf({ descriptors: [zero(2 * MIB, 2 * MIB), zero(2 * MIB, 2 * MIB)] })).toBeNull();
    expect(flawOf({ descriptors: [zero(2 * MIB, 2 * MIB), zero(2 * MIB, 2 * MIB), zero(2 * MIB, 4096)] })).toEqual(
      refused('at most 4194304 bytes of zeros, the whole file', '4198400 bytes'),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { bytesArgument, inTime, inUnits, rateArgument } from './bytes-argument.js';

describe('BYTES', () => {
  it.each([
    ['1', 1],
    ['512', 512],
    ['64K', 65536],
    ['64M', 67108864],
    ['64MiB', 67108864],
    ['64mib', 67108864],
    ['2G', 2147483648],
    ['1TiB', 1099511627776],
  ])('%s is %d', (text, bytes) => {
    expect(bytesArgument(text)).toBe(bytes);
  });

  it.each(['', '0', '-1', '1.5G', '64MB', '64B', 'M', '1e9', '9007199254740992', '99999T', '64 M', '0x10', '٣'])(
    'is not %j, and the refusal says what it is',
    (text) => {
      expect(() => bytesArgument(text)).toThrow(/Expected a number of bytes, .*64M/);
    },
  );

  it('as a rate may have its unit of time', () => {
    expect(rateArgument('20M/s')).toBe(20 * 1024 * 1024);
  });
});

describe('a number for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [64 * 1024 * 1024, '64 MiB'],
    [2 ** 46, '64 TiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(inUnits(bytes)).toBe(text);
  });

  it.each([
    [40, '0.0 s'],
    [9900, '9.9 s'],
    [59_600, '1:00 min'],
    [3_600_000, '1:00:00 h'],
  ])('%d milliseconds are %s', (milliseconds, text) => {
    expect(inTime(milliseconds)).toBe(text);
  });
});

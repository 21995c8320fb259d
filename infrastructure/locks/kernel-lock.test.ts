import { describe, expect, it } from 'vitest';
import { kernelLockOf } from './kernel-lock.js';

describe('a line of /proc/locks', () => {
  it.each([
    ['1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF', { kind: 'flock', exclusive: true, pid: 4711, end: Infinity }],
    [
      '22: OFDLCK ADVISORY  READ -1 fe:00:1234 100 101',
      { kind: 'bytes', exclusive: false, pid: null, start: 100, end: 101 },
    ],
    ['3: POSIX  MANDATORY READ 0 08:101:1234 201 201 ', { kind: 'bytes', pid: null, file: '08:101:1234', end: 201 }],
  ])('says who has which part of what: %s', (line, expected) => {
    expect(kernelLockOf(line)).toMatchObject(expected);
  });

  it.each(['', '7: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF', '8: LEASE  ACTIVE    READ 1 fe:00:1234 0 EOF'])(
    'is no lock when it tells of a waiter, a lease or nothing: "%s"',
    (line) => {
      expect(kernelLockOf(line)).toBeNull();
    },
  );

  it('has the same text in a descriptor, whatever its ordinal is there', () => {
    const inTable = kernelLockOf('17: OFDLCK ADVISORY  READ -1 fe:00:1234 100 101 ');
    expect(kernelLockOf('1: OFDLCK ADVISORY  READ -1 fe:00:1234 100 101')?.text).toBe(inTable?.text);
  });
});

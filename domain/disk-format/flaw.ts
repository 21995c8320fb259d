import type { FlawKind, StructureFlaw } from '../merge-error.js';

/** A flaw of one structure: what its specification asks for, and what the file holds. */
export const flawOf =
  (structure: string) =>
  (flaw: FlawKind, expected: string, found: string): StructureFlaw => ({ flaw, structure, expected, found });

/** `0x0000CAFE`: as hex dumps and specifications print it. */
export const hex = (value: number | bigint, digits = 8): string =>
  `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;

export const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

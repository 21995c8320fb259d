import type { FlawKind, StructureFlaw } from '../merge-error.js';

/** A flaw of one structure: what its specification asks for, and what the file holds. */
export const flawOf =
  (structure: string) =>
  (flaw: FlawKind, expected: string, found: string): StructureFlaw => ({ flaw, structure, expected, found });

/** Of a text from an image, what a person needs to find it again. */
const SHOWN_UNITS = 100;

/** A text from an image, as JSON has it and cut short: it may be 64 KiB long, and goes into messages and journals. */
export const quoted = (text: string): string =>
  text.length <= SHOWN_UNITS ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, SHOWN_UNITS))} and so on`;

/** `0x0000CAFE`: as hex dumps and specifications print it. */
export const hex = (value: number | bigint, digits = 8): string =>
  `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;

export const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

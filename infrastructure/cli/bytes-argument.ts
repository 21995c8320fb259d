import { InvalidArgumentError } from 'commander';
import { GIB, KIB, MIB, TIB } from '#domain/quantities';

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: KIB, m: MIB, g: GIB, t: TIB };
const EXPECTED = 'Expected a number of bytes, or one with a binary suffix: 512, 64K, 64M, 2G, 1T (also 64MiB).';

/** `64M`, `64MiB`, `67108864`. Not `64MB`, which some take for 64,000,000. At least 1. */
export const bytesArgument = (text: string): number => {
  const [, digits, prefix] = /^(\d{1,16})([kmgt]?)(?:(?<=[kmgt])ib)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (FACTORS[prefix?.toLowerCase() ?? ''] ?? NaN);
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw new InvalidArgumentError(EXPECTED);
  return bytes;
};

/** A number of seconds, 0 or more. */
export const secondsArgument = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('Expected a number of seconds.');
  return value;
};

/** `20M` or `20M/s`. */
export const rateArgument = (text: string): number => bytesArgument(text.replace(/\/s$/i, ''));

const UNITS = [
  [TIB, 'TiB'],
  [GIB, 'GiB'],
  [MIB, 'MiB'],
  [KIB, 'KiB'],
] as const;

/** For people: three digits or so. */
export const inUnits = (bytes: number): string => {
  const unit = UNITS.find(([size]) => bytes >= size);
  if (unit === undefined) return `${bytes} B`;
  const value = bytes / unit[0];
  return `${value < 10 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value))} ${unit[1]}`;
};

export const inTime = (milliseconds: number): string => {
  if (milliseconds < 9950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)} h` : m > 0 ? `${m}:${two(s)} min` : `${s} s`;
};

/** `3 blocks`, `1 block`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

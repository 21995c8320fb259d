/** Values of a field that programs get wrong, and paths that an attacker would write. */
import { type Field, type StructureMap, valueOf } from './structure-map.js';

/** For a field of so many bits: its ends, its old value and what lies beside it, powers of two where numbers stop being exact. */
export const interestingValues = (
  field: Field,
  map: StructureMap,
  fileBytes: number,
  other: number,
): readonly bigint[] => {
  const old = valueOf(field);
  const most = 2n ** BigInt(field.lengthBytes * 8) - 1n;
  const unit = BigInt(field.unitBytes ?? 1);
  const region = map.regions[other % map.regions.length];
  const place = BigInt(region?.offsetBytes ?? 0);
  const placeEnd = place + BigInt(region?.lengthBytes ?? 0);
  const end = BigInt(fileBytes);
  const sibling = map.fields[other % map.fields.length];
  const wanted = [
    0n,
    1n,
    most,
    old + 1n,
    old - 1n,
    old + unit,
    old - unit,
    ...[2n, 3n, 4n, 5n, 6n, 7n, 8n],
    old * 2n,
    old / 2n,
    old ^ (1n << BigInt(other % (field.lengthBytes * 8))),
    most - 1n,
    ...(field.lengthBytes > 4 ? EDGES_OF_64_BITS : []),
    ...(field.lengthBytes >= 4 ? EDGES_OF_32_BITS : EDGES_OF_16_BITS),
    ...(sibling === undefined ? [] : [valueOf(sibling)]),
    ...placesAs(field, place),
    ...placesAs(field, placeEnd),
    ...placesAs(field, end),
    ...placesAs(field, end - unit),
    ...placesAs(field, end + unit),
    ...placesAs(field, end - 512n),
  ];
  return wanted.filter((value) => value >= 0n && value <= most && value !== old);
};

const EDGES_OF_16_BITS = [0x7fffn, 0x8000n, 255n, 256n];
const EDGES_OF_32_BITS = [
  2n ** 31n,
  2n ** 31n - 1n,
  2n ** 31n + 1n,
  2n ** 32n - 512n,
  512n,
  513n,
  1023n,
  4096n,
  4097n,
  65_536n,
  2n ** 20n,
  2n ** 20n - 1n,
  2n ** 20n + 1n,
  2n ** 28n,
  2n ** 29n,
];
const EDGES_OF_64_BITS = [
  2n ** 32n,
  2n ** 32n - 1n,
  2n ** 32n + 1n,
  2n ** 32n + 512n,
  2n ** 40n,
  2n ** 46n,
  2n ** 46n + 512n,
  2n ** 53n,
  2n ** 53n - 1n,
  2n ** 53n + 1n,
  2n ** 63n,
  2n ** 63n - 1n,
  2n ** 64n - 512n,
  2n ** 64n - 2n ** 20n,
  2n ** 63n - 2n ** 20n,
  2n ** 48n,
  2n ** 48n - 2n ** 20n,
];

/** A place in the file as this field counts places: in bytes, sectors, or MiB with a state in the low bits (BAT of a VHDX). */
const placesAs = (field: Field, bytes: bigint): readonly bigint[] => {
  if (bytes < 0n) return [];
  if (field.structure === 'BAT') return [bytes / 512n, bytes / 512n + 1n];
  if (field.structure === 'VHDX BAT') return [bytes - (bytes % 2n ** 20n) + 6n, bytes - (bytes % 2n ** 20n) + 7n];
  return [bytes];
};

/** `OWN` and `LEAF` stand for names of files of the chain. */
export const HOSTILE_PATHS: readonly string[] = [
  '',
  '.',
  '..',
  '/',
  '/etc/shadow',
  '/dev/zero',
  '/proc/self/mem',
  '..\\..\\..\\..\\etc\\passwd',
  '.\\OWN',
  '.\\LEAF',
  '.\\',
  'C:\\',
  'C:OWN',
  '\\\\server\\share\\base.vhdx',
  '\\\\?\\Volume{00000000-0000-0000-0000-000000000000}\\OWN',
  '\\\\?\\C:\\LEAF',
  'file://./OWN',
  'file:///etc/shadow',
  'file://host/share/%2e%2e/%00',
  'file://%ff%fe',
  'a\0b',
  '\ud800',
  '\udc00\ud800',
  '\u001b[31mred',
  '\u202egnp.vhd',
  'x'.repeat(4096),
  '..\\'.repeat(300),
  '{00000000-0000-0000-0000-000000000000}',
  '{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}',
];

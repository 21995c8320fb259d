/**
 * Ways to make a hostile image of a good one. A mutation is a few numbers that are taken modulo what the image has, so that it means
 * something in every image, shrinks well, and is the same again with the same numbers; applied, it tells its story.
 */
import fc from 'fast-check';
import { basename } from 'node:path';
import { HOSTILE_PATHS, interestingValues } from './interesting-values.js';
import type { PatchedFile } from './patched-file.js';
import { type Field, type Region, setValue, type StoredPath, type StructureMap, valueOf } from './structure-map.js';

const KINDS = ['field', 'path', 'bits', 'copy', 'swap', 'zero', 'fill', 'cut', 'extend', 'insert', 'mix'] as const;

export type Mutation = {
  readonly kind: (typeof KINDS)[number];
  /** Which field, path or region. */
  readonly at: number;
  /** Which value, length or bit. */
  readonly value: number;
  /** Which other field, region or image. */
  readonly other: number;
  /** The checksum is made right again. */
  readonly sealed: boolean;
  /** In both copies of the structure. */
  readonly both: boolean;
};

/** Half of all are fields: the others are mostly caught by a checksum. */
const WEIGHTS: Readonly<Record<Mutation['kind'], number>> = {
  field: 24,
  path: 3,
  bits: 3,
  copy: 2,
  swap: 1,
  zero: 2,
  fill: 1,
  cut: 3,
  extend: 2,
  insert: 1,
  mix: 2,
};

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.oneof(...KINDS.map((kind) => ({ weight: WEIGHTS[kind], arbitrary: fc.constant(kind) }))),
  at: fc.nat(0xffff),
  value: fc.nat(0xffff),
  other: fc.nat(0xffff),
  sealed: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  both: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});

/** Mostly one: of several the first that is refused hides the others. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.oneof(
  { weight: 6, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 1 }) },
  { weight: 4, arbitrary: fc.array(mutation, { minLength: 2, maxLength: 5 }) },
);

/** The image that is changed, and what a mutation may take from elsewhere. */
export type Victim = {
  readonly file: PatchedFile;
  readonly map: StructureMap;
  readonly path: string;
  readonly leafPath: string;
  /** Another image, for a mixture of both; its regions by name. */
  readonly donor: (number: number) => { readonly name: string; readonly bytes: (region: Region) => Buffer };
};

/** Changes the image. What was done is said in words; of a mutation that means nothing here, that nothing was done. */
export const mutate = (mutation: Mutation, victim: Victim): string => {
  const { file, map } = victim;
  const { at, value, other } = mutation;
  switch (mutation.kind) {
    case 'field':
      return setField(pick(map.fields, at), mutation, victim);
    case 'path':
      return map.paths.length === 0 ? 'nothing: it names no path' : setPath(pick(map.paths, at), mutation, victim);
    case 'bits': {
      const place = placeIn(pick(map.regions, at), value, file.sizeBytes);
      if (place === null) return 'nothing: the region is gone';
      const bytes = file.bytes(place, 1);
      bytes.writeUInt8(bytes.readUInt8() ^ (1 << (other & 7)));
      file.write(bytes, place);
      return `bit ${other & 7} of byte ${place} is flipped`;
    }
    case 'copy': {
      const [from, to] = [pick(map.regions, at), pick(map.regions, other)];
      file.write(file.bytes(from.offsetBytes, Math.min(from.lengthBytes, to.lengthBytes)), to.offsetBytes);
      return `${from.name} is written over ${to.name}`;
    }
    case 'swap': {
      const [from, to] = [pick(map.regions, at), pick(map.regions, other)];
      const length = Math.min(from.lengthBytes, to.lengthBytes);
      const [first, second] = [file.bytes(from.offsetBytes, length), file.bytes(to.offsetBytes, length)];
      file.write(first, to.offsetBytes);
      file.write(second, from.offsetBytes);
      return `${from.name} and ${to.name} change places`;
    }
    case 'zero':
    case 'fill': {
      const region = pick(map.regions, at);
      const length = Math.min(region.lengthBytes, [region.lengthBytes, 512, 4096, 8, 1][value % 5] ?? 1);
      const byte = mutation.kind === 'zero' ? 0 : other & 0xff;
      file.write(Buffer.alloc(length, byte), region.offsetBytes);
      return `the first ${length} bytes of ${region.name} are ${byte}`;
    }
    case 'cut':
    case 'extend':
      return resize(mutation, victim);
    case 'insert': {
      const region = pick(map.regions, at);
      const length = [1, 512, 4096, 65_536][value % 4] ?? 1;
      const rest = file.bytes(
        region.offsetBytes,
        Math.min(64 * 1024, Math.max(0, file.sizeBytes - region.offsetBytes)),
      );
      file.write(rest, region.offsetBytes + length);
      return `the 64 KiB from ${region.name} on are ${length} bytes further on once more`;
    }
    case 'mix': {
      const region = pick(map.regions, at);
      const donor = victim.donor(other);
      file.write(donor.bytes(region), region.offsetBytes);
      return `${region.name} is that of ${donor.name}`;
    }
  }
};

const pick = <T>(from: readonly T[], number: number): T => {
  const picked = from[number % from.length];
  if (picked === undefined) throw new Error('an image without any structure');
  return picked;
};

const placeIn = ({ offsetBytes, lengthBytes }: Region, value: number, fileBytes: number): number | null => {
  const place = offsetBytes + (value % lengthBytes);
  return place < fileBytes ? place : null;
};

const setField = (field: Field, { value, other, sealed, both }: Mutation, { map, file }: Victim): string => {
  const before = valueOf(field);
  const wanted = interestingValues(field, map, file.sizeBytes, other);
  if (wanted.length === 0) return 'nothing: the field has no other value';
  const after = pick(wanted, value);
  const copies = [field, ...(both && field.twin !== undefined ? [field.twin] : [])];
  for (const copy of copies) {
    setValue(copy, after);
    if (sealed) copy.seal?.();
  }
  const where = copies.map((copy) => copy.structure).join(' and ');
  const checksum = field.seal === undefined ? '' : sealed ? ', its checksum right' : ', its checksum as it was';
  return `${field.name} of ${where} was ${hex(before)} and is ${hex(after)}${checksum}`;
};

const setPath = (stored: StoredPath, { value, sealed }: Mutation, { path, leafPath }: Victim): string => {
  const text = pick(HOSTILE_PATHS, value).replace('OWN', basename(path)).replace('LEAF', basename(leafPath));
  const encoded = Buffer.from(text, stored.encoding === 'utf8' ? 'utf8' : 'utf16le').subarray(0, stored.roomBytes);
  const bytes = Buffer.alloc(stored.encoding === 'utf16be' ? stored.roomBytes : encoded.length);
  encoded.copy(bytes);
  stored.surface.write(stored.offsetBytes, stored.encoding === 'utf16be' ? bytes.swap16() : bytes);
  if (stored.length !== undefined) {
    setValue(stored.length, BigInt(encoded.length));
    stored.length.seal?.();
  }
  if (sealed) stored.seal?.();
  return `${stored.name} is ${JSON.stringify(text.slice(0, 60))}`;
};

const resize = ({ kind, at, value, other }: Mutation, { file, map }: Victim): string => {
  const region = pick(map.regions, at);
  const nudge = [0, 1, -1, 512, -512, 511, 4096, -4096, other % region.lengthBytes][value % 9] ?? 0;
  const edge = value % 2 === 0 ? region.offsetBytes : region.offsetBytes + region.lengthBytes;
  const wanted =
    kind === 'cut'
      ? Math.min(file.sizeBytes, edge + nudge)
      : file.sizeBytes + ([1, 511, 512, 513, 4096, 2 ** 20, 2 ** 20 + 1, 32 * 2 ** 20][value % 8] ?? 1);
  const size = Math.max(0, wanted);
  file.resize(size);
  return `the file has ${size} bytes now`;
};

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Ways to damage a VHDX that several lists of hostile files use: numbers at places, entries of its log. */
import { child, type Damage, damagedImage, dirty, MIB, NEW_GUID } from '../models/plain-vhdx-damage.js';
import { guidBytes, type PlainVhdxSpec, sealed } from '../models/plain-vhdx.js';
import { hostile, type HostileCase } from './hostile-file.js';

type Change = (bytes: Buffer) => void;

export const u16 =
  (value: number, at: number): Change =>
  (bytes) => {
    bytes.writeUInt16LE(value, at);
  };
export const u32 =
  (value: number, at: number): Change =>
  (bytes) => {
    bytes.writeUInt32LE(value, at);
  };
export const u64 =
  (value: bigint, at: number): Change =>
  (bytes) => {
    bytes.writeBigUInt64LE(value, at);
  };
export const all =
  (...changes: readonly Change[]): Change =>
  (bytes) => {
    for (const change of changes) change(bytes);
  };

/** A child whose log, of this many MiB, is to be applied; `damage` writes its entries. */
export const withLog = (name: string, damage: Damage, answer: string, code?: string, spec = dirty): HostileCase =>
  hostile(name, () => damagedImage(spec, damage), answer, code === undefined ? {} : { code });

/** What an entry of one sector, made by hand, says. The defaults make a sound one that zeros a page of the BAT. */
export interface HandMadeEntry {
  readonly zeros: readonly { readonly offset: bigint; readonly length: bigint }[];
  readonly sequence?: bigint;
  readonly tail?: number;
  /** In the header; the zeros are there all the same. */
  readonly descriptorCount?: number;
  readonly flushed?: bigint;
  readonly last?: bigint;
}

export const handMadeEntry = (entry: HandMadeEntry): Buffer => {
  const { zeros, sequence = 9n, tail = 0, descriptorCount = zeros.length, flushed = 0n, last = BigInt(MIB) } = entry;
  const bytes = Buffer.alloc(4096 * Math.ceil((64 + zeros.length * 32) / 4096));
  bytes.write('loge', 0, 'ascii');
  bytes.writeUInt32LE(bytes.length, 8);
  bytes.writeUInt32LE(tail, 12);
  bytes.writeBigUInt64LE(sequence, 16);
  bytes.writeUInt32LE(descriptorCount, 24);
  guidBytes(NEW_GUID).copy(bytes, 32);
  bytes.writeBigUInt64LE(flushed, 48);
  bytes.writeBigUInt64LE(last, 56);
  zeros.forEach(({ offset, length }, n) => {
    const at = 64 + n * 32;
    bytes.write('zero', at, 'ascii');
    bytes.writeBigUInt64LE(length, at + 8);
    bytes.writeBigUInt64LE(offset, at + 16);
    bytes.writeBigUInt64LE(sequence, at + 24);
  });
  return sealed(bytes);
};

/** The log holds this entry at its start, and nothing else. */
export const loggedEntry =
  (entry: HandMadeEntry): Damage =>
  (file) => {
    file.write(MIB, new Uint8Array(MIB));
    file.write(MIB, handMadeEntry(entry));
  };

/** A log that may be zeros only: what it is to hold comes by a damage. */
export const cleanBefore: PlainVhdxSpec = { ...child, log: { state: 'dirty', logGuid: NEW_GUID, holds: [] } };

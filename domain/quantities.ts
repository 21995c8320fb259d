/**
 * Numbers that must not be mixed. Offsets and sizes are plain numbers, not bigints: the largest disk (64 TiB = 2^46) and any
 * file below 8 PiB stay under 2^53; what comes from a file as 64 bits is checked by `safeInteger` before it becomes a number.
 */
declare const quantity: unique symbol;
type Quantity<Name extends string> = number & { readonly [quantity]: Name };

/** A length or an offset in bytes. */
export type Bytes = Quantity<'bytes'>;
/** A count of sectors, or a 0-based sector number, of a disk's logical sector size. */
export type Sectors = Quantity<'sectors'>;
/** 0-based index of a payload block. */
export type BlockIndex = Quantity<'block index'>;
/** A count of blocks: last index + 1. */
export type BlockCount = Quantity<'block count'>;

export const bytes = (n: number): Bytes => n as Bytes;
export const sectors = (n: number): Sectors => n as Sectors;
export const blockIndex = (n: number): BlockIndex => n as BlockIndex;
export const blockCount = (n: number): BlockCount => n as BlockCount;

export const bytesOf = (count: Sectors, sectorSize: Bytes): Bytes => bytes(count * sectorSize);

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;

/** The number in a 64-bit field when it can be calculated with exactly, else undefined. */
export const safeInteger = (value: bigint): number | undefined =>
  value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
export const roundDown = (value: number, multiple: number): number => Math.floor(value / multiple) * multiple;

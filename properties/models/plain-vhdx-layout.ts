/**
 * The numbers that the plain VHDX writer and reader have in common. FORMATS.md B1-B8; all integers little-endian.
 */
export const KIB = 1024;
export const MIB = 1024 * KIB;
/** What the log holds, and what this model's sparse files are cut into. */
export const PAGE_BYTES = 4 * KIB;

export const SIGNATURE = 'vhdxfile';
export const HEADERS_AT = [64 * KIB, 128 * KIB] as const;
export const HEADER_BYTES = 4 * KIB;
export const REGION_TABLES_AT = [192 * KIB, 256 * KIB] as const;
export const TABLE_BYTES = 64 * KIB; // a region table; the metadata table
export const FIRST_MIB_END = MIB; // nothing but identifier, headers and region tables lies below

export const NIL_GUID = '00000000-0000-0000-0000-000000000000';
export const REGIONS = {
  bat: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
} as const;
export const ITEMS = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualDiskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  virtualDiskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSectorSize: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSectorSize: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
} as const;
/** A file whose creation has not finished carries this item. */
export const INCOMPLETE_ITEM = '71cc85f0-1b69-4e28-9558-c3bf83ae75d3';
export const LOCATOR_TYPE = 'b04aefb7-d19e-4a81-b789-25b8e9445913';

/** FORMATS.md B5: states of a payload block; 4 and 5 do not exist. */
export const PAYLOAD_STATES = [0, 1, 2, 3, 6, 7] as const;
export type PayloadState = (typeof PAYLOAD_STATES)[number];
export const BITMAP_PRESENT = 6;
export const BITMAP_BITS = 2 ** 23; // logical sectors of a chunk: one bit each in a bitmap block of 1 MiB

export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
export const roundDown = (value: number, step: number): number => Math.floor(value / step) * step;

/** Where the entries of a BAT are. FORMATS.md B5 */
export type Geometry = {
  readonly sectorsPerBlock: number;
  /** Payload blocks that share a bitmap block. */
  readonly chunkRatio: number;
  readonly payloadBlocks: number;
  readonly bitmapBlocks: number;
  readonly entryCount: number;
  readonly payloadIndex: (block: number) => number;
  readonly bitmapIndex: (chunk: number) => number;
};

export const geometryOf = (disk: {
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly logicalSectorBytes: number;
  readonly hasParent: boolean;
}): Geometry => {
  const sectorsPerBlock = disk.blockSizeBytes / disk.logicalSectorBytes;
  const chunkRatio = BITMAP_BITS / sectorsPerBlock;
  const payloadBlocks = Math.ceil(disk.sizeBytes / disk.blockSizeBytes);
  const bitmapBlocks = Math.ceil(payloadBlocks / chunkRatio);
  return {
    sectorsPerBlock,
    chunkRatio,
    payloadBlocks,
    bitmapBlocks,
    entryCount: disk.hasParent
      ? bitmapBlocks * (chunkRatio + 1)
      : payloadBlocks + Math.floor((payloadBlocks - 1) / chunkRatio),
    payloadIndex: (block) => block + Math.floor(block / chunkRatio),
    bitmapIndex: (chunk) => chunk * (chunkRatio + 1) + chunkRatio,
  };
};

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C; the four bytes at `zeroedAt` count as zero, because the sum itself is stored there. */
export const crc32c = (bytes: Uint8Array, zeroedAt = bytes.length): number => {
  let crc = 0xffffffff;
  const take = (part: Uint8Array): void => {
    const { length } = part; // Counted: over a region table an iterator takes three times as long.
    for (let at = 0; at < length; at += 1) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ part[at]!) & 0xff]!;
  };
  take(bytes.subarray(0, zeroedAt));
  if (zeroedAt < bytes.length) take(new Uint8Array(4));
  take(bytes.subarray(zeroedAt + 4));
  return ~crc >>> 0;
};

/** Headers, region tables and log entries all have their sum at byte 4. Stores it, and returns the bytes. */
export const sealed = (bytes: Buffer): Buffer => {
  bytes.writeUInt32LE(crc32c(bytes, 4), 4);
  return bytes;
};

export const isSealed = (bytes: Buffer): boolean => bytes.readUInt32LE(4) === crc32c(bytes, 4);

/** A GUID as it is on disk, the first three groups little-endian, as lower-case text without braces. */
export const guidText = (bytes: Uint8Array): string => {
  const hex = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('hex');
  const reversed = (from: number, to: number): string =>
    Buffer.from(bytes.subarray(from, to)).reverse().toString('hex');
  return [reversed(0, 4), reversed(4, 6), reversed(6, 8), hex(8, 10), hex(10, 16)].join('-');
};

export const guidBytes = (text: string): Buffer => {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new Error(`${text} is no GUID`);
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
};

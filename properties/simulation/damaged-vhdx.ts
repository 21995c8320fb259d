/** A small VHDX, and ways to damage it: with the checksum of the structure wrong, or made right again. */
import { openVhdx, type OpenVhdx } from '../../infrastructure/disk-image/vhdx/open-vhdx.js';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import {
  geometryOf,
  type PlainPayload,
  plainVhdxImage,
  type PlainVhdxImage,
  type PlainVhdxSpec,
  sealed,
} from '../models/plain-vhdx.js';
import { HEADER_BYTES, HEADERS_AT, REGION_TABLES_AT, TABLE_BYTES } from '../models/plain-vhdx-layout.js';
import { MemoryFileSystem } from './memory-file-system.js';

const KIB = 1024;
const MIB = 1024 * KIB;
export const PATH = '/vms/disk.vhdx';
export const IDENTITY = 'c4a10f01-d000-4000-8000-000000000001';
export const PARENT_IDENTITY = 'c4a10f01-d000-4000-8000-000000000002';

const sectors = (count: number, fill: number): Uint8Array => new Uint8Array(count * 512).fill(fill);

/** Blocks of 1 MiB: 0 is all there, of 1 the sectors 8 to 15, 2 is zero, 3 undefined, 4 not present, 5 unmapped with an old place. */
export const child = {
  type: 'differencing',
  dialect: 'windows',
  sizeBytes: 6 * MIB,
  blockSizeBytes: MIB,
  logicalSectorBytes: 512,
  payload: new Map<number, PlainPayload>([
    [0, { state: 6, content: [{ firstSector: 0, bytes: sectors(4, 0xa0) }] }],
    [
      1,
      { state: 7, content: [{ firstSector: 0, bytes: sectors(20, 0xa1) }], bits: [{ firstSector: 8, sectorCount: 8 }] },
    ],
    [2, { state: 2 }],
    [3, { state: 1 }],
    [5, { state: 3, content: [{ firstSector: 0, bytes: sectors(4, 0xa5) }] }],
  ]),
  dataWriteGuid: IDENTITY,
  parent: { dataWriteGuid: PARENT_IDENTITY, fileName: 'base.vhdx' },
} as const satisfies PlainVhdxSpec;

/** The same blocks without a parent: 1 is all there. */
export const dynamic = {
  ...child,
  type: 'dynamic',
  payload: new Map<number, PlainPayload>([
    ...child.payload,
    [1, { state: 6, content: child.payload.get(1)!.content! }],
  ]),
} as const satisfies PlainVhdxSpec;

/** Some bytes of the file, and what becomes of them. */
export interface Damage {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly change: (bytes: Buffer) => unknown;
}

type Change = Damage['change'];
export type DamageOf = (image: PlainVhdxImage, spec: PlainVhdxSpec) => readonly Damage[];

/** The image with these changes, on a disk that has recorded no call. */
export const damaged = async (
  spec: PlainVhdxSpec = child,
  damageOf: DamageOf = () => [],
): Promise<{ readonly files: MemoryFileSystem; readonly image: PlainVhdxImage }> => {
  const image = plainVhdxImage(spec);
  const files = new MemoryFileSystem();
  files.put(PATH, image);
  const file = await files.open(PATH, 'read-write');
  for (const { offsetBytes, lengthBytes, change } of damageOf(image, spec)) {
    const bytes = Buffer.alloc(lengthBytes);
    await file.read(bytes, offsetBytes);
    change(bytes);
    await file.write(bytes, offsetBytes);
  }
  await file.flush();
  files.calls.length = 0;
  return { files, image };
};

export const opened = async (files: MemoryFileSystem): Promise<Result<OpenVhdx, MergeError>> => {
  const result = await openVhdx(await files.open(PATH, 'read'), PATH, 'posix');
  if (files.calls.length > 0) throw new Error('opening has written to the file');
  return result;
};

/** Why the file is refused, in a word. */
export const refusalOf = async (spec: PlainVhdxSpec, damageOf: DamageOf): Promise<string> => {
  const result = await opened((await damaged(spec, damageOf)).files);
  if (result.ok) return 'opened';
  return result.error.kind === 'damaged-structure' ? /\((.*?)\)/.exec(result.error.message)![1]! : result.error.kind;
};

const at = (offsetBytes: number, lengthBytes: number, change: Change): Damage => ({ offsetBytes, lengthBytes, change });
/** Its checksum is right again afterwards. */
const resealed =
  (change: Change): Change =>
  (bytes) => {
    change(bytes);
    sealed(bytes);
  };

export const inFile =
  (offsetBytes: number, lengthBytes: number, change: Change): DamageOf =>
  () => [at(offsetBytes, lengthBytes, change)];
/** In both headers. */
export const inHeaders =
  (change: Change): DamageOf =>
  () =>
    HEADERS_AT.map((offset) => at(offset, HEADER_BYTES, resealed(change)));
/** In both region tables. */
export const inRegionTables =
  (change: Change): DamageOf =>
  () =>
    REGION_TABLES_AT.map((offset) => at(offset, TABLE_BYTES, resealed(change)));
/** In the table and the items: of the region its first 128 KiB. */
export const inMetadata =
  (change: Change): DamageOf =>
  ({ metadata }) => [at(metadata.offsetBytes, 2 * TABLE_BYTES, change)];
/** In the entry of a payload block, or of a chunk's bitmap block. */
export const inEntry =
  (owner: 'payload' | 'bitmap', number: number, entry: (before: bigint) => bigint): DamageOf =>
  ({ bat }, spec) => {
    const geometry = geometryOf({ ...spec, hasParent: spec.type === 'differencing' });
    const index = owner === 'payload' ? geometry.payloadIndex(number) : geometry.bitmapIndex(number);
    const change: Change = (bytes) => bytes.writeBigUInt64LE(entry(bytes.readBigUInt64LE()));
    return [at(bat.offsetBytes + index * 8, 8, change)];
  };
/** In the bytes of the log. */
export const inLog =
  (change: Change): DamageOf =>
  ({ log }) => [at(log.offsetBytes, log.lengthBytes, change)];

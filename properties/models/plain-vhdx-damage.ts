/** Images that are sound, and ways to damage them: for the tests of the checker. */
import type { ByteSource } from './byte-source.js';
import type { PlainImage } from './plain-vhd-spec.js';
import {
  geometryOf,
  imageSource,
  type PlainVhdxImage,
  plainVhdxImage,
  type PlainVhdxSpec,
  sealed,
  SparseBytes,
} from './plain-vhdx.js';
import { sectorContent } from './sector-content.js';

export const MIB = 1024 ** 2;
export const NEW_GUID = '11111111-2222-3333-4444-555555555555';
export const content = [{ firstSector: 0, bytes: sectorContent(1, 0) }];

/** Two chunks of 16 blocks, so that entries of bitmap blocks lie among those of payload blocks. */
export const base: PlainVhdxSpec = {
  type: 'dynamic',
  dialect: 'windows',
  sizeBytes: 20 * 256 * MIB,
  blockSizeBytes: 256 * MIB,
  logicalSectorBytes: 512,
  payload: new Map([
    [0, { state: 6, content }],
    [1, { state: 2 }],
    [3, { state: 3, content }],
    [17, { state: 6, content }],
  ]),
  dataWriteGuid: '7584f8fb-36d3-4091-afb5-b1afe587bfa8',
};
export const child: Extract<PlainVhdxSpec, { readonly type: 'differencing' }> = {
  ...base,
  type: 'differencing',
  payload: new Map([...base.payload, [17, { state: 7, content, bits: [{ firstSector: 0, sectorCount: 1 }] }]]),
  dataWriteGuid: '305abbc8-cef4-45ea-aee8-42ee5c891b06',
  parent: { dataWriteGuid: base.dataWriteGuid, fileName: 'base.vhdx' },
};
/** `base` with a BAT that is in its log only. */
export const dirty: PlainVhdxSpec = {
  ...base,
  log: { state: 'dirty', logGuid: NEW_GUID, holds: ['bat'], firstSequence: 9n },
};

export type Damage = (file: SparseBytes, image: PlainVhdxImage) => void;

/** Another `sizeBytes` cuts the file, or makes it longer. */
export const damaged = (spec: PlainVhdxSpec, damage: Damage, sizeBytes?: number): ByteSource =>
  imageSource('damaged.vhdx', damagedImage(spec, damage, sizeBytes));

/** The same as the parts that are not zero. A length that is no whole pages cuts the last part, too. */
export const damagedImage = (spec: PlainVhdxSpec, damage: Damage, sizeBytes?: number): PlainImage => {
  const image = plainVhdxImage(spec);
  const file = SparseBytes.of(image.extents);
  damage(file, image);
  const end = sizeBytes ?? image.sizeBytes;
  const extents = file
    .extents(0, end)
    .map(({ offsetBytes, bytes }) => ({ offsetBytes, bytes: bytes.subarray(0, end - offsetBytes) }));
  return { sizeBytes: end, extents };
};

/** Changes bytes at a place; with `seal` their checksum is made right again. */
export const changed =
  (
    at: number | ((image: PlainVhdxImage) => number),
    length: number,
    seal: 'seal' | 'torn',
    change: (b: Buffer) => void,
  ): Damage =>
  (file, image) => {
    const offset = typeof at === 'number' ? at : at(image);
    const bytes = file.read(offset, length);
    change(bytes);
    file.write(offset, seal === 'seal' ? sealed(bytes) : bytes);
  };
/** One damage after the other. */
export const both =
  (...damages: readonly Damage[]): Damage =>
  (file, image) => {
    for (const damage of damages) damage(file, image);
  };
/** Changes the current header. */
export const inHeader = (change: (header: Buffer) => void): Damage => changed(131072, 4096, 'seal', change);
/** Changes both region tables alike. */
export const inRegions = (change: (table: Buffer) => void): Damage =>
  both(changed(196608, 65536, 'seal', change), changed(262144, 65536, 'seal', change));
/** Changes the metadata region, which has no checksum. */
export const inMetadata = (change: (metadata: Buffer) => void): Damage =>
  changed(({ metadata }) => metadata.offsetBytes, 80 * 1024, 'torn', change);
/** Makes a BAT entry this value. */
export const entry = (index: number, value: bigint): Damage =>
  changed(
    ({ bat }) => bat.offsetBytes + index * 8,
    8,
    'torn',
    (bytes) => bytes.writeBigUInt64LE(value),
  );
/** Puts a payload block of `base` into a state, at a place. */
export const payload =
  (block: number, state: number, at: (image: PlainVhdxImage) => number): Damage =>
  (file, image) => {
    const { payloadIndex } = geometryOf({ ...base, hasParent: false });
    entry(payloadIndex(block), BigInt(at(image) + state))(file, image);
  };
/** Makes the entry of a bitmap block of `child` this value. */
export const bitmap = (chunk: number, value: bigint): Damage =>
  entry(geometryOf({ ...child, hasParent: true }).bitmapIndex(chunk), value);
/** Where the n-th metadata item's entry is in the table, and the parent locator in the region: it is the sixth item of a Windows child. */
export const itemAt = (slot: number): number => 32 + slot * 32;
export const LOCATOR_AT = 65536 + 40;
/** Changes the only log entry of `dirty`: its header, its descriptor at 64, its page. */
export const inLog = (change: (entry: Buffer) => void): Damage => changed(MIB, 8192, 'seal', change);

/** The image as it is. */
export const nothing: Damage = () => undefined;

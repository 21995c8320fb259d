/**
 * The first MiB of an image to be written: identifier, two headers, two region tables. FORMATS.md B1-B3
 */
import type { PlainImage } from './plain-vhd-spec.js';
import {
  guidBytes,
  HEADER_BYTES,
  HEADERS_AT,
  NIL_GUID,
  REGION_TABLES_AT,
  sealed,
  SIGNATURE,
  TABLE_BYTES,
} from './plain-vhdx-layout.js';
import type { VhdxPlacement } from './plain-vhdx-placement.js';
import type { PlainVhdxSpec } from './plain-vhdx-spec.js';

const CREATORS = {
  windows: 'Microsoft Windows 10.0.19041.0',
  qemu: 'QEMU v7.2.22',
  openvmm: '',
  disk2vhd: 'd2v',
} as const;
const FIRST_SEQUENCE = { windows: 11n, qemu: 4_044_729_081n, openvmm: 1n, disk2vhd: 1n } as const;
const DEFAULT_FILE_WRITE_GUID = 'f4f41fe9-66c9-40e0-872d-649490a31073';
/** QEMU draws a new DataWriteGuid for each copy of the header: that of the copy that is not current. */
const QEMU_OTHER_GUID = '31838408-3d3c-ca42-b09d-499a906f8ebd';

export const firstMib = (spec: PlainVhdxSpec, place: VhdxPlacement): PlainImage['extents'] => {
  const table = regionTable(place);
  return [
    { offsetBytes: 0, bytes: Buffer.from(SIGNATURE, 'ascii') },
    { offsetBytes: 8, bytes: Buffer.from(CREATORS[spec.dialect], 'utf16le') },
    ...headers(spec, place).map(([slot, bytes]) => ({ offsetBytes: HEADERS_AT[slot], bytes })),
    ...REGION_TABLES_AT.map((offsetBytes, slot) => {
      const bytes = Buffer.from(table);
      if (slot === spec.damagedRegionTable) bytes.writeUInt8(bytes.readUInt8(4) ^ 1, 4);
      return { offsetBytes, bytes };
    }),
  ];
};

/** FORMATS.md B2: both copies, by their slot. */
const headers = (spec: PlainVhdxSpec, { log }: VhdxPlacement): readonly (readonly [0 | 1, Buffer])[] => {
  const current = spec.currentHeader ?? 1;
  const other = current === 1 ? 0 : 1;
  const otherCopy = spec.otherHeader ?? (spec.dialect === 'disk2vhd' ? 'identical' : 'older');
  const sequence = spec.sequenceNumber ?? FIRST_SEQUENCE[spec.dialect];
  const encode = (sequenceNumber: bigint, dataWriteGuid: string): Buffer => {
    const bytes = Buffer.alloc(HEADER_BYTES);
    bytes.write('head', 0, 'ascii');
    bytes.writeBigUInt64LE(sequenceNumber, 8);
    guidBytes(spec.fileWriteGuid ?? DEFAULT_FILE_WRITE_GUID).copy(bytes, 16);
    guidBytes(dataWriteGuid).copy(bytes, 32);
    guidBytes(spec.log?.state === 'dirty' ? spec.log.logGuid : NIL_GUID).copy(bytes, 48);
    bytes.writeUInt16LE(1, 66);
    bytes.writeUInt32LE(log.lengthBytes, 68);
    bytes.writeBigUInt64LE(BigInt(log.offsetBytes), 72);
    return sealed(bytes);
  };
  const newest = encode(sequence, spec.dataWriteGuid);
  if (otherCopy === 'identical')
    return [
      [current, newest],
      [other, newest],
    ];
  if (sequence === 0n) throw new Error('nothing is older than sequence number 0');
  const older = encode(sequence - 1n, spec.dialect === 'qemu' ? QEMU_OTHER_GUID : spec.dataWriteGuid);
  if (otherCopy === 'damaged') older.writeUInt8(older.readUInt8(100) ^ 1, 100);
  return [
    [current, newest],
    [other, older],
  ];
};

/** FORMATS.md B3 */
const regionTable = ({ regions }: VhdxPlacement): Buffer => {
  const bytes = Buffer.alloc(TABLE_BYTES);
  bytes.write('regi', 0, 'ascii');
  bytes.writeUInt32LE(regions.length, 8);
  regions.forEach(({ guid, offsetBytes, lengthBytes, required }, slot) => {
    const at = 16 + slot * 32;
    guidBytes(guid).copy(bytes, at);
    bytes.writeBigUInt64LE(BigInt(offsetBytes), at + 16);
    bytes.writeUInt32LE(lengthBytes, at + 24);
    bytes.writeUInt32LE(required ? 1 : 0, at + 28);
  });
  return sealed(bytes);
};

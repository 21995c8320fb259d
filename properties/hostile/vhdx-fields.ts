/** The fields of a VHDX's structures as the specification's tables have them: name, offset, bytes, unit. FORMATS.md B2 to B8 */
import { MIB, PAGE_BYTES, TABLE_BYTES } from '../models/plain-vhdx-layout.js';

export const HEADER_FIELDS = [
  ['Signature', 0, 4],
  ['Checksum', 4, 4],
  ['SequenceNumber', 8, 8],
  ['FileWriteGuid', 16, 8],
  ['DataWriteGuid', 32, 8],
  ['LogGuid', 48, 8],
  ['LogVersion', 64, 2],
  ['Version', 66, 2],
  ['LogLength', 68, 4, MIB],
  ['LogOffset', 72, 8, MIB],
] as const;

export const REGION_FIELDS = [
  ['Guid', 0, 8],
  ['FileOffset', 16, 8, MIB],
  ['Length', 24, 4, MIB],
  ['Required', 28, 4],
] as const;

export const ITEM_FIELDS = [
  ['ItemId', 0, 8],
  ['Offset', 16, 4, TABLE_BYTES],
  ['Length', 20, 4],
  ['Flags', 24, 4],
  ['Reserved2', 28, 4],
] as const;

export const ENTRY_FIELDS = [
  ['Signature', 0, 4],
  ['Checksum', 4, 4],
  ['EntryLength', 8, 4, PAGE_BYTES],
  ['Tail', 12, 4, PAGE_BYTES],
  ['SequenceNumber', 16, 8],
  ['DescriptorCount', 24, 4],
  ['LogGuid', 32, 8],
  ['FlushedFileOffset', 48, 8, MIB],
  ['LastFileOffset', 56, 8, MIB],
] as const;

export const DESCRIPTOR_FIELDS = [
  ['Signature', 0, 4],
  ['TrailingBytes', 4, 4],
  ['LeadingBytes or ZeroLength', 8, 8, PAGE_BYTES],
  ['FileOffset', 16, 8, PAGE_BYTES],
  ['SequenceNumber', 24, 8],
] as const;

/** Of a metadata item, by its name; the parent locator's depend on its bytes. */
export const itemFields = (name: string, bytes: Buffer): readonly (readonly [string, number, number, number?])[] => {
  switch (name) {
    case 'fileParameters':
      return [
        ['BlockSize', 0, 4, MIB],
        ['LeaveBlockAllocated, HasParent', 4, 4],
      ];
    case 'virtualDiskSize':
      return [['VirtualDiskSize', 0, 8, MIB]];
    case 'logicalSectorSize':
    case 'physicalSectorSize':
      return [['SectorSize', 0, 4]];
    case 'parentLocator':
      return [
        ['LocatorType', 0, 8],
        ['KeyValueCount', 18, 2],
        ...Array.from({ length: Math.min(6, bytes.readUInt16LE(18)) }, (_, nth) =>
          (
            [
              ['KeyOffset', 0, 4],
              ['ValueOffset', 4, 4],
              ['KeyLength', 8, 2],
              ['ValueLength', 10, 2],
            ] as const
          ).map(([field, at, length]) => [`${field} ${nth}`, 20 + nth * 12 + at, length] as const),
        ).flat(),
      ];
    default:
      return bytes.length < 8 ? [] : [['first bytes', 0, 8]];
  }
};

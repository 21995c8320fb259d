/**
 * The metadata region of an image to be written: table, known items in the dialect's order, the parent locator, items of others.
 * FORMATS.md B4, B7
 */
import { guidBytes, INCOMPLETE_ITEM, ITEMS, LOCATOR_TYPE, NIL_GUID, TABLE_BYTES } from './plain-vhdx-layout.js';
import type { LocatorPair, PlainItem, PlainVhdxDialect, PlainVhdxParent, PlainVhdxSpec } from './plain-vhdx-spec.js';

const TABLE_HEADER_BYTES = 32;
const ENTRY_BYTES = 32;
const FLAGS = { isUser: 1, isVirtualDisk: 2, isRequired: 4 } as const;
const DEFAULT_DISK_ID = 'd62318cc-56ce-42e2-898d-16e1d1c9843e';

type Known = keyof typeof ITEMS;

/** The items' order in the region; the table's order is that of the first line but for QEMU. */
const ORDER: Record<PlainVhdxDialect, readonly Known[]> = {
  windows: ['fileParameters', 'virtualDiskSize', 'logicalSectorSize', 'physicalSectorSize', 'virtualDiskId'],
  openvmm: ['fileParameters', 'virtualDiskSize', 'logicalSectorSize', 'physicalSectorSize', 'virtualDiskId'],
  disk2vhd: ['fileParameters', 'virtualDiskSize', 'virtualDiskId', 'logicalSectorSize', 'physicalSectorSize'],
  qemu: ['fileParameters', 'virtualDiskSize', 'virtualDiskId', 'logicalSectorSize', 'physicalSectorSize'],
};

/** An item of another's making, for specifications: a file whose creation never ended. */
export const INCOMPLETE: PlainItem = { itemId: INCOMPLETE_ITEM, bytes: new Uint8Array(), isRequired: true };

/** Table and items; what follows in the region is zero. */
export const metadataBytes = (spec: PlainVhdxSpec): Buffer => {
  const known = ORDER[spec.dialect].map((name): PlainItem => ({ itemId: ITEMS[name], ...knownItem(spec, name) }));
  const locator: readonly PlainItem[] =
    spec.type === 'differencing' ? [{ itemId: ITEMS.parentLocator, ...knownItem(spec, 'parentLocator') }] : [];
  const inRegion = [...known, ...locator, ...(spec.items ?? [])];
  const offsets = new Map<PlainItem, number>();
  let end = TABLE_BYTES;
  for (const item of inRegion) {
    offsets.set(item, item.bytes.length === 0 ? 0 : end);
    end += item.bytes.length;
  }
  const bytes = Buffer.alloc(end);
  bytes.write('metadata', 0, 'ascii');
  bytes.writeUInt16LE(inRegion.length, 10);
  tableOrder(spec, inRegion).forEach((item, slot) => {
    const offset = offsets.get(item) ?? 0;
    const at = TABLE_HEADER_BYTES + slot * ENTRY_BYTES;
    guidBytes(item.itemId).copy(bytes, at);
    bytes.writeUInt32LE(offset, at + 16);
    bytes.writeUInt32LE(item.bytes.length, at + 20);
    bytes.writeUInt32LE(flagsOf(item), at + 24);
    bytes.set(item.bytes, offset === 0 ? end : offset);
  });
  return bytes;
};

/** Disk2vhd's table has the disk id last, though it lies in the middle. */
const tableOrder = ({ dialect }: PlainVhdxSpec, items: readonly PlainItem[]): readonly PlainItem[] => {
  if (dialect !== 'disk2vhd') return items;
  const isId = ({ itemId }: PlainItem): boolean => itemId === ITEMS.virtualDiskId;
  return [...items.filter((item) => !isId(item)), ...items.filter(isId)];
};

const flagsOf = (item: PlainItem): number =>
  (item.isUser === true ? FLAGS.isUser : 0) |
  (item.isVirtualDisk === true ? FLAGS.isVirtualDisk : 0) |
  (item.isRequired === true ? FLAGS.isRequired : 0);

const knownItem = (spec: PlainVhdxSpec, name: Known): Omit<PlainItem, 'itemId'> => {
  switch (name) {
    case 'fileParameters': {
      const flags = (spec.type === 'fixed' ? 1 : 0) | (spec.type === 'differencing' ? 2 : 0);
      return { bytes: Buffer.concat([u32(spec.blockSizeBytes), u32(flags)]), isRequired: true };
    }
    case 'virtualDiskSize':
      return { bytes: u64(BigInt(spec.sizeBytes)), isVirtualDisk: true, isRequired: true };
    case 'virtualDiskId':
      return { bytes: guidBytes(spec.virtualDiskId ?? DEFAULT_DISK_ID), isVirtualDisk: true, isRequired: true };
    case 'logicalSectorSize':
      return { bytes: u32(spec.logicalSectorBytes), isVirtualDisk: true, isRequired: true };
    case 'physicalSectorSize': {
      const usual = spec.dialect === 'windows' || spec.logicalSectorBytes === 4096 ? 4096 : 512;
      return { bytes: u32(spec.physicalSectorBytes ?? usual), isVirtualDisk: true, isRequired: true };
    }
    case 'parentLocator':
      if (spec.type !== 'differencing') throw new Error(`a ${spec.type} image has no parent`);
      return { bytes: locatorBytes(locatorPairs(spec.dialect, spec.parent)), isRequired: true };
  }
};

/** The keys that each dialect writes, in its order. FORMATS.md B7 */
export const locatorPairs = (dialect: PlainVhdxDialect, parent: PlainVhdxParent): readonly LocatorPair[] => {
  if (parent.pairs !== undefined) return parent.pairs;
  const folder = parent.windowsFolder ?? 'C:\\Virtual Disks';
  const fullPath = `${folder}\\${parent.fileName}`;
  const linkage = { key: 'parent_linkage', value: `{${parent.dataWriteGuid}}` };
  const linkage2 = { key: 'parent_linkage2', value: `{${parent.linkage2 ?? NIL_GUID}}` };
  const absolute = { key: 'absolute_win32_path', value: fullPath };
  const relative = { key: 'relative_path', value: `.\\${parent.fileName}` };
  const volume = `\\\\?\\Volume{9cdf8dfa-0000-0000-0000-501f00000000}${fullPath.replace(/^[A-Za-z]:/, '')}`;
  switch (dialect) {
    case 'windows':
      return [linkage, absolute, relative, { key: 'volume_path', value: volume }, linkage2];
    case 'openvmm':
      return [linkage, relative, absolute, ...(parent.linkage2 === undefined ? [] : [linkage2])];
    case 'qemu':
    case 'disk2vhd':
      throw new Error(`${dialect} writes no differencing VHDX`);
  }
};

/** Header, entries, then each key followed by its value. */
export const locatorBytes = (pairs: readonly LocatorPair[]): Buffer => {
  const head = Buffer.alloc(20 + pairs.length * 12);
  guidBytes(LOCATOR_TYPE).copy(head, 0);
  head.writeUInt16LE(pairs.length, 18);
  const texts: Buffer[] = [];
  let end = head.length;
  pairs.forEach(({ key, value }, nth) => {
    [key, value].forEach((text, which) => {
      const bytes = Buffer.from(text, 'utf16le');
      head.writeUInt32LE(end, 20 + nth * 12 + which * 4);
      head.writeUInt16LE(bytes.length, 20 + nth * 12 + 8 + which * 2);
      texts.push(bytes);
      end += bytes.length;
    });
  });
  return Buffer.concat([head, ...texts]);
};

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** Every structure of a VHD as it stands in the file. Strings are the image's own, raw: who prints them escapes them. */
import type { InspectedStructure } from '#application/ports/disk-image';
import { batmapHeader, batmapHeaderOffset } from '#domain/disk-format/vhd/batmap';
import { tableBytes } from '#domain/disk-format/vhd/block-allocation-table';
import { type DynamicHeader, parentNameOf } from '#domain/disk-format/vhd/dynamic-header';
import { decodeFooter, type Footer } from '#domain/disk-format/vhd/footer';
import { type FooterPlace, footerPlaces } from '#domain/disk-format/vhd/footer-copies';
import type { ParentLocatorEntry } from '#domain/disk-format/vhd/parent-locator';
import type { BlockStore } from './block-store.js';
import { readAt } from '../file-faults.js';
import type { OpenVhd } from './open-vhd.js';
import { readLocators } from './read-locators.js';

type Fields = InspectedStructure['fields'];

export const inspectVhd = async (vhd: OpenVhd): Promise<readonly InspectedStructure[]> => [
  ...(await inspectFooters(vhd)),
  ...(vhd.blocks === null ? [] : await inspectBlockStore(vhd, vhd.blocks)),
];

const inspectFooters = async ({ file, fileSizeBytes, choice }: OpenVhd): Promise<readonly InspectedStructure[]> => {
  const places = footerPlaces(fileSizeBytes);
  const copies: readonly (readonly [string, FooterPlace | null])[] = [
    ['footer', choice.copy === 'short tail' ? places.shortTail : places.tail],
    ['footer copy', choice.footer.diskType === 'fixed' ? null : places.head],
  ];
  const structures: InspectedStructure[] = [];
  for (const [structure, place] of copies) {
    if (place === null) continue;
    const decoded = decodeFooter(await readAt(file, place.offsetBytes, place.lengthBytes));
    const fields = decoded.ok
      ? footerFields(decoded.value)
      : { damaged: true, expected: decoded.error.expected, found: decoded.error.found };
    structures.push({ structure, offsetBytes: place.offsetBytes, fields });
  }
  return structures;
};

const footerFields = (footer: Footer): Fields => ({
  features: footer.features,
  fileFormatVersion: versionText(footer.fileFormatVersion),
  dataOffset: footer.dataOffsetBytes,
  timeStamp: footer.timeStampSeconds,
  creatorApplication: footer.creatorApplication,
  creatorVersion: versionText(footer.creatorVersion),
  creatorHostOs: footer.creatorHostOs,
  originalSize: footer.originalSizeBytes,
  currentSize: footer.currentSizeBytes,
  cylinders: footer.geometry.cylinders,
  heads: footer.geometry.heads,
  sectorsPerTrack: footer.geometry.sectorsPerTrack,
  diskType: footer.diskType,
  uniqueId: footer.uniqueId,
  savedState: footer.savedState !== 0,
});

const versionText = (version: number): string => `${version >>> 16}.${version & 0xffff}`;

const inspectBlockStore = async (vhd: OpenVhd, blocks: BlockStore): Promise<readonly InspectedStructure[]> => [
  { structure: 'dynamic header', offsetBytes: blocks.footer.dataOffsetBytes, fields: headerFields(blocks.header) },
  ...(blocks.footer.diskType === 'differencing' ? await inspectLocators(vhd, blocks.header) : []),
  {
    structure: 'BAT',
    offsetBytes: blocks.header.tableOffsetBytes,
    fields: {
      entries: blocks.header.maxTableEntries,
      bytes: tableBytes(blocks.header.maxTableEntries),
      allocatedBlocks: blocks.allocatedBlocks,
      endOfBlocks: blocks.endOfBlocksBytes,
    },
  },
  ...(blocks.batmap.length === 0 ? [] : [await inspectBatmap(vhd, blocks)]),
];

const headerFields = (header: DynamicHeader): Fields => ({
  tableOffset: header.tableOffsetBytes,
  headerVersion: versionText(header.headerVersion),
  maxTableEntries: header.maxTableEntries,
  blockSize: header.blockSizeBytes,
  parentUniqueId: header.parentUniqueId,
  parentTimeStamp: header.parentTimeStampSeconds,
  parentUnicodeName: parentNameOf(header),
});

const inspectLocators = async (
  { file, fileSizeBytes }: OpenVhd,
  header: DynamicHeader,
): Promise<readonly InspectedStructure[]> =>
  (await readLocators(file, header, fileSizeBytes)).map(({ slot, entry, decoded }) => ({
    structure: `parent locator ${slot + 1}`,
    offsetBytes: Number(entry.dataOffset),
    fields: {
      ...entryFields(entry),
      path: decoded?.ok === true ? decoded.value.path : null,
      ...(decoded?.ok === false ? { damaged: true, expected: decoded.error.expected, found: decoded.error.found } : {}),
    },
  }));

const entryFields = (entry: ParentLocatorEntry): Fields => ({
  platformCode: entry.platformCode,
  platformDataSpace: entry.dataSpace,
  platformDataLength: entry.dataLength,
});

const inspectBatmap = async ({ file }: OpenVhd, { header }: BlockStore): Promise<InspectedStructure> => {
  const offsetBytes = batmapHeaderOffset(header);
  const raw = batmapHeader.decode(await readAt(file, offsetBytes, batmapHeader.sizeBytes));
  return {
    structure: 'batmap',
    offsetBytes,
    fields: {
      mapOffset: Number(raw.mapOffset),
      mapSectors: raw.mapSize,
      version: versionText(raw.version),
    },
  };
};

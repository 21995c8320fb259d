/** Every structure of a VHDX as it stands in the file. Strings are the image's own, raw: who prints them escapes them. */
import type { InspectedStructure } from '#application/ports/disk-image';
import { decodeCreator } from '#domain/disk-format/vhdx/file-identifier';
import { decodeHeader, HEADER_BYTES, HEADER_OFFSETS } from '#domain/disk-format/vhdx/header';
import { ITEM, type MetadataEntry } from '#domain/disk-format/vhdx/metadata-table';
import { BAT_REGION, METADATA_REGION, REGION_TABLE_OFFSETS } from '#domain/disk-format/vhdx/region-table';
import { readAt } from '../file-faults.js';
import type { OpenVhdx } from './open-vhdx.js';

type Fields = InspectedStructure['fields'];

const CREATOR_END_BYTES = 520;

export const inspectVhdx = async (vhdx: OpenVhdx): Promise<readonly InspectedStructure[]> => [
  {
    structure: 'file identifier',
    offsetBytes: 0,
    fields: { creator: decodeCreator(await readAt(vhdx.file, 0, CREATOR_END_BYTES)) },
  },
  ...(await inspectHeaders(vhdx)),
  ...inspectLog(vhdx),
  ...inspectRegions(vhdx),
  ...inspectMetadata(vhdx),
  {
    structure: 'BAT',
    offsetBytes: vhdx.regions.bat.fileOffsetBytes,
    fields: {
      entries: vhdx.geometry.entryCount,
      payloadBlocks: vhdx.geometry.payloadBlocks,
      chunkRatio: vhdx.geometry.chunkRatio,
      allocatedBlocks: vhdx.summary.allocatedBlocks,
      anchors: vhdx.summary.anchors,
      bitmapBlocks: vhdx.summary.bitmapBlocks,
      endOfBlocks: vhdx.summary.endOfBlocksBytes,
    },
  },
];

const inspectHeaders = async ({ file, headers }: OpenVhdx): Promise<readonly InspectedStructure[]> => {
  const structures: InspectedStructure[] = [];
  for (const [slot, offsetBytes] of HEADER_OFFSETS.entries()) {
    const header = decodeHeader(await readAt(file, offsetBytes, HEADER_BYTES));
    const fields: Fields =
      header === null
        ? { damaged: true }
        : {
            current: slot === headers.slot,
            sequenceNumber: String(header.sequenceNumber),
            fileWriteGuid: header.fileWriteGuid,
            dataWriteGuid: header.dataWriteGuid,
            logGuid: header.logGuid,
            logVersion: header.logVersion,
            version: header.version,
            logLength: header.logLengthBytes,
            logOffset: header.logOffsetBytes,
          };
    structures.push({ structure: `header ${slot + 1}`, offsetBytes, fields });
  }
  return structures;
};

const inspectLog = ({ headers, dirtyLog }: OpenVhdx): readonly InspectedStructure[] => {
  const { logOffsetBytes, logLengthBytes } = headers.header;
  if (logLengthBytes === 0) return [];
  const entries: Fields =
    dirtyLog === null
      ? { entriesToApply: 0 }
      : {
          entriesToApply: dirtyLog.entries.length,
          lastSequenceNumber: String(dirtyLog.lastSequenceNumber),
          flushedFileOffset: dirtyLog.flushedFileOffsetBytes,
          lastFileOffset: dirtyLog.lastFileOffsetBytes,
        };
  return [{ structure: 'log', offsetBytes: logOffsetBytes, fields: { length: logLengthBytes, ...entries } }];
};

const inspectRegions = ({ regions }: OpenVhdx): readonly InspectedStructure[] => {
  const { entries, damagedCopies } = regions;
  const tables = REGION_TABLE_OFFSETS.map((offsetBytes, copy) => {
    const isDamaged = damagedCopies.some((damaged) => damaged === copy);
    const fields: Fields = isDamaged ? { damaged: true } : { entries: entries.length };
    return { structure: `region table ${copy + 1}`, offsetBytes, fields };
  });
  const inUse = entries.map((entry) => ({
    structure: `region ${REGION_NAME_OF.get(entry.guid) ?? entry.guid}`,
    offsetBytes: entry.fileOffsetBytes,
    fields: { guid: entry.guid, length: entry.lengthBytes, required: entry.required },
  }));
  return [...tables, ...inUse];
};

const REGION_NAME_OF = new Map([
  [BAT_REGION, 'BAT'],
  [METADATA_REGION, 'metadata'],
]);

const NAME_OF = new Map<string, string>(Object.entries(ITEM).map(([name, itemId]) => [itemId, name]));

const inspectMetadata = (vhdx: OpenVhdx): readonly InspectedStructure[] => {
  const { fileOffsetBytes } = vhdx.regions.metadata;
  return [
    { structure: 'metadata table', offsetBytes: fileOffsetBytes, fields: { entries: vhdx.metadata.length } },
    ...vhdx.metadata.map((entry) => ({
      structure: `metadata item ${entry.isUser ? entry.itemId : (NAME_OF.get(entry.itemId) ?? entry.itemId)}`,
      offsetBytes: fileOffsetBytes + entry.offsetBytes,
      fields: { ...entryFields(entry), ...contentFields(entry, vhdx) },
    })),
  ];
};

const entryFields = ({ itemId, lengthBytes, isUser, isVirtualDisk, isRequired }: MetadataEntry): Fields => ({
  itemId,
  length: lengthBytes,
  isUser,
  isVirtualDisk,
  isRequired,
});

const contentFields = ({ itemId, isUser }: MetadataEntry, { parameters, locator }: OpenVhdx): Fields => {
  if (isUser) return {};
  switch (itemId) {
    case ITEM.fileParameters: {
      const { blockSizeBytes, leaveBlockAllocated, hasParent } = parameters;
      return { blockSize: blockSizeBytes, leaveBlockAllocated, hasParent };
    }
    case ITEM.virtualDiskSize:
      return { size: parameters.virtualSizeBytes };
    case ITEM.virtualDiskId:
      return { virtualDiskId: parameters.virtualDiskId };
    case ITEM.logicalSectorSize:
      return { sectorSize: parameters.logicalSectorSize };
    case ITEM.physicalSectorSize:
      return { sectorSize: parameters.physicalSectorSize };
    case ITEM.parentLocator:
      return Object.fromEntries((locator?.entries ?? []).map(({ key, value }) => [`locator.${key}`, value]));
    default:
      return {};
  }
};

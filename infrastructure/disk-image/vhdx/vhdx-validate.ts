/**
 * The deep check of a VHDX that could be opened: opening has already proved header, log, region table, metadata, BAT and the place
 * of every block, and refuses by its first flaw. Here is what takes reading the bitmaps, and what is only worth knowing.
 */
import type { Finding } from '#application/ports/disk-image';
import { FIRST_MIB } from '#domain/disk-format/vhdx/header';
import { isKnownItem } from '#domain/disk-format/vhdx/metadata-table';
import { BAT_REGION, METADATA_REGION } from '#domain/disk-format/vhdx/region-table';
import { BITMAP_BLOCK_BYTES } from '#domain/disk-format/vhdx/sector-bitmap';
import { MIB } from '#domain/quantities';
import { bitmapFindings } from './bitmap-validate.js';
import type { OpenVhdx } from './open-vhdx.js';

export const validateVhdx = async (vhdx: OpenVhdx): Promise<readonly Finding[]> => [
  ...vhdx.description.warnings.map((message) => finding('warning', 'VHDX', message)),
  ...logFindings(vhdx),
  ...unknownFindings(vhdx),
  ...locatorFindings(vhdx),
  ...(await bitmapFindings(vhdx)),
  ...lengthFindings(vhdx),
];

const finding = (severity: Finding['severity'], structure: string, message: string): Finding => ({
  severity,
  structure,
  message,
});

const logFindings = ({ headers }: OpenVhdx): readonly Finding[] =>
  headers.header.logLengthBytes > 0
    ? []
    : [finding('warning', 'VHDX log', 'The file has no log: nobody can change its metadata safely.')];

const unknownFindings = ({ regions, metadata }: OpenVhdx): readonly Finding[] => [
  ...regions.entries
    .filter(({ guid }) => guid !== BAT_REGION && guid !== METADATA_REGION)
    .map(({ guid }) => finding('note', 'VHDX region table', `Region ${guid} is another program's. It is left alone.`)),
  ...metadata
    .filter((entry) => !isKnownItem(entry) && !entry.isVirtualDisk)
    .map(({ itemId }) =>
      finding('note', 'VHDX metadata', `Item ${itemId} is another program's or a user's. It is left alone.`),
    ),
];

const GUID_IN_BRACES = /^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/;

const locatorFindings = ({ locator, description }: OpenVhdx): readonly Finding[] => {
  if (locator === null) return [];
  const isDialect = locator.entries.some(({ key, value }) => key === 'parent_linkage' && !GUID_IN_BRACES.test(value));
  const dialect = 'The parent linkage is no GUID in lower case and braces: some programs do not understand it.';
  const nowhere = 'Nothing in the file says where the parent is on this system.';
  return [
    ...(isDialect ? [finding('note', 'VHDX parent locator', dialect)] : []),
    ...(description.parentCandidates.some(({ path }) => path !== null)
      ? []
      : [finding('warning', 'VHDX parent locator', nowhere)]),
  ];
};

const lengthFindings = (vhdx: OpenVhdx): readonly Finding[] => {
  const { fileSizeBytes } = vhdx;
  const leakedMib = Math.floor((fileSizeBytes - usedBytes(vhdx)) / MIB);
  return [
    ...(fileSizeBytes % MIB === 0
      ? []
      : [finding('note', 'VHDX', `The file is ${fileSizeBytes} bytes long, which is no multiple of 1 MiB.`)]),
    ...(leakedMib <= 0 ? [] : [finding('note', 'VHDX', `${leakedMib} MiB of the file hold nothing that is in use.`)]),
  ];
};

/** Opening has proved that none of it overlaps. */
const usedBytes = ({ headers, regions, parameters, summary }: OpenVhdx): number =>
  FIRST_MIB.endBytes +
  headers.header.logLengthBytes +
  regions.entries.reduce((total, { lengthBytes }) => total + lengthBytes, 0) +
  (summary.allocatedBlocks + summary.anchors) * parameters.blockSizeBytes +
  summary.bitmapBlocks * BITMAP_BLOCK_BYTES;

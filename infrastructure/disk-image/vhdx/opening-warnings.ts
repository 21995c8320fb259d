import { NIL_GUID } from '#domain/disk-format/vhdx/header';
import { isKnownItem, type MetadataEntry } from '#domain/disk-format/vhdx/metadata-table';
import type { OpenVhdx } from './open-vhdx.js';

/** What is not as it should be, or worth knowing before a merge, but can be read all the same. One sentence each. */
export const openingWarnings = ({
  headers,
  regions,
  metadata,
  dirtyLog,
}: Pick<OpenVhdx, 'headers' | 'regions' | 'metadata' | 'dirtyLog'>): readonly string[] => [
  ...headers.warnings,
  ...regions.damagedCopies.map(
    (copy) => `Region table ${copy + 1} is damaged or differs from the other copy, which was used.`,
  ),
  ...(headers.header.dataWriteGuid === NIL_GUID
    ? ['The DataWriteGuid is zero: nobody can verify that this is the parent of a child.']
    : []),
  ...(dirtyLog === null
    ? []
    : [`The log has not been applied (${counted(dirtyLog.entries.length)}): the file is read as if it had.`]),
  ...metadata.filter(isUnknownDiskItem).map(unknownItem),
];

const counted = (entries: number): string => `${entries} ${entries === 1 ? 'entry' : 'entries'}`;

/** Of the virtual disk, and nothing that the specification defines: a merge takes it away with its disk. [MS-VHDX] 2.6.1.2 */
const isUnknownDiskItem = (entry: MetadataEntry): boolean => entry.isVirtualDisk && !isKnownItem(entry);

const unknownItem = ({ itemId, isUser }: MetadataEntry): string =>
  `The disk has ${isUser ? 'a user item' : 'an item of another program'} in its metadata, ${itemId}: a merge into this disk replaces it by the source's.`;

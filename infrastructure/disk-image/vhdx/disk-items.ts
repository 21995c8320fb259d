/**
 * The metadata items of the virtual disk, as a merge moves them: those of the destination go, those of the source come.
 * [MS-VHDX] 2.6.1.2
 */
import { BlockSpaceExhausted, type DiskItem } from '#application/ports/disk-image';
import {
  decodeDiskParameters,
  type DiskParameters,
  encodeFileParameters,
} from '#domain/disk-format/vhdx/disk-parameters';
import { ITEM, type MetadataEntry } from '#domain/disk-format/vhdx/metadata-table';
import type { MergeError } from '#domain/merge-error';
import { replaceItems } from './metadata-store.js';
import type { OpenVhdx } from './open-vhdx.js';
import type { VhdxSession } from './vhdx-session.js';

export interface DiskItemChanges {
  readonly remove: readonly MetadataEntry[];
  readonly put: readonly DiskItem[];
}

/**
 * Changes the items as one, durable when it returns. Returns the metadata entries that the file has then. Throws `BlockSpaceExhausted`,
 * and has written nothing, when the metadata region has no room.
 */
export const putDiskItems = async (
  vhdx: Pick<OpenVhdx, 'path' | 'regions' | 'metadata'>,
  session: Pick<VhdxSession, 'commit'>,
  changes: DiskItemChanges,
): Promise<readonly MetadataEntry[]> => {
  const replaced = replaceItems(vhdx, toReplace(changes));
  if (!replaced.ok) {
    const { put } = changes;
    const total = put.reduce((sum, { content }) => sum + content.length, 0);
    const expected = `a metadata region with room for ${put.length} items of the virtual disk, ${total} bytes together`;
    throw new BlockSpaceExhausted(vhdx.path, expected, replaced.error.message);
  }
  await session.commit(replaced.value.transactions);
  return replaced.value.metadata;
};

/** Why the source's items cannot take the place of the destination's own; null: they can. */
export const diskItemsRefusal = (
  vhdx: Pick<OpenVhdx, 'path' | 'regions' | 'metadata'>,
  own: readonly DiskItem[],
  source: readonly DiskItem[],
): MergeError | null => {
  const changes = changesToTake(vhdx.metadata, own, source);
  if (changes === null) return null;
  const replaced = replaceItems(vhdx, toReplace(changes));
  return replaced.ok ? null : replaced.error;
};

const toReplace = ({ remove, put }: DiskItemChanges): Parameters<typeof replaceItems>[1] => ({
  remove,
  put: put.map((item) => ({ ...item, isVirtualDisk: true })),
});

/** What makes a disk's items, `own`, those of the source; null when they are. `metadata`: the destination's, `own` among it. */
export const changesToTake = (
  metadata: readonly MetadataEntry[],
  own: readonly DiskItem[],
  source: readonly DiskItem[],
): DiskItemChanges | null => {
  const remove = metadata.filter((entry) => entry.isVirtualDisk && !source.some((item) => isSame(item, entry)));
  const put = source.filter((item) => !own.some((has) => isSame(has, item) && isEqual(has, item)));
  return remove.length + put.length === 0 ? null : { remove, put };
};

/** What the disk is with the source's items. They were read, and checked, from a disk of their own. */
export const parametersWith = (own: DiskParameters, source: readonly DiskItem[]): DiskParameters => {
  const contents = new Map(source.filter(({ isUser }) => !isUser).map(({ itemId, content }) => [itemId, content]));
  contents.set(ITEM.fileParameters, encodeFileParameters(own));
  const parameters = decodeDiskParameters((itemId) => {
    const content = contents.get(itemId);
    if (content === undefined) throw new RangeError(`Bug: the source has no disk item ${itemId}`);
    return content;
  });
  if (!parameters.ok) throw new RangeError(`Bug: the source has unusable disk items: ${parameters.error.found}`);
  return parameters.value;
};

/** A user's item may bear the id of another's. */
const isSame = (one: Pick<DiskItem, 'itemId' | 'isUser'>, other: Pick<DiskItem, 'itemId' | 'isUser'>): boolean =>
  one.itemId === other.itemId && one.isUser === other.isUser;

const isEqual = (one: DiskItem, other: DiskItem): boolean =>
  one.isRequired === other.isRequired &&
  one.content.length === other.content.length &&
  one.content.every((byte, n) => byte === other.content[n]);

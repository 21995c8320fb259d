import type { ForestImage, ForestLead } from '#domain/chain/forest';
import type { FileIdentity, ImageDescription, ParentCandidatePath } from '#domain/chain/image-description';
import type { Trouble } from '#domain/chain/link-troubles';
import type { MergeError } from '#domain/merge-error';
import { FileSystemFault, type FileSystem } from '../ports/file-system.js';
import type { FoundFile, PassedOver } from '../chain/files-in-folders.js';
import { leadsOf, type Leading } from '../chain/leads.js';
import type { ChainPorts } from '../chain/open-chain.js';

/** An image of a forest, and what its file takes. */
export interface ScannedImage extends ForestImage {
  readonly file: FileIdentity;
  /** Of the last change, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** Bytes that the file has on its file system; null where that is not told. */
  readonly allocatedBytes: number | null;
  /** It lies outside the folder that was asked for, and is a parent of one inside. */
  readonly isOutside: boolean;
  /** Where its leads end, with links resolved. */
  readonly parentPaths: readonly string[];
  readonly troubles: readonly Trouble[];
}

export type Examined =
  | { readonly is: 'image'; readonly image: ScannedImage }
  | { readonly is: 'passed over'; readonly passedOver: PassedOver }
  | { readonly is: 'no image' };

export const fileKeyOf = ({ dev, ino }: Pick<FileIdentity, 'dev' | 'ino'>): string => `${dev}:${ino}`;

/**
 * Opens a file, keeps what it says of itself and closes it again: whatever is wrong with it is its own trouble. A damaged image is
 * still asked who it is, so that it keeps its place among the others.
 */
export const examine = async (
  found: FoundFile,
  isOutside: boolean,
  leading: Leading,
  ports: ChainPorts,
): Promise<Examined> => {
  try {
    const opened = await ports.images.open(found.path);
    if (!opened.ok) return await unopened(found, isOutside, opened.error, leading, ports);
    const { description } = opened.value;
    await opened.value.close();
    const { format, type, virtualSizeBytes, logicalSectorSize, identity, parentIdentities } = description;
    const told = { format, type, virtualSizeBytes, logicalSectorSize, identity, parentIdentities };
    const file = await fileParts(found, isOutside, description.parentCandidates, leading, ports);
    return { is: 'image', image: { ...told, ...file, troubles: troublesOf(description) } };
  } catch (fault) {
    if (!(fault instanceof FileSystemFault)) throw fault;
    return passedOver(found.path, `it cannot be read: ${fault.message}`);
  }
};

const passedOver = (path: string, why: string): Examined => ({
  is: 'passed over',
  passedOver: { path, why, hides: true },
});

const unopened = async (
  found: FoundFile,
  isOutside: boolean,
  error: MergeError,
  leading: Leading,
  ports: ChainPorts,
): Promise<Examined> => {
  if (error.kind === 'not-a-virtual-disk' || error.kind === 'file-not-found') return { is: 'no image' };
  if (error.kind === 'access-denied') return passedOver(found.path, 'this user may not read it');
  const probed = await ports.images.probe(found.path);
  const unknown = { format: null, type: null, virtualSizeBytes: null, logicalSectorSize: null } as const;
  const link = { identity: probed?.identity ?? null, parentIdentities: probed?.parentIdentities ?? [] };
  const file = await fileParts(found, isOutside, probed?.parentCandidates ?? [], leading, ports);
  const trouble: Trouble = { kind: 'damaged', severity: 'broken', message: error.message, related: [] };
  return { is: 'image', image: { ...unknown, ...link, ...file, troubles: [trouble] } };
};

const fileParts = async (
  { path, file, mtimeMs }: FoundFile,
  isOutside: boolean,
  candidates: readonly ParentCandidatePath[],
  leading: Leading,
  { files }: ChainPorts,
) => {
  const followed = await leadsOf(candidates, leading, files);
  const leads: readonly ForestLead[] = await Promise.all(
    followed.map(async ({ tried, path: real, why }) => {
      if (real === null) return { tried, fileKey: null, why };
      const stat = await files.stat(real);
      return stat?.kind === 'file'
        ? { tried, fileKey: fileKeyOf(stat), why: null }
        : { tried, fileKey: null, why: 'no file is there' };
    }),
  );
  const parentPaths = followed.flatMap(({ path: real }) => real ?? []);
  const allocatedBytes = await allocatedBy(path, files);
  return { path, fileKey: fileKeyOf(file), file, mtimeMs, allocatedBytes, isOutside, parentPaths, leads };
};

const allocatedBy = async (path: string, files: FileSystem): Promise<number | null> => {
  const file = await files.open(path, 'read');
  try {
    return await file.space.allocatedBytes();
  } finally {
    await file.close();
  }
};

const troublesOf = ({ savedState, warnings }: ImageDescription): readonly Trouble[] => [
  ...(savedState
    ? [attention('saved-state', 'it belongs to a virtual machine in saved state: it is not merged like this')]
    : []),
  ...warnings.map((sentence) => attention('warning', sentence)),
];

const attention = (kind: Trouble['kind'], message: string): Trouble => ({
  kind,
  severity: 'attention',
  message,
  related: [],
});

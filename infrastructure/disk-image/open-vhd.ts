/**
 * Opens a VHD. Guarantees:
 * - Nothing is written.
 * - Every number of the file is checked against the file's size before it is calculated or allocated with: footer, dynamic
 *   header, the places of all structures, every entry of the BAT (FORMATS.md Part E, in its order).
 * - A refusal leaves no file open.
 */
import type { FileSystem, OpenFile } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import type { ImageDescription } from '#domain/chain/image-description';
import { hasSavedState, SHORT_FOOTER_BYTES } from '#domain/disk-format/vhd/footer';
import { chooseFooter, type FooterChoice, type FooterReads } from '#domain/disk-format/vhd/footer-copies';
import { damagedStructure, type MergeError, mergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { refusing } from './file-faults.js';
import { openingWarnings } from './opening-warnings.js';
import { readFooters } from './read-footers.js';
import { candidatesOf, locatorWarnings, readLocators } from './read-locators.js';
import { type BlockStore, openBlockStore } from './block-store.js';

export interface OpenVhd {
  readonly file: OpenFile;
  readonly fileSizeBytes: number;
  readonly choice: FooterChoice;
  /** Null for a fixed disk, which is its data and a footer. */
  readonly blocks: BlockStore | null;
  readonly description: ImageDescription;
}

const VHDX_SIGNATURE = new TextEncoder().encode('vhdxfile');

/** Opens the file and lets `use` make something of it. Closes it again when that is refused or fails. */
export const opening = <T>(
  files: FileSystem,
  path: string,
  mode: 'read' | 'read-write',
  use: (file: OpenFile, realPath: string) => Promise<Result<T, MergeError>>,
): Promise<Result<T, MergeError>> =>
  refusing(path, async () => {
    const realPath = await files.realPath(path);
    const file = await files.open(realPath, mode);
    try {
      const used = await use(file, realPath);
      if (!used.ok) await file.close();
      return used;
    } catch (fault) {
      await file.close();
      throw fault;
    }
  });

/** The VHD in an open file, whose canonical path is `path`. */
export const openVhd = async (
  file: OpenFile,
  path: string,
  hostStyle: HostStyle,
): Promise<Result<OpenVhd, MergeError>> => {
  const { sizeBytes: fileSizeBytes } = await file.stat();
  const footers = await readFooters(file, fileSizeBytes);
  if (startsLikeVhdx(footers)) return err(vhdxNotSupported(path));
  const choice = chooseFooter(footers);
  if (!choice.ok) {
    const noVhd = choice.error.flaw === 'footer-missing' || fileSizeBytes < SHORT_FOOTER_BYTES;
    return err(noVhd ? notAVirtualDisk(path) : damagedStructure(path, choice.error));
  }
  const blocks = await openBlockStore(file, fileSizeBytes, choice.value);
  if (!blocks.ok) return err(damagedStructure(path, blocks.error));
  const vhd = { file, fileSizeBytes, choice: choice.value, blocks: blocks.value };
  return ok({ ...vhd, description: await describe(vhd, path, hostStyle) });
};

/**
 * A guest writes what it likes into its disk: the first sector of a fixed VHD and the last of a VHDX are its own. So a file that
 * starts like a VHDX is never taken for a VHD, whatever stands at its end.
 */
export const startsLikeVhdx = ({ head }: FooterReads): boolean =>
  head !== null && VHDX_SIGNATURE.every((byte, n) => byte === head[n]);

const vhdxNotSupported = (path: string): MergeError =>
  mergeError('format-not-supported', 'this build reads and merges VHD, not VHDX', {
    path,
    expected: 'a VHD (its last sector begins with "conectix")',
    found: 'a VHDX (the file begins with "vhdxfile")',
    todo: 'Nothing was written. This build merges VHD; VHDX comes in a later one.',
  });

const notAVirtualDisk = (path: string): MergeError =>
  mergeError('not-a-virtual-disk', 'this is no virtual hard disk', {
    path,
    expected: 'a VHD footer ("conectix") in the last or the first sector of the file',
    found: 'none',
    todo: 'Check that the path names a VHD file, and that the file was copied whole.',
  });

const describe = async (
  { file, fileSizeBytes, choice, blocks }: Omit<OpenVhd, 'description'>,
  path: string,
  hostStyle: HostStyle,
): Promise<ImageDescription> => {
  const { footer } = choice;
  const header = footer.diskType === 'differencing' ? (blocks?.header ?? null) : null;
  const locators = header === null ? [] : await readLocators(file, header, fileSizeBytes);
  return {
    path,
    format: 'vhd',
    type: footer.diskType,
    virtualSizeBytes: footer.currentSizeBytes,
    blockSizeBytes: blocks?.header.blockSizeBytes ?? null,
    logicalSectorSize: 512,
    identity: footer.uniqueId,
    parentIdentities: header === null ? [] : [header.parentUniqueId],
    parentCandidates: header === null ? [] : candidatesOf(path, hostStyle, header, locators),
    savedState: hasSavedState(footer),
    warnings: [...openingWarnings(choice, blocks?.header ?? null), ...locatorWarnings(locators)],
  };
};

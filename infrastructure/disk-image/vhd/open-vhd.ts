/**
 * Opens a VHD. Guarantees:
 * - Nothing is written.
 * - Every number of the file is checked against the file's size before it is calculated or allocated with: footer, dynamic
 *   header, the places of all structures, every entry of the BAT (FORMATS.md Part E, in its order).
 * - A refusal leaves no file open.
 */
import type { OpenFile } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import type { ImageDescription } from '#domain/chain/image-description';
import { hasSavedState, SHORT_FOOTER_BYTES } from '#domain/disk-format/vhd/footer';
import { chooseFooter, type FooterChoice, type FooterReads } from '#domain/disk-format/vhd/footer-copies';
import { damagedStructure, type MergeError, mergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
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

/** The VHD in an open file, whose canonical path is `path`. */
export const openVhd = async (
  file: OpenFile,
  path: string,
  hostStyle: HostStyle,
): Promise<Result<OpenVhd, MergeError>> => {
  const { sizeBytes: fileSizeBytes } = await file.stat();
  const footers = await readFooters(file, fileSizeBytes);
  if (startsLikeVhdx(footers)) return err(notAVirtualDisk(path, 'a VHDX (the file begins with "vhdxfile")'));
  const choice = chooseFooter(footers);
  if (!choice.ok) {
    const noVhd = choice.error.flaw === 'footer-missing' || fileSizeBytes < SHORT_FOOTER_BYTES;
    return err(noVhd ? notAVirtualDisk(path, 'neither') : damagedStructure(path, choice.error));
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

const notAVirtualDisk = (path: string, found: string): MergeError =>
  mergeError('not-a-virtual-disk', 'this is no virtual hard disk', {
    path,
    expected: 'a VHD footer ("conectix") in the last or the first sector of the file, or "vhdxfile" at its start',
    found,
    todo: 'Check that the path names a VHD or VHDX file, and that the file was copied whole.',
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
    writeIdentity: null,
    parentIdentities: header === null ? [] : [header.parentUniqueId],
    parentCandidates: header === null ? [] : candidatesOf(path, hostStyle, header, locators),
    savedState: hasSavedState(footer),
    warnings: [...openingWarnings(choice, blocks?.header ?? null), ...locatorWarnings(locators)],
  };
};

/**
 * Opens a VHDX. Guarantees:
 * - Nothing is written: a dirty log is applied in memory only.
 * - Every number of the file is checked against the file's size before it is calculated or allocated with (FORMATS.md Part E, in
 *   its order).
 * - The memory it takes does not grow with the disk: the BAT is streamed.
 */
import type { OpenFile } from '#application/ports/file-system';
import type { ImageDescription } from '#domain/chain/image-description';
import { type HostStyle, vhdxParentCandidates } from '#domain/chain/parent-candidates';
import { flawOf } from '#domain/disk-format/flaw';
import { type BatGeometry, batGeometry } from '#domain/disk-format/vhdx/bat';
import { decodeFooter, FOOTER_BYTES } from '#domain/disk-format/vhd/footer';
import type { BatSummary } from '#domain/disk-format/vhdx/bat-check';
import type { DiskParameters } from '#domain/disk-format/vhdx/disk-parameters';
import {
  chooseHeader,
  HEADER_BYTES,
  HEADER_OFFSETS,
  type HeaderChoice,
  logExtent,
} from '#domain/disk-format/vhdx/header';
import { hasVhdxSignature } from '#domain/disk-format/vhdx/file-identifier';
import type { ActiveSequence } from '#domain/disk-format/vhdx/log-sequence';
import type { MetadataEntry } from '#domain/disk-format/vhdx/metadata-table';
import { linkageOf, type ParentLocator, storedPathsOf } from '#domain/disk-format/vhdx/parent-locator';
import type { RegionTables } from '#domain/disk-format/vhdx/region-table';
import { damagedStructure, type MergeError, mergeError, type StructureFlaw } from '#domain/merge-error';
import { MIB } from '#domain/quantities';
import { err, ok, type Result } from '#domain/result';
import { readAt } from '../file-faults.js';
import { checkBat } from './check-bat.js';
import { ChunkBitmaps } from './chunk-bitmaps.js';
import { openingWarnings } from './opening-warnings.js';
import { OverlaidFile } from './overlaid-file.js';
import { PagedBat } from './paged-bat.js';
import { readDirtyLog } from './read-dirty-log.js';
import { type Metadata, readMetadata } from './read-metadata.js';
import { readRegions } from './read-regions.js';

export interface OpenVhdx extends Metadata {
  /** Canonical absolute path. */
  readonly path: string;
  readonly file: OpenFile;
  /** The file with its dirty log applied: everything but the headers and the log is read through it. */
  readonly view: OverlaidFile;
  /** As they were when the file was opened. */
  readonly headers: HeaderChoice;
  /** Null when the log is empty. */
  readonly dirtyLog: ActiveSequence | null;
  readonly regions: RegionTables;
  readonly metadata: readonly MetadataEntry[];
  readonly parameters: DiskParameters;
  /** Null when the disk has no parent. */
  readonly locator: ParentLocator | null;
  /** The locator's item as it is in the file. */
  readonly locatorBytes: Uint8Array | null;
  readonly geometry: BatGeometry;
  readonly bat: PagedBat;
  readonly bitmaps: ChunkBitmaps;
  /** What the check of the whole BAT found, as the file was when it was opened. */
  readonly summary: BatSummary;
  /** Length of the file in bytes with the log applied, as it was when it was opened. */
  readonly fileSizeBytes: number;
  readonly description: ImageDescription;
}

/** The VHDX in an open file, whose canonical path is `path`. */
export const openVhdx = async (
  file: OpenFile,
  path: string,
  hostStyle: HostStyle,
): Promise<Result<OpenVhdx, MergeError>> => {
  if (!(await startsLikeVhdx(file))) return err(notAVirtualDisk(path));
  const vhdx = await readVhdx(file, path);
  if (!vhdx.ok) return err(damagedStructure(path, vhdx.error));
  if (await isFixedVhdToo(file)) return err(twoFormats(path));
  return ok({ ...vhdx.value, description: describe(vhdx.value, hostStyle) });
};

/** What a file is, its first bytes say, whatever a guest may have put at its end. */
export const startsLikeVhdx = async (file: OpenFile): Promise<boolean> => hasVhdxSignature(await readAt(file, 0, 8));

type ReadVhdx = Omit<OpenVhdx, 'description'>;

const readVhdx = async (file: OpenFile, path: string): Promise<Result<ReadVhdx, StructureFlaw>> => {
  const { sizeBytes } = await file.stat();
  if (sizeBytes < MIB) {
    return err(flawOf('VHDX')('too-small', `a file of at least ${MIB} bytes`, `${sizeBytes} bytes`));
  }
  const [first, second] = HEADER_OFFSETS;
  const headers = chooseHeader(
    await readAt(file, first, HEADER_BYTES),
    await readAt(file, second, HEADER_BYTES),
    sizeBytes,
  );
  if (!headers.ok) return headers;
  const dirtyLog = await readDirtyLog(file, headers.value.header, sizeBytes);
  if (!dirtyLog.ok) return dirtyLog;

  const view = new OverlaidFile(file, sizeBytes, dirtyLog.value);
  const log = logExtent(headers.value.header);
  const regions = await readRegions(view, { fileSizeBytes: view.sizeBytes, log });
  if (!regions.ok) return regions;
  const metadata = await readMetadata(view, regions.value.metadata);
  if (!metadata.ok) return metadata;

  const geometry = batGeometry(metadata.value.parameters);
  const bat = new PagedBat(view, { tableOffsetBytes: regions.value.bat.fileOffsetBytes, geometry });
  const summary = await checkBat(bat, { geometry, regions: regions.value, log, fileSizeBytes: view.sizeBytes });
  if (!summary.ok) return summary;
  return ok({
    path,
    file,
    view,
    headers: headers.value,
    dirtyLog: dirtyLog.value,
    regions: regions.value,
    ...metadata.value,
    geometry,
    bat,
    bitmaps: new ChunkBitmaps(view, bat, geometry),
    summary: summary.value,
    fileSizeBytes: view.sizeBytes,
  });
};

const notAVirtualDisk = (path: string): MergeError =>
  mergeError('not-a-virtual-disk', 'this is no VHDX', {
    path,
    expected: '"vhdxfile" at the start of the file',
    found: 'something else',
    todo: 'Check that the path names a VHDX file, and that the file was copied whole.',
  });

/**
 * A whole VHDX in a fixed VHD: its guest writes what it likes into the first sectors of its disk, and would choose by them which file
 * of this host is read as its parent. A VHDX ends at a MiB, a fixed VHD one sector behind its disk's end. So whatever the guest of
 * a VHDX of whole MiB writes at the end of its own disk does not count.
 */
const isFixedVhdToo = async (file: OpenFile): Promise<boolean> => {
  const { sizeBytes } = await file.stat();
  if (sizeBytes % MIB === 0 || sizeBytes < FOOTER_BYTES) return false;
  const footer = decodeFooter(await readAt(file, sizeBytes - FOOTER_BYTES, FOOTER_BYTES));
  return footer.ok && footer.value.diskType === 'fixed' && footer.value.currentSizeBytes === sizeBytes - FOOTER_BYTES;
};

const twoFormats = (path: string): MergeError =>
  mergeError('not-a-virtual-disk', 'two formats claim this file', {
    path,
    expected: 'a VHD or a VHDX',
    found: 'a whole VHDX and, behind its last MiB, the footer of a fixed VHD that fits the length of the file',
    todo: 'Nothing was written. If it is a fixed VHD, its guest has put a VHDX at the start of its disk; if it is a VHDX, cut off the last 512 bytes of a copy.',
  });

const describe = (vhdx: ReadVhdx, hostStyle: HostStyle): ImageDescription => {
  const { path, parameters, locator } = vhdx;
  const { dataWriteGuid, fileWriteGuid } = vhdx.headers.header;
  return {
    path,
    format: 'vhdx',
    type: parameters.hasParent ? 'differencing' : parameters.leaveBlockAllocated ? 'fixed' : 'dynamic',
    virtualSizeBytes: parameters.virtualSizeBytes,
    blockSizeBytes: parameters.blockSizeBytes,
    logicalSectorSize: parameters.logicalSectorSize,
    identity: dataWriteGuid,
    writeIdentity: fileWriteGuid,
    parentIdentities: locator === null ? [] : linkageOf(locator),
    parentCandidates:
      locator === null ? [] : vhdxParentCandidates({ childPath: path, hostStyle, stored: storedPathsOf(locator) }),
    savedState: false,
    warnings: openingWarnings(vhdx),
  };
};

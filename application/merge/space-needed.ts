/**
 * What a merge takes of the destination's file system. Counted, at most: what the destination's file grows by; the pages that it
 * writes into holes of that file; what other images grow by when their link changes; the journal, when it lies there too.
 *
 * Not counted, because nothing tells it beforehand: a copy-on-write file system (btrfs, ZFS, a file with reflinks on XFS) takes new
 * space for what is written in place, and gives the old one back later; the maps of a file system for a file in many pieces; quotas;
 * thin storage below the file system.
 */
import { KIB, MIB, roundUp } from '#domain/quantities';
import { isFault } from '../ports/file-system.js';
import { Holes, PAGE_BYTES } from './holes.js';
import type { MergeChain } from './locked-chain.js';
import type { SpacePorts } from './merge-totals.js';

/** By so much a file grows that ends here and will end there. */
export const growthBytes = (sizeBytes: number, endBytes: number): number =>
  Math.max(0, roundUp(endBytes, PAGE_BYTES) - roundUp(sizeBytes, PAGE_BYTES));

/** A VHD gets its new header, and locators of a few KiB, behind its end. */
const VHD_LINK_BYTES = 64 * KIB;
/** Where the log and the metadata of a VHDX lie, as programs lay it out; they are written in place. */
const VHDX_LINK_AREA = { startBytes: 0, endBytes: 4 * MIB };

/** Children that get a new parent, and the direct child that follows a destination's new identity. */
export const otherImagesBytes = async (
  { sources, destination, relatives }: MergeChain,
  { files }: SpacePorts,
): Promise<number> => {
  const { path, format } = destination.image.description;
  const linked = format === 'vhdx' ? [sources.at(-1)!.image.description.path] : [];
  const device = (await files.stat(path))?.dev;
  let bytes = 0;
  for (const other of [...linked, ...relatives.children.map(({ image }) => image.path)]) {
    const there = await files.stat(other);
    if (there === null || there.dev !== device) continue;
    if (format === 'vhd') bytes += VHD_LINK_BYTES;
    else bytes += await holesIn(other, there.sizeBytes, files);
  }
  return bytes;
};

const holesIn = async (path: string, sizeBytes: number, files: SpacePorts['files']): Promise<number> => {
  const file = await files.open(path, 'read');
  try {
    return await (await Holes.of(file.space, sizeBytes)).bytesUnder([VHDX_LINK_AREA]);
  } finally {
    await file.close();
  }
};

/** An event of a block takes some 0.7 KiB as text, with 64 runs and all sources named 4 KiB; SQLite's tables and indexes are in it. */
const JOURNAL_BYTES_PER_BLOCK = 1 * KIB;
/** All other events of a job, and SQLite's write-ahead log, which is applied and begun anew at 1,000 pages. */
const JOURNAL_BYTES_PER_JOB = 5 * MIB;

/** 0 for a journal on another file system or on a server. */
export const journalGrowthBytes = async (
  destination: string,
  blocks: number,
  { files, store }: SpacePorts,
): Promise<number> => {
  const { folder } = store;
  if (folder === undefined) return 0;
  try {
    const [journal, disk] = [await files.stat(folder), await files.stat(destination)];
    if (journal === null || journal.dev !== disk?.dev) return 0;
  } catch (fault) {
    // A folder that may not be looked at is no reason against a merge: the journal is open.
    if (isFault(fault, 'access-denied')) return 0;
    throw fault;
  }
  return JOURNAL_BYTES_PER_JOB + blocks * JOURNAL_BYTES_PER_BLOCK;
};

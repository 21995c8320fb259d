/**
 * What the plain VHDX writer can be asked for: an image as a value, down to the order of its blocks in the file and what its log holds.
 * Contents are sparse, so that a block of 32 MiB costs what lies in it.
 */
import type { PlainImage } from './plain-vhd-spec.js';
import type { PayloadState } from './plain-vhdx-layout.js';

/**
 * Whose habits the image has (FORMATS.md B1-B7 and D; the corpus' files):
 * - `windows`: log, metadata, BAT, blocks from 4 MiB; regions required; five locator keys, parent_linkage2 zero; 4-KiB physical sectors;
 * - `qemu`: log, BAT, metadata, blocks from 8 MiB; regions not required; headers with two DataWriteGuids; a fixed disk has all its space
 *   and blocks in state 2; QEMU writes no children;
 * - `openvmm`: Windows' order; no creator; sequence numbers from 0; no parent_linkage2;
 * - `disk2vhd`: two identical headers; regions in the other order; disk id before the sector sizes; writes no children.
 */
export type PlainVhdxDialect = 'windows' | 'qemu' | 'openvmm' | 'disk2vhd';
export const VHDX_DIALECTS: readonly PlainVhdxDialect[] = ['windows', 'qemu', 'openvmm', 'disk2vhd'];
export const CHILD_DIALECTS: readonly PlainVhdxDialect[] = ['windows', 'openvmm'];

/** Bytes of whole logical sectors, from a sector of the block on. */
export type PlainRun = { readonly firstSector: number; readonly bytes: Uint8Array };

/** Sectors of a block: all of them, or every `step`-th. */
export type PlainSectors = { readonly firstSector: number; readonly sectorCount: number; readonly step?: number };

export type PlainPayload = {
  readonly state: PayloadState;
  /**
   * What lies in the block's place in the file; the rest of the place is zero. In states 6 and 7 there is a place always, in 1 and 3
   * when this is given (an old place, a "soft anchor", whose content nobody may see), in 0 and 2 never. It may reach beyond the disk's end.
   */
  readonly content?: readonly PlainRun[];
  /** Bits set in the chunk's bitmap. In state 7 they say which sectors are present; in every other state they are stale. */
  readonly bits?: readonly PlainSectors[];
};

/** A pair of the parent locator. */
export type LocatorPair = { readonly key: string; readonly value: string };

export type PlainVhdxParent = {
  /** parent_linkage. */
  readonly dataWriteGuid: string;
  /** parent_linkage2; without it the zero GUID, where the dialect has the key at all. */
  readonly linkage2?: string;
  /** In the child's folder. */
  readonly fileName: string;
  /** The folder in absolute paths. Without it one of another machine, so that nobody finds the parent by it. */
  readonly windowsFolder?: string;
  /** The pairs instead of the dialect's, in this order. */
  readonly pairs?: readonly LocatorPair[];
};

export type PlainItem = {
  readonly itemId: string;
  readonly bytes: Uint8Array;
  readonly isUser?: boolean;
  readonly isVirtualDisk?: boolean;
  readonly isRequired?: boolean;
};

export type PlainRegion = {
  readonly guid: string;
  readonly lengthMib: number;
  readonly required?: boolean;
  /** What its first bytes are; the rest is zero. */
  readonly bytes?: Uint8Array;
};

/** Something that takes space behind the regions. */
export type PlainPlace = { readonly kind: 'payload' | 'bitmap'; readonly index: number };

export const METADATA_PARTS = ['bat', 'bitmaps', 'metadata', 'region tables'] as const;
export type MetadataPart = (typeof METADATA_PARTS)[number];

/** What is in the log's ring. FORMATS.md B8 */
export type PlainLog = {
  /**
   * `dirty`: the header names the entries, and what they hold is not in its place yet. `clean`: the header's LogGuid is zero; the entries
   * are old ones with stale pages, which nobody may apply.
   */
  readonly state: 'dirty' | 'clean';
  readonly logGuid: string;
  /** What the active entries hold. */
  readonly holds: readonly MetadataPart[];
  /** What is in the places of the pages held; without it zeros. */
  readonly before?: 'zeros' | 'stale';
  /** Active entries that share the pages; without it one. */
  readonly entries?: number;
  /** Entries before the tail, which were applied once and must not be again: they hold stale pages for the first payload block. */
  readonly retired?: number;
  /** A multiple of 4096: where the first entry is in the ring; the entries may wrap. Without it 0. */
  readonly startBytes?: number;
  /** Without it 1. */
  readonly firstSequence?: bigint;
  /** Whether a further entry follows that was cut short, with stale pages for the BAT. */
  readonly torn?: boolean;
  /** The file ends so much before LastFileOffset; what would lie there must be zero. */
  readonly fileShorterByMib?: number;
};

type AnyVhdx = {
  readonly dialect: PlainVhdxDialect;
  /** A positive multiple of the logical sector. */
  readonly sizeBytes: number;
  /** A power of two, 1 MiB to 256 MiB. */
  readonly blockSizeBytes: number;
  readonly logicalSectorBytes: 512 | 4096;
  readonly physicalSectorBytes?: 512 | 4096;
  /** Blocks not in it: state 0; in a fixed image state 6 without content, in QEMU's state 2. */
  readonly payload: ReadonlyMap<number, PlainPayload>;
  /** Chunks that have a bitmap block although no bit is set. */
  readonly bitmapBlocks?: readonly number[];
  readonly dataWriteGuid: string;
  readonly fileWriteGuid?: string;
  readonly virtualDiskId?: string;
  readonly sequenceNumber?: bigint;
  /** Which copy of the header is current (`identical`: none is). Without it the second. */
  readonly currentHeader?: 0 | 1;
  /** The other copy; without it the dialect's. */
  readonly otherHeader?: 'older' | 'identical' | 'damaged';
  /** A copy of the region table whose checksum is wrong. */
  readonly damagedRegionTable?: 0 | 1;
  /** Blocks as they follow each other in the file; those not named follow, each bitmap block before its chunk. */
  readonly fileOrder?: readonly PlainPlace[];
  /** Unused MiB before the n-th block of the file, and behind the last. */
  readonly gapsMib?: readonly number[];
  readonly slackMib?: number;
  /** What gaps and slack hold in a page here and there. */
  readonly leftovers?: 'zeros' | 'stale';
  readonly items?: readonly PlainItem[];
  readonly regions?: readonly PlainRegion[];
  /** A BAT region longer than needed. */
  readonly batMib?: number;
  /** Without it 1; 0 is an image that has no log. */
  readonly logMib?: number;
  readonly log?: PlainLog;
};

export type PlainVhdxSpec =
  | (AnyVhdx & { readonly type: 'fixed' | 'dynamic' })
  | (AnyVhdx & { readonly type: 'differencing'; readonly parent: PlainVhdxParent });

export type PlainRange = { readonly offsetBytes: number; readonly lengthBytes: number };

/** The file, and where its parts are: for tests that damage it. */
export type PlainVhdxImage = PlainImage & {
  readonly log: PlainRange;
  readonly bat: PlainRange;
  readonly metadata: PlainRange;
  /** The first byte of what has a place. */
  readonly payloadAt: ReadonlyMap<number, number>;
  readonly bitmapAt: ReadonlyMap<number, number>;
};

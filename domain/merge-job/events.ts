import type { PathMap } from '../chain/path-map.js';
import type { FileIdentity, ImageFormat, ImageType } from '../chain/image-description.js';
import type { MergeError } from '../merge-error.js';
import type { ReturnCode } from '../return-code.js';

/**
 * The history of one merge. Names are past tense, an event is never edited, and every claim about the disk was made true by a
 * flush before the event was appended. DESIGN: one stream per job, `merge-<jobId>`.
 *
 * Before you change an event read docs/decisions/0014: only an optional field may be added without a new version.
 */
export type MergeJobEvent =
  | MergeRequested
  | MergeRefused
  | ChainAccepted
  | MergeStarted
  | LinkPrepared
  | DestinationClaimed
  | BlockMerged
  | MergeSuspended
  | MergeResumed
  | MergeRecovered
  | MergeTerminated
  | JobMoved
  | JournalOutageEnded
  | DestinationFinalized
  | MergeVerified
  | ChildReparented
  | SourceRetired
  | MergeCompleted
  | MergeFailed;

export type MergeJobEventType = MergeJobEvent['type'];

export type VerifyMode = 'blocks' | 'full' | 'none';
export type RetireMode = 'keep' | 'quarantine' | 'delete';
export type ReparentMode = 'auto' | 'none';

/** What the requester asked for. Sizes in bytes, rate in bytes per second (null: no limit). */
export interface MergeOptions {
  readonly verify: VerifyMode;
  readonly retire: RetireMode;
  readonly reparent: ReparentMode;
  readonly allowedSiblings: readonly string[];
  readonly allowSuperseded: boolean;
  readonly windowBytes: number;
  readonly rateBytesPerSecond: number | null;
  readonly roots: readonly string[];
  /** Left out: none. */
  readonly maps?: readonly PathMap[];
}

/** An image as `ChainAccepted` fixes it: what a later run compares. */
export interface ImageRecord {
  readonly path: string;
  readonly format: ImageFormat;
  readonly type: ImageType;
  readonly virtualSizeBytes: number;
  readonly blockSizeBytes: number | null;
  readonly logicalSectorSize: number;
  readonly identity: string;
  readonly parentIdentity: string | null;
  /** VHDX FileWriteGuid; null in a VHD, and of a disk outside the chain. */
  readonly writeIdentity: string | null;
  readonly file: FileIdentity;
}

export interface Actor {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
}

/** Source and destination as absolute paths with their folders resolved: what makes two requests the same request. */
export interface MergeRequested {
  readonly type: 'MergeRequested';
  readonly source: string;
  readonly destination: string;
  readonly options: MergeOptions;
  readonly requester: Actor;
  /** What could not be seen or locked when this was asked for, in words; left out by releases that did not look then. */
  readonly missingProtection?: readonly string[];
}

/** The answer was no; nothing was written to any image. */
export interface MergeRefused {
  readonly type: 'MergeRefused';
  readonly error: MergeError;
  readonly returnCode: ReturnCode;
}

export interface ChainAccepted {
  readonly type: 'ChainAccepted';
  /** Source first, destination last. */
  readonly images: readonly ImageRecord[];
  /** Below the destination, down to the base. */
  readonly ancestors: readonly ImageRecord[];
  /** Children of the source, which are re-parented after the copy. */
  readonly children: readonly ImageRecord[];
  /** Siblings that were found and allowed by name. */
  readonly siblings: readonly ImageRecord[];
  /** Destination blocks with at least one covered sector, and the covered bytes in them. */
  readonly blocks: number;
  readonly bytes: number;
  readonly newBlocks: number;
  readonly spaceNeededBytes: number;
  readonly spaceFreeBytes: number;
  /** Protection that this host cannot give, in words; empty when all of it is there. */
  readonly missingProtection: readonly string[];
}

/** Which run writes: its number within the job is the lease epoch. */
export interface RunIdentity {
  readonly epoch: number;
  readonly host: string;
  readonly pid: number;
  readonly bootId: string;
  readonly engineVersion: string;
  /** The most that this run has under way when it dies. */
  readonly windowBytes: number;
  /** VHDX only: the FileWriteGuid this run gives each file it changes, by path. */
  readonly fileWriteGuids: Readonly<Record<string, string>>;
}

/** Appended before the first write to any image. */
export interface MergeStarted {
  readonly type: 'MergeStarted';
  readonly run: RunIdentity;
  /** `--verify full`: chunked digest of the view through the source before the first write. */
  readonly sourceViewDigest: string | null;
}

/**
 * VHDX, before the first byte of it: the destination will get a new identity, and its direct child `path` a link that names it.
 * `before` and `after` are the child's parent locator (base64). FORMATS.md C4
 */
export interface LinkPrepared {
  readonly type: 'LinkPrepared';
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly oldIdentity: string;
  readonly newIdentity: string;
}

/** VHDX: the destination `path` has its new DataWriteGuid and its direct child names it, all of it durable. */
export interface DestinationClaimed {
  readonly type: 'DestinationClaimed';
  readonly path: string;
  readonly oldIdentity: string;
  readonly newIdentity: string;
  /** The direct child as it is now: what a later run compares instead of what was accepted. */
  readonly child: { readonly path: string; readonly file: FileIdentity };
}

/**
 * One destination block is merged and durable, data and metadata. Sectors are relative to the first sector of the block.
 * The digest covers the bytes of the covered sectors in ascending order, nothing between them, and without those in `zeros`.
 */
export interface BlockMerged {
  readonly type: 'BlockMerged';
  readonly block: number;
  readonly sectors: SectorSet;
  /** VHDX: those of the sectors that read zero by state in the sources, or lie past the end of a smaller disk; absent for none. */
  readonly zeros?: SectorSet;
  readonly bytes: number;
  /** Where the block's data area starts in the destination file, in bytes; 0 when it has none and reads zero by state. */
  readonly fileOffsetBytes: number;
  /** `sha256:<hex>` */
  readonly digest: string;
  /** Indexes into `ChainAccepted.images` of the images that supplied sectors. */
  readonly from: readonly number[];
  readonly epoch: number;
  /** A second merge of a block whose read-back differed. */
  readonly repair: boolean;
  /** State of the job after this event, so that a run need not read the blocks before it. */
  readonly totals: CommittedTotals;
}

export interface CommittedTotals {
  readonly blocks: number;
  readonly bytes: number;
  /** The first block index that may still be merged. */
  readonly nextBlock: number;
}

/** At most 64 runs as `[start, count]` pairs; more of them as a bitmap, base64, least significant bit first. */
export type SectorSet =
  { readonly runs: readonly (readonly [number, number])[] } | { readonly bitmap: string; readonly bits: number };

export type SuspendReason = 'requested' | 'signal' | 'out-of-space' | 'journal-unreachable';

export interface MergeSuspended {
  readonly type: 'MergeSuspended';
  readonly by: string;
  readonly why: SuspendReason;
  readonly nextBlock: number;
  /** Out of space: how much is missing, in bytes. */
  readonly missingBytes: number | null;
}

/** First event of a run that goes on after a suspension. */
export interface MergeResumed {
  readonly type: 'MergeResumed';
  readonly run: RunIdentity;
  readonly by: string;
}

/** First event of a run that finds a job which ended without a word; before this run writes a byte to any image. */
export interface MergeRecovered {
  readonly type: 'MergeRecovered';
  readonly run: RunIdentity;
  readonly streamSaid: {
    readonly revision: number;
    readonly blocks: number;
    readonly bytes: number;
    readonly nextBlock: number;
  };
  readonly diskSaid: {
    readonly destination: FileIdentity | null;
    /** Files whose inode or mtime is not as accepted, though their content is. */
    readonly moved: readonly string[];
  };
  /** The most that has to be written again: the windows which may have been under way. */
  readonly redoBytesAtMost: number;
}

export interface MergeTerminated {
  readonly type: 'MergeTerminated';
  readonly by: string;
  readonly why: string;
  readonly nextBlock: number;
}

/** The job goes on in another journal. Its last event here: whoever looks for unfinished jobs in this one passes it over. */
export interface JobMoved {
  readonly type: 'JobMoved';
  readonly by: string;
  /** The journal that has the job now, as its URL without credentials. */
  readonly to: string;
}

/**
 * The journal was away and the run waited for it, at a durable point, writing nothing. Recorded with the first append after it was back.
 * Times in milliseconds since 1970.
 */
export interface JournalOutageEnded {
  readonly type: 'JournalOutageEnded';
  readonly since: number;
  readonly until: number;
  /** Calls that found it away. */
  readonly attempts: number;
  /** What the first of them was told. */
  readonly reason: string;
}

export interface DestinationFinalized {
  readonly type: 'DestinationFinalized';
  readonly identity: string;
  readonly virtualSizeBytes: number;
  readonly file: FileIdentity;
}

export interface MergeVerified {
  readonly type: 'MergeVerified';
  readonly mode: 'blocks' | 'full';
  readonly blocks: number;
  readonly bytes: number;
  /** `page-cache`: the file system offers no way to read past its cache (tmpfs). */
  readonly readFrom: 'device' | 'page-cache';
  readonly viewDigest: string | null;
}

/**
 * A child of the source gets the destination as its parent. `intended` carries before- and after-image of all that is rewritten
 * (base64, per format), so that a torn header can be written again; `done` follows the last flush.
 */
export interface ChildReparented {
  readonly type: 'ChildReparented';
  readonly step: 'intended' | 'done';
  readonly path: string;
  readonly identity: string;
  readonly images: Readonly<Record<string, string | number>>;
  readonly file: FileIdentity;
}

export interface SourceRetired {
  readonly type: 'SourceRetired';
  readonly step: 'intended' | 'done';
  readonly action: 'quarantine' | 'delete';
  readonly path: string;
  /** The new name in quarantine. */
  readonly target: string | null;
  readonly file: FileIdentity;
}

export interface MergeCompleted {
  readonly type: 'MergeCompleted';
  readonly blocks: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly retire: RetireMode;
  /** Source and destination at the end; the source is null when it was retired. */
  readonly source: FileIdentity | null;
  readonly destination: FileIdentity;
}

export interface MergeFailed {
  readonly type: 'MergeFailed';
  readonly error: MergeError;
  readonly returnCode: ReturnCode;
  readonly resumable: boolean;
  readonly nextStep: string;
}

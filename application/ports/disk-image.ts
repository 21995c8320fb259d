import type { ImageDescription, ParentCandidatePath } from '#domain/chain/image-description';
import type { Extent } from '#domain/disk-format/extent';
import type { MergeError } from '#domain/merge-error';
import type { StoredParentPath } from '#domain/reparent-job/events';
import type { Result } from '#domain/result';
import type { SuppliedRun } from '#domain/merge-plan/covered-runs';
import type { SectorRun } from '#domain/sector-run';

export type { SuppliedRun };

/** The images of both formats, as the use cases see them: covered runs of a block, allocate, point to it. */
export interface DiskImages {
  /** Opens for reading; checks everything that can be checked in this file alone, before any number in it is used. */
  open(path: string): Promise<Result<DiskImage, MergeError>>;
  /** Opens for merging into it. Writes nothing before `prepare`. */
  openDestination(path: string): Promise<Result<MergeDestination, MergeError>>;
  /** Identity and parent link of a file, or null when it is no virtual disk; cheap, for the search for siblings. */
  probe(path: string): Promise<ProbedImage | null>;
  /** The link from a child to its parent, for the time when the parent's identity changes. Writes nothing by itself. */
  parentLink(childPath: string, fileWriteGuid: string): Promise<Result<ParentLink, MergeError>>;
  /** Journalled change of a child's parent. */
  reparenting(childPath: string, parent: ImageDescription): Promise<Result<Reparenting, MergeError>>;
  /** Goes on with a change whose images were journalled by an earlier run. */
  resumeReparenting(childPath: string, images: ReparentImages): Reparenting;
  create(path: string, spec: NewImage): Promise<Result<ImageDescription, MergeError>>;
}

export interface ProbedImage {
  readonly path: string;
  readonly identity: string;
  readonly parentIdentities: readonly string[];
  /** A disk that has, or may have, a parent: which one cannot be read. */
  readonly parentIsUnreadable: boolean;
  /** Where the image says its parent is. Nothing of it was looked for. */
  readonly parentCandidates: readonly ParentCandidatePath[];
}

export interface DiskImage {
  readonly description: ImageDescription;
  /** What the image itself supplies of the range, ascending. Everything else is the parent's, or zero in a base. */
  supplied(range: SectorRun): Promise<readonly SuppliedRun[]>;
  /** The first sector at or after `from` that may be supplied, or null: skips blocks which the allocation table leaves out. */
  nextSupplied(from: number): Promise<number | null>;
  /** As `nextSupplied`, of sectors that may have bytes in this file: skips also what reads zero by state. */
  nextData(from: number): Promise<number | null>;
  /** Bytes of a run inside one `data` run. `into` has the run's length. */
  read(run: SectorRun, into: Uint8Array): Promise<void>;
  /** Why this file cannot be changed although it can be read, its parent link included; null: it can. */
  writeRefusal(): MergeError | null;
  /** What belongs to the virtual disk and not to this file, for the disk that it is merged into. Empty in a VHD. */
  diskItems(): Promise<readonly DiskItem[]>;
  /** Every structure as it stands in the file, for people. */
  inspect(): Promise<readonly InspectedStructure[]>;
  /** The deep check: what is wrong, and what is only worth knowing. */
  validate(): Promise<readonly Finding[]>;
  /** Flushes the file and drops its cached pages. What another handle has done to the disk's size or log is seen by a new one only. */
  settle(): Promise<'dropped' | 'kept'>;
  close(): Promise<void>;
}

/** A metadata item of the virtual disk (VHDX `IsVirtualDisk`): its size, its id, its sector sizes, and what users put there. */
export interface DiskItem {
  readonly itemId: string;
  readonly isUser: boolean;
  readonly isRequired: boolean;
  readonly content: Uint8Array;
}

export interface InspectedStructure {
  readonly structure: string;
  readonly offsetBytes: number;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Finding {
  readonly severity: 'error' | 'warning' | 'note';
  readonly structure: string;
  readonly message: string;
}

/** A block that a window will merge: its covered runs in guest sectors, ascending; those of one kind that touch are joined. */
export interface BlockToWrite {
  readonly block: number;
  readonly runs: readonly SuppliedRun[];
}

export interface MergeDestination extends DiskImage {
  /** Guest sectors in one block of the merge: the image's own block, or 2 MiB in an image without blocks. */
  readonly mergeBlockSectors: number;
  /**
   * The first write of a run: sets right what an earlier crash left (a damaged copy of a footer, a log that was not applied),
   * flushed. A VHDX gets this run's FileWriteGuid and its log is open from now on; a VHD has no place for one (null). Asked again
   * it does nothing.
   */
  prepare(fileWriteGuid: string | null): Promise<void>;
  /** How the destination gets a new identity for its new content; null when the format keeps the old one (VHD). */
  readonly identityChange: IdentityChange | null;
  /** Before the first window: takes a size larger than its own; what comes into view reads zero. A smaller size changes nothing yet. */
  growTo(virtualSizeBytes: number): Promise<void>;
  /**
   * After the last window: the source's size, if smaller, and its disk items take the place of the destination's. At rest then.
   * Asked again it does nothing that was done.
   */
  complete(source: {
    readonly description: ImageDescription;
    diskItems(): Promise<readonly DiskItem[]>;
  }): Promise<void>;
  /** Why `complete` will not be able to take this source's place; null: it will. Asked before anything is written. */
  completionRefusal(source: { diskItems(): Promise<readonly DiskItem[]> }): Promise<MergeError | null>;
  /** Leaves the file as a program does that closes it properly. After a `prepare` windows may be opened again. */
  rest(): Promise<void>;
  /** The first sector at or after `from` that a guest may see here as something else than zeros, the parent's sectors included; null for none. */
  nextShowing(from: number): Promise<number | null>;
  /** Would merging this block need new space in the file? */
  needsNewBlock(block: BlockToWrite): Promise<boolean>;
  /** Where the file ends at most when so many new blocks were added to what it has now, and `growTo` gave it this size; in bytes. */
  fileEndAfter(newBlocks: number, virtualSizeBytes: number): number;
  /** Bytes that this many new blocks add to the file at most. */
  spaceForNewBlocks(count: number): number;
  /**
   * What a merge of this block writes where the file reaches already: that needs space only where the file has holes. Data in
   * place, ascending, and structures (table entries, bitmaps), which blocks share.
   */
  writesInPlace(
    block: BlockToWrite,
  ): Promise<{ readonly data: readonly Extent[]; readonly structures: readonly Extent[] }>;
  /** Structures that every merge may write, whatever its blocks: headers, a log, metadata. */
  structuresInPlace(): readonly Extent[];
  /** Commit protocol, step 1: gives every block that needs it a place; a file that grows has its footer at the new end, flushed. */
  openWindow(blocks: readonly BlockToWrite[]): Promise<DestinationWindow>;
}

/** A destination whose identity says what its content is: VHDX DataWriteGuid. */
export interface IdentityChange {
  /** Flushed when it returns. From here on only a child that accepts `identity` opens over it. */
  take(identity: string): Promise<void>;
}

/** A child's link to its parent (VHDX `parent_linkage` and `parent_linkage2`). FORMATS.md C4 */
export interface ParentLink {
  /** The identities that the child accepts now, the first one first. */
  readonly accepts: readonly string[];
  /** The locator as it is, and as `accept` with these identities would leave it, as the journal keeps them (base64). */
  readonly image: string;
  imageAccepting(identities: readonly string[]): string;
  /** One or two identities, in one step that a crash cannot tear, flushed; the child's own identity stays. */
  accept(identities: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Steps 2 to 4 of the commit protocol for one window. Nothing that it wrote is reachable before `commit` has flushed it. */
export interface DestinationWindow {
  /**
   * Step 2: writes covered sectors of a block. `packed` holds the sectors of `runs`, one after the other. Called once or more
   * per block that has data runs, ascending. Returns the file offset of the block's data area in bytes.
   */
  write(block: number, runs: readonly SectorRun[], packed: Uint8Array): Promise<number>;
  /**
   * Step 2 for the planned `zero` runs of a block, all of them, after its data: they read zero, by state or by zeros in the file.
   * Returns the offset as `write` does, or 0 when the block will have no data area.
   */
  zero(block: number): Promise<number>;
  /**
   * Steps 3 and 4 for the blocks written so far: flush, ask `stillOurs` (it throws when another run has the job), write what
   * points to them, flush. Blocks not written are forgotten.
   */
  commit(stillOurs: () => Promise<void>): Promise<void>;
}

/** Before- and after-images of a re-parenting, as the journal keeps them (base64 text and numbers). */
export type ReparentImages = Readonly<Record<string, string | number>>;

export interface Reparenting {
  readonly images: ReparentImages;
  /** The paths to the new parent as the file will hold them, by the names of their locators. */
  readonly storedPaths: readonly StoredParentPath[];
  /** Bytes that the file grows by at most. */
  readonly growthBytes: number;
  /** Brings the file from any state that a crash may have left to the after-image; a state that is neither is refused. */
  apply(): Promise<Result<'applied', MergeError>>;
  /** Is the file as it was before, as it will be after, somewhere between, or changed by someone else? */
  state(): Promise<'before' | 'between' | 'after' | 'foreign'>;
}

export interface NewImage {
  readonly type: 'fixed' | 'dynamic' | 'differencing';
  readonly virtualSizeBytes: number;
  readonly blockSizeBytes: number;
  readonly logicalSectorSize: number;
  /** The parent of a differencing image. */
  readonly parent: ImageDescription | null;
  /** The image's identity: VHD Unique Id, VHDX DataWriteGuid. */
  readonly uniqueId: string;
  readonly timeStampMs: number;
}

/** The format has no way to name another block: its table or its offsets are at their end. */
export class BlockSpaceExhausted extends Error {
  constructor(
    readonly path: string,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`${path}: expected ${expected}, found ${found}`);
    this.name = 'BlockSpaceExhausted';
  }
}

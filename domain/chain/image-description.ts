/** What an image says of itself, read and checked: the values that the chain rules decide on. */
export interface ImageDescription {
  /** Canonical absolute path. */
  readonly path: string;
  readonly format: ImageFormat;
  readonly type: ImageType;
  /** Bytes that the guest sees; a multiple of `logicalSectorSize`. */
  readonly virtualSizeBytes: number;
  /** Data bytes of a payload block; null for a fixed VHD, which has none. */
  readonly blockSizeBytes: number | null;
  readonly logicalSectorSize: number;
  /** What a child's link names: VHD Unique Id, VHDX DataWriteGuid. Lower-case GUID text. */
  readonly identity: string;
  /** What changes with every change of the file's bytes: VHDX FileWriteGuid; null in a VHD, which has nothing of the kind. */
  readonly writeIdentity: string | null;
  /** The identities that a parent of this image may have; empty when it is not differencing. */
  readonly parentIdentities: readonly string[];
  /** Where the image says its parent is, in the order to try. */
  readonly parentCandidates: readonly ParentCandidatePath[];
  readonly savedState: boolean;
  /** What was wrong but could be read all the same: a damaged copy of a footer, for example. */
  readonly warnings: readonly string[];
}

export type ImageFormat = 'vhd' | 'vhdx';
export type ImageType = 'fixed' | 'dynamic' | 'differencing';

/** A place to look for the parent. `path` is null when the stored path means nothing on this host; `why` then says so. */
export interface ParentCandidatePath {
  readonly source: string;
  readonly stored: string;
  readonly path: string | null;
  readonly why: string | null;
}

/** The file that holds an image, as the operating system knows it. `dev`, `ino` and `mtimeNs` are decimal strings (64 bits). */
export interface FileIdentity {
  readonly dev: string;
  readonly ino: string;
  readonly sizeBytes: number;
  readonly mtimeNs: string;
}

/** Same file on the same device, whatever its content now. */
export const sameFile = (a: FileIdentity, b: FileIdentity): boolean => a.dev === b.dev && a.ino === b.ino;

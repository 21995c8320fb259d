/**
 * What the plain VHD writer can be asked for: an image as a value, down to the order of its blocks in the file.
 */

/**
 * Whose habits the image has (FORMATS.md A3, A4, D; README of the corpus):
 * - `windows`: W2ku and W2ru with their space in bytes, the full path as parent name, parent time stamp 0, data aligned to 4096;
 * - `xen`: MacX, W2ku, W2ru of one sector each, a bare parent name, a batmap behind the BAT, data aligned to 4096;
 * - `qemu`: no alignment, one BAT entry too many, whole bitmaps set, largest geometry; fixed and dynamic images only;
 * - `bare`: no locator at all, the parent's name only; no alignment.
 */
export type Dialect = 'windows' | 'xen' | 'qemu' | 'bare';
export const DIALECTS: readonly Dialect[] = ['windows', 'xen', 'qemu', 'bare'];

/** One allocated block: `data` is the whole block, `bits[i]` says that its sector i is present. */
export type PlainBlock = { readonly bits: readonly boolean[]; readonly data: Uint8Array };

export type PlainParent = {
  readonly uniqueId: string;
  /** In the child's folder. */
  readonly fileName: string;
  /** The folder in the windows dialect's full path. Without it one of another machine, so that nobody finds the parent by it. */
  readonly windowsFolder?: string;
  /** The parent footer's time stamp; the windows dialect writes 0 instead. */
  readonly timeStamp: number;
};

type AnyVhd = {
  readonly dialect: Dialect;
  /** A positive multiple of 512. */
  readonly sizeBytes: number;
  /** A power of two, at least 4096. In a fixed image it only says how `blocks` is cut. */
  readonly blockSizeBytes: number;
  readonly blocks: ReadonlyMap<number, PlainBlock>;
  /** 16 bytes in file order: 5fa21a55-f394-aa4d-9958-1951a67d5540. */
  readonly uniqueId: string;
  /** Seconds since 2000-01-01T00:00:00Z. */
  readonly timeStamp: number;
  /** The blocks as they follow each other in the file, each exactly once; without it by index. */
  readonly fileOrder?: readonly number[];
  /** Unused sectors before the n-th block of the file; alignment may add some. */
  readonly gapsSectors?: readonly number[];
  /** Unused sectors between the last block and the tail footer. */
  readonly slackSectors?: number;
  /** What gaps and slack hold; stale bytes contain an old footer's cookie. */
  readonly leftovers?: 'zeros' | 'stale';
};

export type PlainVhdSpec =
  | (AnyVhd & { readonly type: 'fixed' | 'dynamic' })
  | (AnyVhd & { readonly type: 'differencing'; readonly parent: PlainParent });

/** A file as the parts that are not zero; the rest is a hole. */
export type PlainImage = {
  readonly sizeBytes: number;
  readonly extents: readonly { readonly offsetBytes: number; readonly bytes: Uint8Array }[];
};

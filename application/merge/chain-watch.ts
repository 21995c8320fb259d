import type { FileIdentity } from '#domain/chain/image-description';
import { mergeError, type MergeError } from '#domain/merge-error';
import type { OpenedImage } from '../chain/open-chain.js';
import type { FileStat, FileSystem } from '../ports/file-system.js';
import type { MergeChain } from './locked-chain.js';
import { fileIdentity, statLocked } from './run-context.js';

/** An image is not the file any more that this run opened under its locks. */
export class ImageChanged extends Error {
  constructor(
    readonly path: string,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`${path}: expected ${expected}, found ${found}`);
    this.name = 'ImageChanged';
  }
}

/**
 * Compares the files of a chain with what this run found under its locks. Locks keep those off who ask for one; a program that does
 * not (`dd`, a restore, a sync job) shows in the file's times, size or inode. Asked before the first write of a window and before
 * anything points to what was copied, so that no block is committed that was read from a file that had changed by then.
 */
export class ChainWatch {
  readonly #unchanged = new Map<string, FileIdentity>();
  readonly #destination: OpenedImage['file'];
  readonly #destinationPath: string;

  constructor(
    { sources, destination, ancestors }: Pick<MergeChain, 'sources' | 'destination' | 'ancestors'>,
    private readonly files: FileSystem,
  ) {
    for (const { image, file } of [...sources, ...ancestors]) this.#unchanged.set(image.description.path, file);
    this.#destination = destination.file;
    this.#destinationPath = destination.image.description.path;
  }

  /** Throws `ImageChanged`. The destination changes by our own hand: of it only the inode counts. */
  async assertUnchanged(): Promise<void> {
    for (const [path, expected] of this.#unchanged) assertSame(path, expected, await this.files.stat(path));
    const now = await this.files.stat(this.#destinationPath);
    if (now?.ino === this.#destination.ino && now.dev === this.#destination.dev) return;
    throw new ImageChanged(
      this.#destinationPath,
      `inode ${this.#destination.ino}, which this run writes to`,
      inode(now),
    );
  }

  /** A source as this run read it, or as it left it; null for what it does not watch now. */
  fileOf(path: string): FileIdentity | null {
    return this.#unchanged.get(path) ?? null;
  }

  /** From here on this run changes the file itself, until `changedByUs`. */
  weChange(path: string): void {
    this.#unchanged.delete(path);
  }

  async changedByUs(path: string): Promise<void> {
    this.#unchanged.set(path, fileIdentity(await statLocked(path, this.files)));
  }
}

const assertSame = (path: string, expected: FileIdentity, now: FileStat | null): void => {
  if (
    now !== null &&
    now.dev === expected.dev &&
    now.ino === expected.ino &&
    now.sizeBytes === expected.sizeBytes &&
    now.mtimeNs === expected.mtimeNs
  )
    return;
  throw new ImageChanged(path, inWords(expected), now === null ? 'no file of this name' : inWords(now));
};

const inWords = ({ ino, sizeBytes, mtimeNs }: FileIdentity): string =>
  `inode ${ino}, ${String(sizeBytes)} bytes, modified at ${mtimeNs} ns`;

const inode = (now: FileStat | null): string => (now === null ? 'no file of this name' : `inode ${now.ino}`);

export const imageChangedMeanwhile = ({ path, expected, found }: ImageChanged): MergeError =>
  mergeError('image-changed', 'this image was changed or replaced while it was being merged', {
    path,
    expected,
    found,
    todo: 'What was read from it since the last committed block was not committed. Find out who writes to it: a lock does not stop a program that asks for none. Then run the same merge again: it compares what is committed with what the source shows now, and says what to do if they differ.',
  });

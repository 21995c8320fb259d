/**
 * The link from a child to its parent while the parent gets another identity. FORMATS.md C4 Guarantees:
 * - Nothing is written before `accept`.
 * - At every instant the child accepts the identities from before an `accept` or those after it, torn writes included.
 * - The child's own identity and its data stay.
 */
import type { ParentLink } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import type { MetadataEntry } from '#domain/disk-format/vhdx/metadata-table';
import { linkageOf, type ParentLocator, withLinkage } from '#domain/disk-format/vhdx/parent-locator';
import type { MergeError } from '#domain/merge-error';
import { ok, type Result } from '#domain/result';
import { GuardedFile } from '../guarded-file.js';
import { opening } from '../opening.js';
import {
  imageOf,
  locatorChange,
  type SessionGuids,
  type WritableChild,
  writableChild,
  writeLocator,
} from './child-locator.js';
import type { ReplacedItems } from './metadata-store.js';
import { openVhdx } from './open-vhdx.js';

export class VhdxParentLink implements ParentLink {
  #locator: ParentLocator;
  #metadata: readonly MetadataEntry[];
  #isClean: boolean;

  private constructor(
    private readonly vhdx: WritableChild,
    private readonly file: GuardedFile,
    private readonly guids: SessionGuids,
  ) {
    this.#locator = vhdx.locator;
    this.#metadata = vhdx.metadata;
    this.#isClean = vhdx.dirtyLog === null;
  }

  /** Refused when `accept` could not be done: it would be too late then. */
  static open(
    files: FileSystem,
    childPath: string,
    fileWriteGuid: string,
    hostStyle: HostStyle,
    newGuid: () => string,
  ): Promise<Result<ParentLink, MergeError>> {
    return opening(files, childPath, 'read-write', async (file, realPath) => {
      const guarded = new GuardedFile(file);
      const vhdx = await openVhdx(guarded, realPath, hostStyle);
      if (!vhdx.ok) return vhdx;
      const child = writableChild(vhdx.value);
      if (!child.ok) return child;
      const { locator } = child.value;
      const [identity = ''] = linkageOf(locator);
      const longest = locatorChange(child.value, withLinkage(locator, [identity, identity]));
      return longest.ok ? ok(new VhdxParentLink(child.value, guarded, { fileWriteGuid, newGuid })) : longest;
    });
  }

  get accepts(): readonly string[] {
    return linkageOf(this.#locator);
  }

  get image(): string {
    return imageOf(this.#locator);
  }

  imageAccepting(identities: readonly string[]): string {
    return imageOf(withLinkage(this.#locator, identities));
  }

  async accept(identities: readonly string[]): Promise<void> {
    const locator = withLinkage(this.#locator, identities);
    const change = imageOf(locator) === this.image ? null : this.#planned(locator);
    // In a file whose log is empty what it says is durable: a log is emptied after the flush of what it held.
    if (change === null && this.#isClean) return;
    await writeLocator(this.vhdx, this.file, change, this.guids);
    this.#locator = locator;
    this.#metadata = change?.metadata ?? this.#metadata;
    this.#isClean = true;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  #planned(locator: ParentLocator): ReplacedItems {
    const change = locatorChange({ ...this.vhdx, metadata: this.#metadata }, locator);
    if (!change.ok) throw new RangeError(`Bug: a locator that had room when it was asked for: ${change.error.message}`);
    return change.value;
  }
}

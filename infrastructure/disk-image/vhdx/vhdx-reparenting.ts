/**
 * Gives a child another parent. FORMATS.md C5 (a) Guarantees:
 * - At every instant, torn writes included, the child opens, and names its old parent or its new one, by identity and by paths.
 * - The child's own identity and its data stay: its children do not notice.
 * - Applied again after any crash it ends in the same locator.
 */
import type { Reparenting, ReparentImages } from '#application/ports/disk-image';
import type { FileSystem } from '#application/ports/file-system';
import type { ImageDescription } from '#domain/chain/image-description';
import type { HostStyle } from '#domain/chain/parent-candidates';
import {
  decodeParentLocator,
  type ParentLocator,
  relinked,
  storedPathsOf,
} from '#domain/disk-format/vhdx/parent-locator';
import { type MergeError, mergeError } from '#domain/merge-error';
import type { StoredParentPath } from '#domain/reparent-job/events';
import { err, ok, type Result } from '#domain/result';
import { GuardedFile } from '../guarded-file.js';
import { opening } from '../opening.js';
import {
  imageOf,
  locatorChange,
  storedPaths,
  type WritableChild,
  writableChild,
  writeLocator,
} from './child-locator.js';
import { openVhdx, type OpenVhdx } from './open-vhdx.js';

export class VhdxReparenting implements Reparenting {
  readonly #plan: ReparentPlan;
  /** The locator stays in the metadata region, and goes there through the log that the file has. */
  readonly growthBytes = 0;

  /** `images`: of `plan`, or as an earlier run has journalled them. */
  constructor(
    private readonly files: FileSystem,
    private readonly childPath: string,
    readonly images: ReparentImages,
    private readonly hostStyle: HostStyle,
    private readonly newGuid: () => string,
  ) {
    this.#plan = planFrom(images);
  }

  get storedPaths(): readonly StoredParentPath[] {
    return storedPathsOf(this.#plan.after).map(({ key, value }) => ({ locator: key, path: value }));
  }

  /** Computes the images of a child that is to have another parent. Writes nothing. */
  static plan(
    files: FileSystem,
    childPath: string,
    parent: ImageDescription,
    hostStyle: HostStyle,
    newGuid: () => string,
  ): Promise<Result<VhdxReparenting, MergeError>> {
    return opening(files, childPath, 'read', async (file, realPath) => {
      const vhdx = await openVhdx(file, realPath, hostStyle);
      if (!vhdx.ok) return vhdx;
      const child = writableChild(vhdx.value);
      if (!child.ok) return child;
      const locator = locatorNaming(child.value, parent, hostStyle);
      if (!locator.ok) return locator;
      const change = locatorChange(child.value, locator.value);
      if (!change.ok) return change;
      await file.close();
      const images: ReparentImages = {
        locatorBefore: imageOf(child.value.locator),
        locatorAfter: imageOf(locator.value),
        fileWriteGuid: newGuid(),
        dataWriteGuid: child.value.description.identity,
      };
      return ok(new VhdxReparenting(files, realPath, images, hostStyle, newGuid));
    });
  }

  async state(): Promise<'before' | 'between' | 'after' | 'foreign'> {
    const file = await this.files.open(this.childPath, 'read');
    try {
      const vhdx = await openVhdx(file, this.childPath, this.hostStyle);
      if (!vhdx.ok) return 'foreign';
      const names = this.#namesIn(vhdx.value);
      if (names === null) return 'foreign';
      if (names === 'old parent') return 'before';
      return vhdx.value.dirtyLog === null ? 'after' : 'between';
    } finally {
      await file.close();
    }
  }

  apply(): Promise<Result<'applied', MergeError>> {
    return opening(this.files, this.childPath, 'read-write', async (file, realPath) => {
      const guarded = new GuardedFile(file);
      const vhdx = await openVhdx(guarded, realPath, this.hostStyle);
      if (!vhdx.ok) return vhdx;
      const child = writableChild(vhdx.value);
      if (!child.ok) return child;
      const applied = await this.#apply(child.value, guarded);
      if (applied.ok) await guarded.close();
      return applied;
    });
  }

  async #apply(child: WritableChild, file: GuardedFile): Promise<Result<'applied', MergeError>> {
    const { fileWriteGuid, after } = this.#plan;
    const guids = { fileWriteGuid, newGuid: this.newGuid };
    switch (this.#namesIn(child)) {
      case null:
        return err(changed(child.path));
      case 'new parent':
        // A log that was not applied holds the locator perhaps: whoever cannot read logs would see the old one.
        if (child.dirtyLog !== null) await writeLocator(child, file, null, guids);
        return ok('applied');
      case 'old parent': {
        const change = locatorChange(child, after);
        if (!change.ok) return change;
        await writeLocator(child, file, change.value, guids);
        return ok('applied');
      }
    }
  }

  /** Which parent the child names, its log applied; null: neither. */
  #namesIn({ locator }: OpenVhdx): 'old parent' | 'new parent' | null {
    if (locator === null) return null;
    const image = imageOf(locator);
    if (image === imageOf(this.#plan.after)) return 'new parent';
    return image === imageOf(this.#plan.before) ? 'old parent' : null;
  }
}

/** The images in a form to work with. */
interface ReparentPlan {
  readonly before: ParentLocator;
  readonly after: ParentLocator;
  readonly fileWriteGuid: string;
}

/** The child's DataWriteGuid is in the images for whoever reads the journal; a machine that runs on the child changes it, and may. */
const planFrom = (images: ReparentImages): ReparentPlan => ({
  before: locatorIn(images, 'locatorBefore'),
  after: locatorIn(images, 'locatorAfter'),
  fileWriteGuid: textIn(images, 'fileWriteGuid'),
});

/** The journal is our own and its events are hashed: images that are none are a bug. */
const locatorIn = (images: ReparentImages, key: string): ParentLocator => {
  const locator = decodeParentLocator(new Uint8Array(Buffer.from(textIn(images, key), 'base64')));
  if (!locator.ok)
    throw new RangeError(`Bug: the journalled ${key} of a re-parenting is ${JSON.stringify(images[key])}`);
  return locator.value;
};

const textIn = (images: ReparentImages, key: string): string => {
  const value = images[key];
  if (typeof value === 'string') return value;
  throw new RangeError(`Bug: the journalled ${key} of a re-parenting is ${JSON.stringify(value)}`);
};

const locatorNaming = (
  { path, locator }: WritableChild,
  parent: ImageDescription,
  hostStyle: HostStyle,
): Result<ParentLocator, MergeError> => {
  if (parent.format !== 'vhdx') {
    return err(
      mergeError('mixed-formats', 'a VHDX cannot be the child of another format', {
        path,
        expected: 'a VHDX as the new parent',
        found: `${parent.path}, a ${parent.format}`,
        todo: 'Nothing was written. Name a VHDX of the same chain.',
        related: [parent.path],
      }),
    );
  }
  const paths = storedPaths(path, parent.path, hostStyle);
  return paths.ok ? ok(relinked(locator, { identity: parent.identity, ...paths.value })) : paths;
};

const changed = (path: string): MergeError =>
  mergeError('image-changed', 'the file names neither the parent from before the change nor the one from after it', {
    path,
    expected: 'one of the two parent locators that were recorded',
    todo: 'Nothing was written. Something else has changed this file: look at it with `chainfold inspect`, then start the re-parenting anew.',
  });

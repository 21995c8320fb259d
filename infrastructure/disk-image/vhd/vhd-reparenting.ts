/**
 * Gives a child another parent, in a header that has two sectors, one checksum and no copy. FORMATS.md C6 (a). Guarantees:
 * - At every instant, torn writes included, the child opens: for readers that go by the tail, and for those that go by the head.
 * - It names its old parent until one sector, the tail footer, is written, and the new one from then on.
 * - Applied again after any crash it ends in the same file.
 */
import type { Reparenting, ReparentImages } from '#application/ports/disk-image';
import type { FileSystem, OpenFile } from '#application/ports/file-system';
import type { HostStyle } from '#domain/chain/parent-candidates';
import { encodeFooter, FOOTER_BYTES, type SparseFooter } from '#domain/disk-format/vhd/footer';
import { type MergeError, mergeError } from '#domain/merge-error';
import type { StoredParentPath } from '#domain/reparent-job/events';
import { err, ok, type Result } from '#domain/result';
import { repairFooters } from './footer-repair.js';
import { opening } from '../opening.js';
import { openVhd } from './open-vhd.js';
import { newEndOf, planFrom, storedPathsIn, type ReparentPlan } from './reparent-images.js';
import { readReparentState, type ReparentState } from './reparent-state.js';
import { endOfStructures } from './vhd-destination.js';

export class VhdReparenting implements Reparenting {
  readonly #plan: ReparentPlan;

  constructor(
    private readonly files: FileSystem,
    private readonly childPath: string,
    readonly images: ReparentImages,
    private readonly hostStyle: HostStyle,
  ) {
    this.#plan = planFrom(images);
  }

  get storedPaths(): readonly StoredParentPath[] {
    return storedPathsIn(this.#plan);
  }

  get growthBytes(): number {
    return newEndOf(this.#plan) + FOOTER_BYTES - this.#plan.oldFileSize;
  }

  async state(): Promise<'before' | 'between' | 'after' | 'foreign'> {
    const file = await this.files.open(this.childPath, 'read');
    try {
      const { step, fileSizeBytes } = await readReparentState(file, this.#plan);
      switch (step) {
        case 'before':
          return fileSizeBytes === this.#plan.oldFileSize ? 'before' : 'between';
        case 'switching':
        case 'turning back':
          return 'between';
        case 'after':
        case 'foreign':
          return step;
      }
    } finally {
      await file.close();
    }
  }

  apply(): Promise<Result<'applied', MergeError>> {
    return opening(this.files, this.childPath, 'read-write', async (file, realPath) => {
      const applied = await this.#apply(file, realPath);
      if (applied.ok) await file.close();
      return applied;
    });
  }

  async #apply(file: OpenFile, realPath: string): Promise<Result<'applied', MergeError>> {
    const state = await readReparentState(file, this.#plan);
    const { step, footer } = state;
    if (step === 'foreign' || footer === null) return err(changed(realPath));
    const tail =
      step === 'before' ? await this.#grow(file, realPath, state, footer) : await this.#tailOf(file, realPath, state);
    if (!tail.ok) return tail;
    const tailNames = step === 'before' ? 'old place' : state.tailNames;
    const footers = new NamedFooters(file, this.#plan, footer, tail.value, { ...state, tailNames });
    if (step === 'before' || step === 'switching') {
      await footers.name('new place');
      await writeFlushed(file, this.#plan.headerAfter, this.#plan.headerOffset);
    }
    await footers.name('old place');
    return ok('applied');
  }

  /** Puts header and payloads behind the file, its footer first. Returns where the tail footer is then. */
  async #grow(
    file: OpenFile,
    realPath: string,
    { copy, copiesAgree }: ReparentState,
    footer: SparseFooter,
  ): Promise<Result<number, MergeError>> {
    const vhd = await openVhd(file, realPath, this.hostStyle);
    if (!vhd.ok) return vhd;
    // Someone may have used the child since: its blocks are not overwritten.
    if (vhd.value.blocks === null || vhd.value.blocks.endOfBlocksBytes > this.#plan.regionOffset)
      return err(changed(realPath));
    const encoded = encodeFooter(footer);
    if (copy !== 'head' && !copiesAgree) await writeFlushed(file, encoded, 0);
    await writeFlushed(file, encoded, newEndOf(this.#plan));
    await writeFlushed(file, this.#plan.region, this.#plan.regionOffset);
    return ok(newEndOf(this.#plan));
  }

  /** Where the tail footer is; one that was lost since is written again. */
  async #tailOf(
    file: OpenFile,
    realPath: string,
    { copy, fileSizeBytes }: ReparentState,
  ): Promise<Result<number, MergeError>> {
    if (copy === 'tail') return ok(fileSizeBytes - FOOTER_BYTES);
    const vhd = await openVhd(file, realPath, this.hostStyle);
    if (!vhd.ok) return vhd;
    if (vhd.value.blocks === null) return err(changed(realPath));
    const endOfStructuresBytes = endOfStructures(vhd.value.blocks);
    return ok((await repairFooters(file, { ...vhd.value, endOfStructuresBytes })) - FOOTER_BYTES);
  }
}

type Place = 'old place' | 'new place';

/** Both footers of the child, and which header they name. They change one after the other, tail first, each flushed. */
class NamedFooters {
  #names: { readonly head: Place | null; readonly tail: Place | null };

  constructor(
    private readonly file: OpenFile,
    private readonly plan: ReparentPlan,
    private readonly footer: SparseFooter,
    private readonly tailOffset: number,
    { headNames, tailNames }: Pick<ReparentState, 'headNames' | 'tailNames'>,
  ) {
    this.#names = { head: headNames, tail: tailNames };
  }

  async name(place: Place): Promise<void> {
    const { headerOffset, regionOffset } = this.plan;
    const dataOffsetBytes = place === 'old place' ? headerOffset : regionOffset;
    const encoded = encodeFooter({ ...this.footer, dataOffsetBytes });
    if (this.#names.tail !== place) await writeFlushed(this.file, encoded, this.tailOffset);
    if (this.#names.head !== place) await writeFlushed(this.file, encoded, 0);
    this.#names = { head: place, tail: place };
  }
}

const writeFlushed = async (file: OpenFile, bytes: Uint8Array, position: number): Promise<void> => {
  await file.write(bytes, position);
  await file.flush();
};

const changed = (path: string): MergeError =>
  mergeError(
    'image-changed',
    'the file is neither as it was before the change of its parent nor as it is to be after',
    {
      path,
      expected: 'the header, the footers and the size that were recorded, or a state between',
      todo: 'Nothing was written. Something else has changed this file: look at it with `chainfold inspect`, then start the re-parenting anew.',
    },
  );

/**
 * The windows of one session, and the places that they share. Guarantees:
 * - Blocks get their places, and the file its length, durably, before a window is handed out; windows are opened one after the other.
 * - No block is in two open windows.
 */
import type { GuardedFile } from '../guarded-file.js';
import type { StagingBuffers } from '../staging-buffers.js';
import { Turns } from '../turns.js';
import { forgettingOnFault } from './after-a-fault.js';
import { BitmapPlaces } from './bitmap-places.js';
import type { BlockPlan } from './block-plan.js';
import type { BlockSpace } from './block-space.js';
import type { OpenVhdx } from './open-vhdx.js';
import type { VhdxSession } from './vhdx-session.js';
import { VhdxWindow } from './vhdx-window.js';
import { giveBack, placeBlocks } from './window-placing.js';

export interface Writing {
  /** The one that `session` writes. */
  readonly file: GuardedFile;
  readonly buffers: StagingBuffers;
  readonly session: VhdxSession;
  readonly space: BlockSpace;
}

export class VhdxWindows {
  readonly #bitmapPlaces: BitmapPlaces;
  readonly #openings = new Turns();
  readonly #commits = new Turns();
  readonly #open = new Set<VhdxWindow>();

  constructor(readonly writing: Writing) {
    this.#bitmapPlaces = new BitmapPlaces(writing.space);
  }

  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** `plans` are made when it is this window's turn. */
  open(vhdx: OpenVhdx, plans: () => readonly BlockPlan[]): Promise<VhdxWindow> {
    return this.#openings.run(async () => {
      const { file, session, space, buffers } = this.writing;
      const checked = plans();
      this.#mustBeFree(checked);
      const bitmapPlaces = this.#bitmapPlaces;
      const placed = await placeBlocks({ file, buffers, vhdx, space, bitmapPlaces }, checked);
      const window = new VhdxWindow(
        {
          file,
          vhdx,
          session,
          bitmapPlaces,
          inTurn: (work) => this.#commits.run(work),
          ended: (ended, committed) => {
            this.#open.delete(ended);
            giveBack({ space, bitmapPlaces }, placed, (block) => committed.includes(block));
          },
        },
        placed.blocks,
      );
      this.#open.add(window);
      try {
        await forgettingOnFault(vhdx, () => growFile(this.writing));
      } catch (fault) {
        window.abandon();
        throw fault;
      }
      return window;
    });
  }

  /** When all windows that are being opened or committed are through. Those that are open are forgotten. */
  async close(): Promise<void> {
    await this.#openings.run(() => this.#commits.run(async () => undefined));
    for (const window of [...this.#open]) window.abandon();
  }

  #mustBeFree(plans: readonly BlockPlan[]): void {
    const seen = new Set<number>();
    for (const { block } of plans) {
      if (seen.has(block) || [...this.#open].some((window) => window.has(block)))
        throw new RangeError(`Bug: block ${block} is in a window that is not committed yet`);
      seen.add(block);
    }
  }
}

/** Makes the file as long as the places that are out need it, durably. */
export const growFile = async ({ session, space }: Pick<Writing, 'session' | 'space'>): Promise<void> => {
  if (space.lengthNeededBytes === null) return;
  await session.growFile(space.lengthNeededBytes);
  space.grewTo(session.fileLengthBytes);
};

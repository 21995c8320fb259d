/**
 * One window of a merge into a VHDX: steps 2 to 4 of the commit protocol. Guarantees:
 * - Until `commit` has flushed the payload, no metadata points to it.
 * - What it commits is what is durable and its own changes: nothing of a window that is open beside it.
 * - A block is committed when all that was planned for it is written; any other is forgotten.
 */
import type { DestinationWindow } from '#application/ports/disk-image';
import type { SectorRun } from '#domain/sector-run';
import type { GuardedFile } from '../guarded-file.js';
import { forgettingOnFault } from './after-a-fault.js';
import type { BitmapPlaces } from './bitmap-places.js';
import type { OpenVhdx } from './open-vhdx.js';
import type { VhdxSession } from './vhdx-session.js';
import type { WindowBlock } from './window-block.js';
import { metadataOf } from './window-metadata.js';

export interface WindowContext {
  readonly file: GuardedFile;
  readonly vhdx: OpenVhdx;
  readonly session: VhdxSession;
  readonly bitmapPlaces: BitmapPlaces;
  /** Runs `commit`s one after the other. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** The window is over, and these of its blocks are committed. */
  readonly ended: (window: VhdxWindow, committed: readonly WindowBlock[]) => void;
}

export class VhdxWindow implements DestinationWindow {
  readonly #blocks: ReadonlyMap<number, WindowBlock>;
  #isOpen = true;

  constructor(
    private readonly context: WindowContext,
    blocks: readonly WindowBlock[],
  ) {
    this.#blocks = new Map(blocks.map((block) => [block.plan.block, block]));
  }

  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  async write(block: number, runs: readonly SectorRun[], packed: Uint8Array): Promise<number> {
    return this.#block(block).write(runs, packed);
  }

  async zero(block: number): Promise<number> {
    return this.#block(block).zero();
  }

  async commit(stillOurs: () => Promise<void>): Promise<void> {
    if (!this.#isOpen) throw new RangeError('Bug: the window was committed before');
    this.#isOpen = false;
    const { file, vhdx, inTurn, ended } = this.context;
    await inTurn(async () => {
      const committed = await forgettingOnFault(vhdx, () => file.breaking(() => this.#commit(stillOurs)));
      ended(this, committed);
    });
  }

  /** Nothing of it will be committed. */
  abandon(): void {
    this.#isOpen = false;
    this.context.ended(this, []);
  }

  async #commit(stillOurs: () => Promise<void>): Promise<readonly WindowBlock[]> {
    const { file, vhdx, session, bitmapPlaces } = this.context;
    const complete = [...this.#blocks.values()].filter(({ isComplete }) => isComplete);
    if (complete.length === 0) return complete;
    await file.flush();
    await stillOurs();
    const { transactions, entries, bits, chunks } = await metadataOf(vhdx, bitmapPlaces, complete);
    if (transactions.length > 0) {
      await session.commit(transactions);
      vhdx.bat.learn(entries);
      vhdx.bitmaps.learn(bits);
      bitmapPlaces.named(chunks);
    }
    return complete;
  }

  #block(block: number): WindowBlock {
    const found = this.#blocks.get(block);
    if (found === undefined || !this.#isOpen) throw new RangeError(`Bug: block ${block} is in no open window`);
    return found;
  }
}

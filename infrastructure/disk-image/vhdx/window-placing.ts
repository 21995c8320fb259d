/**
 * Gives the blocks of a window their places: the data area that a block has, the space that it still owns, or a new place, and a
 * place for the sector bitmap of a chunk that has none. When one has none, all places come back and nothing has changed.
 */
import type { OpenFile } from '#application/ports/file-system';
import { type BatGeometry, BITMAP, chunkOf, entryOf, offsetOf, PAYLOAD, stateOf } from '#domain/disk-format/vhdx/bat';
import type { StagingBuffers } from '../staging-buffers.js';
import type { BitmapPlaces } from './bitmap-places.js';
import { actionOn, isPresent, ownsSpace, stateWithDataArea } from './block-actions.js';
import type { BlockPlan } from './block-plan.js';
import type { BlockSpace, Place } from './block-space.js';
import type { OpenVhdx } from './open-vhdx.js';
import { WindowBlock } from './window-block.js';

export interface PlacingContext {
  readonly file: OpenFile;
  readonly buffers: StagingBuffers;
  readonly vhdx: Pick<OpenVhdx, 'parameters' | 'geometry' | 'bat'>;
  readonly space: BlockSpace;
  readonly bitmapPlaces: BitmapPlaces;
}

export interface PlacedWindow {
  readonly blocks: readonly WindowBlock[];
  /** Chunks for whose bitmap blocks the window has reserved places. */
  readonly chunks: ReadonlySet<number>;
}

/** `plans` are those of different blocks. */
export const placeBlocks = async (context: PlacingContext, plans: readonly BlockPlan[]): Promise<PlacedWindow> => {
  const blocks: WindowBlock[] = [];
  const chunks = new Set<number>();
  try {
    for (const plan of plans) blocks.push(await placeBlock(context, plan, chunks));
    return { blocks, chunks };
  } catch (fault) {
    giveBack(context, { blocks, chunks }, () => false);
    throw fault;
  }
};

/** The window is over: what it has not used, or has left, is free. */
export const giveBack = (
  { space, bitmapPlaces }: Pick<PlacingContext, 'space' | 'bitmapPlaces'>,
  { blocks, chunks }: PlacedWindow,
  isCommitted: (block: WindowBlock) => boolean,
): void => {
  space.giveBack(blocks.map((block) => block.freePlace(isCommitted(block))).filter((place) => place !== null));
  bitmapPlaces.release(chunks);
};

const placeBlock = async (context: PlacingContext, plan: BlockPlan, chunks: Set<number>): Promise<WindowBlock> => {
  const { file, buffers, vhdx, space } = context;
  const { geometry, parameters } = vhdx;
  const before = await vhdx.bat.payload(plan.block);
  const state = stateOf(before);
  const common = { plan, before, geometry };
  switch (actionOn(parameters, state, plan.covered)) {
    case 'none':
      return new WindowBlock(file, buffers, { ...common, after: before, area: null, taken: null, isToFill: false });
    case 'zero-state': {
      const after = entryOf(PAYLOAD.zero, 0);
      return new WindowBlock(file, buffers, { ...common, after, area: null, taken: null, isToFill: false });
    }
    case 'data-area': {
      const stateAfter = stateWithDataArea(parameters, state, plan.covered);
      if (stateAfter === PAYLOAD.partiallyPresent) await reserveBitmap(context, chunkOf(geometry, plan.block), chunks);
      const taken = needsPlace(before) ? takePlace(space, geometry, plan.block) : null;
      const offsetBytes = taken?.offsetBytes ?? offsetOf(before);
      const isVisibleWhole = !isPresent(state) && stateAfter === PAYLOAD.fullyPresent;
      return new WindowBlock(file, buffers, {
        ...common,
        after: entryOf(stateAfter, offsetBytes),
        area: { offsetBytes, sectorBytes: geometry.logicalSectorSize },
        taken,
        isToFill: isVisibleWhole && taken?.staleBytes !== 0,
      });
    }
  }
};

/** Has the block neither a data area nor space that it owns? */
export const needsPlace = (entry: number): boolean => !ownsSpace(stateOf(entry)) || offsetOf(entry) === 0;

const takePlace = (space: BlockSpace, { blockSizeBytes }: BatGeometry, block: number): Place =>
  space.take(blockSizeBytes, `block ${block}`);

const reserveBitmap = async (
  { vhdx, bitmapPlaces }: PlacingContext,
  chunk: number,
  chunks: Set<number>,
): Promise<void> => {
  if (chunks.has(chunk) || stateOf(await vhdx.bat.bitmap(chunk)) !== BITMAP.notPresent) return;
  bitmapPlaces.reserve(chunk);
  chunks.add(chunk);
};

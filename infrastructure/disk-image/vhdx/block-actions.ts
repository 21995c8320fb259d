/**
 * What a merge does to one payload block of a destination: the tables of FORMATS.md C2 as functions. Guarantees:
 * - What no source covers keeps reading as it did: a block becomes ZERO only when it is covered whole, or read zero already.
 * - Blocks of a fixed disk (LeaveBlockAllocated) never lose their space, and get it when they have none.
 * - A new meaning of a whole block is one BAT entry; of a part of a block in a differencing disk, bits of covered sectors only.
 */
import { PAYLOAD } from '#domain/disk-format/vhdx/bat';
import type { DiskParameters } from '#domain/disk-format/vhdx/disk-parameters';

export type BlockRules = Pick<DiskParameters, 'hasParent' | 'leaveBlockAllocated'>;

/** Has every block of the disk its place? A child may have LeaveBlockAllocated too, but not all blocks. */
export const isFixed = ({ hasParent, leaveBlockAllocated }: BlockRules): boolean => leaveBlockAllocated && !hasParent;

/** What the sources supply of a block. */
export interface Coverage {
  /** Every sector of the block that lies inside the disk. */
  readonly isWhole: boolean;
  /** Some of it by data; otherwise it is zeros only. */
  readonly hasData: boolean;
}

/**
 * `none`: the block reads so already. `zero-state`: it becomes ZERO and has no data area. `data-area`: the covered sectors are
 * written, in the data area that the block has or in one that it gets.
 */
export type BlockAction = 'none' | 'zero-state' | 'data-area';

export const actionOn = (rules: BlockRules, state: number, covered: Coverage): BlockAction => {
  const mayBecomeZero = !covered.hasData && !rules.leaveBlockAllocated;
  switch (state) {
    case PAYLOAD.notPresent:
      // In a differencing disk the rest of the block is its parent's. In a base it reads zero, and as ZERO it does so by the book.
      return mayBecomeZero && (covered.isWhole || !rules.hasParent) ? 'zero-state' : 'data-area';
    case PAYLOAD.undefined:
    case PAYLOAD.unmapped:
      return mayBecomeZero ? 'zero-state' : 'data-area';
    case PAYLOAD.zero:
      return mayBecomeZero ? 'none' : 'data-area';
    case PAYLOAD.fullyPresent:
    case PAYLOAD.partiallyPresent:
      return mayBecomeZero && covered.isWhole ? 'zero-state' : 'data-area';
    default:
      throw new RangeError(`Bug: a payload block in state ${state} was let in`);
  }
};

/** The state of a block whose covered sectors are in its data area. */
export const stateWithDataArea = (
  rules: BlockRules,
  state: number,
  covered: Pick<Coverage, 'isWhole'>,
): typeof PAYLOAD.fullyPresent | typeof PAYLOAD.partiallyPresent => {
  const restIsParents = rules.hasParent && (state === PAYLOAD.notPresent || state === PAYLOAD.partiallyPresent);
  return restIsParents && !covered.isWhole ? PAYLOAD.partiallyPresent : PAYLOAD.fullyPresent;
};

/** Does an entry in this state own the space that it names? In the states 0 and 2 the offset is reserved. [MS-VHDX] 2.5.1.1 */
export const ownsSpace = (state: number): boolean => state !== PAYLOAD.notPresent && state !== PAYLOAD.zero;

/** Has the block a data area that its readers look at? An UNDEFINED or UNMAPPED block may only own the space for one. */
export const isPresent = (state: number): boolean =>
  state === PAYLOAD.fullyPresent || state === PAYLOAD.partiallyPresent;

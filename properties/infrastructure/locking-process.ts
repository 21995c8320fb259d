/**
 * A process that takes locks when it is told to, for `image-lock.properties.ts`. Started once and asked often, because it is the taking
 * that is tested and not the start.
 */
import { FileSystemFault } from '#application/ports/file-system';
import type { FileToLock, HeldLocks, Holder } from '#application/ports/image-lock';
import { OfdImageLocks } from '#infrastructure/locks/ofd-image-locks';

export type Order =
  | { readonly do: 'lock'; readonly files: readonly FileToLock[]; readonly atMs?: number }
  | { readonly do: 'release' }
  | { readonly do: 'holders'; readonly path: string }
  /** Goes on as a user who may do little. */
  | { readonly do: 'become nobody' };

export type Reply =
  | { readonly reply: 'held' }
  | { readonly reply: 'conflict'; readonly path: string; readonly holders: readonly Holder[] }
  | { readonly reply: 'fault'; readonly code: string }
  | { readonly reply: 'holders'; readonly holders: readonly Holder[] }
  | { readonly reply: 'done' };

const NOBODY = 65534;
const locks = new OfdImageLocks();
let held: HeldLocks | null = null;

const carryOut = async (order: Order): Promise<Reply> => {
  switch (order.do) {
    case 'lock': {
      // All start at the same time, as near as two cores can.
      while (Date.now() < (order.atMs ?? 0));
      const outcome = await locks.lockAll(order.files);
      if (!outcome.held) return { reply: 'conflict', path: outcome.path, holders: outcome.holders };
      held = outcome;
      return { reply: 'held' };
    }
    case 'release':
      await held?.release();
      held = null;
      return { reply: 'done' };
    case 'holders':
      return { reply: 'holders', holders: await locks.holdersOf([order.path]) };
    case 'become nobody':
      process.setegid?.(NOBODY);
      process.seteuid?.(NOBODY);
      return { reply: 'done' };
  }
};

const answer = async (order: Order): Promise<void> => {
  const reply = await carryOut(order).catch((error: unknown): Reply => {
    if (error instanceof FileSystemFault) return { reply: 'fault', code: error.code };
    throw error;
  });
  process.send?.(reply);
};

process.on('message', (order: Order) => void answer(order));
/** Ready for orders. */
process.send?.({ reply: 'done' } satisfies Reply);

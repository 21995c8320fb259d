import { EventStoreFault } from '#application/ports/event-store';
import { MoveJob } from '#application/use-cases/move-job';
import { mergeOnce, putVhdChain, runOf, type Story } from './story.js';
import type { Fate } from './story-world.js';

const SMALL_WINDOWS = { windowBytes: 4096 };

/** Jobs whose journal was away, or was changed for another. */
export const JOURNAL_STORIES: readonly Story[] = [
  {
    name: 'journal-away',
    tells: 'The journal could not be reached for a while in mid-merge, and the merge waited.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      return await mergeOnce(world, SMALL_WINDOWS, { beforeAppend: unreachable(5) });
    },
  },
  {
    name: 'journal-away-for-long',
    tells: 'The journal was away for longer than the merge was to wait, so it stopped; it was resumed later.',
    phase: 'completed',
    happen: async (world) => {
      putVhdChain(world);
      const run = await runOf(world, SMALL_WINDOWS, { beforeAppend: unreachableForBlocks }, 10_000);
      await run.toEnd();
      return await mergeOnce(world, SMALL_WINDOWS);
    },
  },
  {
    name: 'moved',
    tells: 'The job was moved to another journal half-way.',
    phase: 'moved',
    happen: async (world) => {
      putVhdChain(world);
      const jobId = await mergeOnce(world, SMALL_WINDOWS, { beforeAppend: failed });
      const closed = await new MoveJob(world.process()).close(
        jobId,
        'postgres://chainfold:***@journal-host/chainfold',
        null,
      );
      if (!closed.ok) throw new Error(closed.error.message);
      return jobId;
    },
  },
];

/** From the second block on the journal gives no answer, this many times. */
const unreachable = (times: number): NonNullable<Fate['beforeAppend']> => {
  let appends = 0;
  let left = times;
  return (events) => {
    if (events.some(({ type }) => type === 'BlockMerged')) appends += 1;
    if (appends < 2 || left === 0) return;
    left -= 1;
    throw new EventStoreFault('The journal does not answer.', { kind: 'unreachable' });
  };
};

/** After two blocks the journal gives no answer, but it is back when the merge says that it stops. */
const unreachableForBlocks: NonNullable<Fate['beforeAppend']> = (events) => {
  if (events.some(({ type, revision }) => type === 'BlockMerged' && revision > 4))
    throw new EventStoreFault('The journal does not answer.', { kind: 'unreachable' });
};

/** The journal takes two blocks and then nothing. */
const failed: NonNullable<Fate['beforeAppend']> = (events) => {
  if (events.some(({ revision }) => revision > 4)) throw new EventStoreFault('The journal is broken.');
};

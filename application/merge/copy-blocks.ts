import type { MergingJob } from '#domain/merge-job/state';
import { blocksToMerge } from './blocks-to-merge.js';
import { BlockCopier } from './copy-block.js';
import { claimDestination } from './claim-destination.js';
import { Pace } from './pace.js';
import { reserveForRun, type Reservation } from './reservation.js';
import { fileIdentity, statLocked, type RunContext } from './run-context.js';
import { LARGEST_APPEND_BYTES, LONGEST_WINDOW_MS, WindowMerger } from './window-merger.js';

/** Blocks and bytes merged once more, because the run before died and may have been in the middle of them. */
export interface Redone {
  readonly blocks: number;
  readonly bytes: number;
}

/** As `merged`, in room that is set aside before the first write to the destination and given back when there is no more to append. */
export const copyBlocks = async (job: MergingJob, run: RunContext): Promise<Redone> => {
  run.progress.stage('merging');
  await run.stillOurs();
  const reservation = await reserveForRun(run.material, job.committed, run.ports.files);
  if (reservation.outcome === 'unsupported') run.progress.notReserved();
  try {
    return await merged(job, run, reservation);
  } finally {
    await reservation.giveBack();
  }
};

/**
 * Gives the destination its identity and its size, merges window after window from the first block that is not committed, then
 * records what became of the destination.
 * Returns early, at a durable point, when the run is to stop. Returns the first window's work: what a crash made us do again.
 */
const merged = async (job: MergingJob, run: RunContext, reservation: Reservation): Promise<Redone> => {
  const { sources, destination } = run.material;
  await destination.prepare(run.fileWriteGuids[destination.description.path] ?? null);
  await claimDestination(job, run);
  await run.stillOurs();
  await destination.growTo(sources.diskSectors * sources.sectorSize);
  const pace = new Pace(run.limits.rateBytesPerSecond, run.ports.clock, run.stop, (bytes) => {
    run.progress.copied(bytes);
  });
  const windows = new WindowMerger(
    blocksToMerge(sources, destination, job.committed.nextBlock),
    destination,
    new BlockCopier(sources, destination.mergeBlockSectors, run.ports.digests, pace),
    { bytes: run.limits.windowBytes, milliseconds: LONGEST_WINDOW_MS, eventBytes: LARGEST_APPEND_BYTES },
    sources.sectorSize,
    run.ports.clock,
  );
  let firstWindow: Redone | null = null;
  while (!(await run.stopAsked())) {
    const blocks = await windows.next(run);
    if (blocks.length === 0) {
      await finalize(run, reservation);
      break;
    }
    await run.job.record({ type: 'ConfirmWindow', epoch: run.epoch, blocks });
    run.progress.committed(blocks);
    firstWindow ??= { blocks: blocks.length, bytes: blocks.reduce((sum, block) => sum + block.bytes, 0) };
  }
  return firstWindow ?? { blocks: 0, bytes: 0 };
};

/** Space is given back before the destination is settled and looked at: it changes the file's times. */
const finalize = async (run: RunContext, reservation: Reservation): Promise<void> => {
  const { job, ports } = run;
  const { destination, sources } = run.material;
  await run.stillOurs();
  await destination.complete(sources.images[0]!);
  await reservation.giveBack();
  await destination.settle();
  const { path, identity, virtualSizeBytes } = destination.description;
  const file = fileIdentity(await statLocked(path, ports.files));
  await job.record({ type: 'FinalizeDestination', destination: { identity, virtualSizeBytes, file } });
};

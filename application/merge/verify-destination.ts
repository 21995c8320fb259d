import type { BlockMerged } from '#domain/merge-job/events';
import type { FinalizedJob } from '#domain/merge-job/state';
import { rangeOfBlock, suppliedRuns } from '#domain/merge-plan/block-merge';
import { ChainView } from '../chain/chain-view.js';
import { chunkedDigest } from '../chain/view-digest.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { DiskImage } from '../ports/disk-image.js';
import { BlockCopier } from './copy-block.js';
import { Pace } from './pace.js';
import { ImageUnreadable, VerificationFailed, type RunContext } from './run-context.js';
import { blockReadsAsRecorded, verifyBlocks } from './verify-blocks.js';

/**
 * Reads the merged blocks back from the device and compares them with their recorded digests. The destination is flushed, its
 * cached pages dropped, and opened anew: it goes by the tables that are on the disk. A block that differs is merged again from
 * the sources; the job is then finalized and verified anew.
 */
export const verifyDestination = async (job: FinalizedJob, run: RunContext): Promise<void> => {
  const { destination, ancestors } = run.material;
  run.progress.stage('verifying');
  const dropped = await destination.settle();
  const readBack = await openAgain(destination.description.path, run);
  try {
    const result = await verifyBlocks(
      run.ports.store.read(run.job.name),
      (event) => decodeBlock(event, run),
      (event) => blockReadsAsRecorded(event, readBack, destination.mergeBlockSectors, run),
      () => run.stopAsked(),
    );
    if (result === 'stopped') return;
    if (result.differing.length > 0) {
      await repair(result.differing, run);
      return;
    }
    const viewDigest =
      job.sourceViewDigest === null
        ? null
        : await compareWholeView(job.sourceViewDigest, [readBack, ...ancestors], run);
    const { blocks, bytes } = result;
    const readFrom = dropped === 'dropped' ? 'device' : 'page-cache';
    await run.job.record({
      type: 'ConfirmVerification',
      verification: { mode: job.sourceViewDigest === null ? 'blocks' : 'full', blocks, bytes, readFrom, viewDigest },
    });
  } finally {
    await readBack.close();
  }
};

/** `--verify full`: the destination must show what the source showed before the first write. */
const compareWholeView = async (expected: string, images: readonly DiskImage[], run: RunContext): Promise<string> => {
  const found = await viewDigestOf(new ChainView(images), run);
  if (found !== expected) throw new VerificationFailed(images[0]!.description.path, expected, found, null);
  return found;
};

export const viewDigestOf = async (view: ChainView, { ports }: Pick<RunContext, 'ports'>): Promise<string> =>
  `sha256-chunked:${await chunkedDigest(view, ports.digests)}`;

/** Merges differing blocks once more. One that was repaired in this run already and differs again is beyond repair. */
const repair = async (differing: readonly BlockMerged[], run: RunContext): Promise<void> => {
  const { sources, destination } = run.material;
  const { mergeBlockSectors } = destination;
  const { path } = destination.description;
  const again = differing.find((event) => event.repair && event.epoch === run.epoch);
  if (again !== undefined) throw new VerificationFailed(path, again.digest, 'other bytes, twice', again.block);
  await destination.prepare(run.fileWriteGuids[path] ?? null);
  const copier = new BlockCopier(
    sources,
    mergeBlockSectors,
    run.ports.digests,
    Pace.unlimited(run.ports.clock, run.stop),
  );
  for (const event of differing) {
    await run.stillOurs();
    const runs = await sources.covered(rangeOfBlock(event.block, mergeBlockSectors, sources.diskSectors));
    const merge = { block: event.block, runs };
    const window = await destination.openWindow([{ block: event.block, runs: suppliedRuns(merge) }]);
    const block = await copier.copy(merge, window);
    await window.commit(() => run.stillOurs());
    if (block.digest !== event.digest) throw new VerificationFailed(path, event.digest, block.digest, event.block);
    await run.job.record({ type: 'ConfirmRepair', epoch: run.epoch, block });
  }
};

const decodeBlock = (recorded: RecordedEvent, { ports }: RunContext): BlockMerged => {
  const event = ports.codec.decodeJobEvent(recorded);
  if (event.type !== 'BlockMerged') throw new Error(`Bug: a recorded BlockMerged was decoded as ${event.type}`);
  return event;
};

const openAgain = async (path: string, { ports }: RunContext): Promise<DiskImage> => {
  const image = await ports.images.open(path);
  if (!image.ok) throw new ImageUnreadable(image.error);
  return image.value;
};

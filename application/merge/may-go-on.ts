import type { FileIdentity, ImageDescription } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import type { BlockMerged, ImageRecord } from '#domain/merge-job/events';
import { claimOf, committedOf, isClaimed, sourcesOf, type UnfinishedJob } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import type { JobStream } from '../jobs/job-stream.js';
import { runsOf } from '../jobs/last-run.js';
import { siblingsPresent, unnamedSiblings } from './acceptance.js';
import {
  compareSource,
  destinationReplaced,
  destinationUsed,
  destinationWasUsed,
  imagesDiffer,
  sourceChanged,
  sourcesStillGive,
} from './compare-with-accepted.js';
import { BlockCopier } from './copy-block.js';
import type { MergeChain } from './locked-chain.js';
import { Pace } from './pace.js';
import { blockReadsAsRecorded } from './verify-blocks.js';
import type { DiskImage } from '../ports/disk-image.js';
import type { MergeMaterial, RunPorts } from './run-context.js';
import { StopRequests } from './stop-requests.js';
import { statLocked, fileIdentity } from './run-context.js';

/** What the disk says to a run that takes up a job: for its first event. */
export interface DiskComparison {
  /** Files that were copied, restored or only touched: inode or mtime differ, the content does not. */
  readonly moved: readonly string[];
  readonly destination: FileIdentity | null;
}

/** A job with an accepted chain. */
type AcceptedOrLater = Exclude<UnfinishedJob, { phase: 'requested' }>;

/** May this run go on with the job it found? Compares what `ChainAccepted` fixed with what is there now; writes nothing. */
export const mayGoOn = async (
  before: UnfinishedJob,
  job: JobStream,
  chain: MergeChain,
  material: MergeMaterial,
  ports: RunPorts,
): Promise<Result<DiskComparison, MergeError>> => {
  const destinationFile = await statLocked(chain.destination.image.description.path, ports.files);
  const now = { moved: [], destination: fileIdentity(destinationFile) };
  if (before.phase === 'requested') return ok(now);
  const siblings = await unnamedSiblings(
    chain.relatives.siblings,
    [...before.request.options.allowedSiblings, ...before.chain.siblings.map(({ path }) => path)],
    ports,
  );
  if (siblings.length > 0) return err(siblingsPresent(chain.destination, siblings));
  const destination = await compareDestination(before, chain, destinationFile.mtimeMs, job, material, ports);
  if (!destination.ok) return destination;
  const sources = await compareSources(before, job, chain, material, ports);
  return sources.ok ? ok({ ...now, moved: [...sources.value, ...destination.value] }) : sources;
};

/**
 * The destination must hold what the journal calls committed. The same file does; another one (copied, or from a backup that
 * lacks blocks) is read back. For one that does not, only a new job is right, which takes no block as done.
 */
const compareDestination = async (
  before: AcceptedOrLater,
  chain: MergeChain,
  mtimeMs: number,
  job: JobStream,
  material: MergeMaterial,
  ports: RunPorts,
): Promise<Result<readonly string[], MergeError>> => {
  const accepted = before.chain;
  const recorded = accepted.images.at(-1)!;
  const { image, file } = chain.destination;
  const { identity, path, format } = image.description;
  if (!identitiesNow(before).includes(identity) || path !== recorded.path) {
    const now = [...chain.sources, chain.destination].map((opened) => opened.image.description.path);
    return err(imagesDiffer(job.jobId, accepted, now));
  }
  const lastEventAt = (await ports.store.readLast(job.name))?.occurredAt ?? 0;
  // A VHDX says by its GUIDs who wrote it last; a VHD has only its time.
  if (format === 'vhd' && destinationWasUsed(mtimeMs, lastEventAt))
    return err(destinationUsed(job.jobId, path, mtimeMs, lastEventAt));
  if (file.sizeBytes < recorded.file.sizeBytes) return err(destinationReplaced(job.jobId, recorded, file));
  if (file.ino === recorded.file.ino && (await wasWrittenByThisJob(image.description, recorded, job, ports)))
    return ok([]);
  return (await holdsCommittedBlocks(image, job, material, ports))
    ? ok([path])
    : err(destinationReplaced(job.jobId, recorded, file));
};

/** What the destination may be called: before, while and after it gets its new identity (VHDX). */
const identitiesNow = (before: AcceptedOrLater): readonly string[] => {
  const accepted = before.chain.images.at(-1)!.identity;
  const claim = claimOf(before);
  if (claim === null) return [accepted];
  return isClaimed(before) ? [claim.prepared.newIdentity] : [accepted, claim.prepared.newIdentity];
};

/** VHDX: the FileWriteGuid is the accepted one, or one that a run of this job announced. Another program that wrote leaves its own. */
const wasWrittenByThisJob = async (
  { path, writeIdentity }: ImageDescription,
  recorded: ImageRecord,
  job: JobStream,
  ports: RunPorts,
): Promise<boolean> => {
  if (writeIdentity === recorded.writeIdentity) return true;
  for await (const run of runsOf(job.name, ports)) if (run.fileWriteGuids[path] === writeIdentity) return true;
  return false;
};

const holdsCommittedBlocks = async (
  destination: DiskImage,
  job: JobStream,
  { destination: { mergeBlockSectors } }: MergeMaterial,
  ports: RunPorts,
): Promise<boolean> => {
  const unwatched = { ports, progress: { verified: () => undefined } };
  for await (const event of committedBlocks(job, ports)) {
    if (!(await blockReadsAsRecorded(event, destination, mergeBlockSectors, unwatched))) return false;
  }
  return true;
};

const compareSources = async (
  before: AcceptedOrLater,
  job: JobStream,
  chain: MergeChain,
  material: MergeMaterial,
  ports: RunPorts,
): Promise<Result<readonly string[], MergeError>> => {
  const accepted = sourcesOf(before);
  const changingLink = isClaimed(before) ? null : (claimOf(before)?.prepared.path ?? null);
  if (accepted.length !== chain.sources.length) {
    return err(
      imagesDiffer(
        job.jobId,
        before.chain,
        [...chain.sources, chain.destination].map(({ image }) => image.description.path),
      ),
    );
  }
  const compared = accepted.map((record, index) => ({
    record,
    now: chain.sources[index]!,
    is: compareSource(record, chain.sources[index]!, record.path === changingLink),
  }));
  const changed = compared.find(({ is }) => is === 'changed');
  if (changed !== undefined) return err(sourceChanged(job.jobId, changed.record, changed.now.file));
  const moved = compared.filter(({ is }) => is === 'moved');
  if (moved.length > 0 && !(await committedBlocksAreTheSame(before, job, material, ports))) {
    return err(sourceChanged(job.jobId, moved[0]!.record, moved[0]!.now.file));
  }
  return ok(moved.map(({ record }) => record.path));
};

const committedBlocksAreTheSame = async (
  before: UnfinishedJob,
  job: JobStream,
  { sources: view, destination }: MergeMaterial,
  ports: RunPorts,
): Promise<boolean> => {
  const { mergeBlockSectors } = destination;
  const copier = new BlockCopier(
    view,
    mergeBlockSectors,
    ports.digests,
    Pace.unlimited(ports.clock, await StopRequests.forJob(job.jobId, ports)),
  );
  return await sourcesStillGive(
    committedBlocks(job, ports),
    view,
    mergeBlockSectors,
    committedOf(before).nextBlock,
    (merge) => copier.digestOf(merge),
  );
};

async function* committedBlocks(job: JobStream, { store, codec }: RunPorts): AsyncGenerator<BlockMerged> {
  for await (const recorded of store.read(job.name)) {
    if (recorded.type !== 'BlockMerged') continue;
    const event = codec.decodeJobEvent(recorded);
    if (event.type === 'BlockMerged' && !event.repair) yield event;
  }
}

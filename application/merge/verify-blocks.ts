import type { BlockMerged } from '#domain/merge-job/events';
import { fromSectorSet } from '#domain/merge-plan/sector-set';
import { endOf, joinTouching, subtractRuns, type SectorRun } from '#domain/sector-run';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { DiskImage } from '../ports/disk-image.js';
import type { Digests } from '../ports/digests.js';
import type { ProgressSink } from '../progress/merge-progress.js';

const READ_BYTES = 2 * 1024 * 1024;

/**
 * Does the destination give back what a `BlockMerged` recorded? Goes by the image as it is read now, its tables included, and
 * not by the file offset in the event.
 */
export const blockReadsAsRecorded = async (
  event: BlockMerged,
  destination: DiskImage,
  blockSectors: number,
  {
    ports,
    progress,
  }: { readonly ports: { readonly digests: Digests }; readonly progress: Pick<ProgressSink, 'verified'> },
): Promise<boolean> => {
  const sectors = fromSectorSet(event.sectors, event.block * blockSectors);
  const zeros = event.zeros === undefined ? [] : fromSectorSet(event.zeros, event.block * blockSectors);
  const runs = subtractRuns(sectors, zeros);
  if (!(await suppliesAll(destination, runs)) || !(await readZero(destination, zeros, progress))) return false;
  const { logicalSectorSize } = destination.description;
  const digest = ports.digests.sha256();
  for (const run of runs) {
    for (let start = run.start; start < endOf(run);) {
      const count = Math.min(endOf(run) - start, READ_BYTES / logicalSectorSize);
      const into = new Uint8Array(count * logicalSectorSize);
      await readSupplied(destination, { start, count }, into);
      digest.update(into);
      progress.verified(into.byteLength);
      start += count;
    }
  }
  return `sha256:${digest.hex()}` === event.digest;
};

/** A sector that the destination leaves to its own parent was not merged, whatever the parent shows there. */
const suppliesAll = async (destination: DiskImage, runs: readonly SectorRun[]): Promise<boolean> => {
  const first = runs[0];
  if (first === undefined) return true;
  const supplied = joinTouching(
    await destination.supplied({ start: first.start, count: endOf(runs.at(-1)!) - first.start }),
  );
  return runs.every((run) => supplied.some((there) => there.start <= run.start && endOf(there) >= endOf(run)));
};

/** Zero by state costs nothing; a base may also leave a sector out altogether. A child that leaves one out shows its parent. */
const readZero = async (
  destination: DiskImage,
  runs: readonly SectorRun[],
  progress: Pick<ProgressSink, 'verified'>,
): Promise<boolean> => {
  const { logicalSectorSize, type } = destination.description;
  if (type === 'differencing' && !(await suppliesAll(destination, runs))) return false;
  const into = new Uint8Array(READ_BYTES);
  for (const run of runs) {
    for (const there of await destination.supplied(run)) {
      if (there.kind === 'data' && !(await isZero(destination, there, into))) return false;
    }
    progress.verified(run.count * logicalSectorSize);
  }
  return true;
};

const isZero = async (image: DiskImage, run: SectorRun, buffer: Uint8Array): Promise<boolean> => {
  const { logicalSectorSize } = image.description;
  for (let start = run.start; start < endOf(run);) {
    const count = Math.min(endOf(run) - start, buffer.length / logicalSectorSize);
    const into = buffer.subarray(0, count * logicalSectorSize);
    await image.read({ start, count }, into);
    if (into.some((byte) => byte !== 0)) return false;
    start += count;
  }
  return true;
};

const readSupplied = async (destination: DiskImage, range: SectorRun, into: Uint8Array): Promise<void> => {
  const { logicalSectorSize } = destination.description;
  for (const run of await destination.supplied(range)) {
    const offset = (run.start - range.start) * logicalSectorSize;
    const part = into.subarray(offset, offset + run.count * logicalSectorSize);
    if (run.kind === 'zero') part.fill(0);
    else await destination.read(run, part);
  }
};

export interface BlocksVerified {
  readonly blocks: number;
  readonly bytes: number;
  /** The last event of each block that differs. */
  readonly differing: readonly BlockMerged[];
}

/** Compares every committed block with the destination, in the order of the journal; a repair counts over what it repaired. */
export const verifyBlocks = async (
  events: AsyncIterable<RecordedEvent>,
  decode: (event: RecordedEvent) => BlockMerged,
  reads: (event: BlockMerged) => Promise<boolean>,
  stopNow: () => Promise<boolean>,
): Promise<BlocksVerified | 'stopped'> => {
  let blocks = 0;
  let bytes = 0;
  const differing = new Map<number, BlockMerged>();
  for await (const recorded of events) {
    if (recorded.type !== 'BlockMerged') continue;
    if (await stopNow()) return 'stopped';
    const event = decode(recorded);
    if (!event.repair) {
      blocks += 1;
      bytes += event.bytes;
    }
    if (await reads(event)) differing.delete(event.block);
    else differing.set(event.block, event);
  }
  return { blocks, bytes, differing: [...differing.values()] };
};

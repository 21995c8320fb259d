import type { MergeError } from '#domain/merge-error';
import type { RunIdentity } from '#domain/merge-job/events';
import type { FileIdentity } from '#domain/chain/image-description';
import type { MergeJobState } from '#domain/merge-job/state';
import { ChainView } from '../chain/chain-view.js';
import type { JobStream, JournalPorts } from '../jobs/job-stream.js';
import type { DiskImage, MergeDestination } from '../ports/disk-image.js';
import type { FileStat, FileSystem } from '../ports/file-system.js';
import type { ProgressSink } from '../progress/merge-progress.js';
import type { ChainWatch } from './chain-watch.js';
import type { LockPorts, MergeChain } from './locked-chain.js';
import type { StopRequests } from './stop-requests.js';

export type RunPorts = LockPorts & JournalPorts;

/** How a run moves data: the recorded options, or those of the command that started the run. */
export interface RunLimits {
  readonly windowBytes: number;
  readonly rateBytesPerSecond: number | null;
}

/** Images of a chain that is locked, open and ready. */
export interface MergeMaterial {
  readonly sources: ChainView;
  readonly destination: MergeDestination;
  /** Below the destination, for its whole view. */
  readonly ancestors: readonly DiskImage[];
}

/**
 * The images to be merged as one view. It is computed with the destination's size as it was accepted, also after the destination
 * was resized: what lies past that end was never the destination's.
 */
export const sourcesView = ({ sources, destination }: MergeChain, job: MergeJobState | null): ChainView => {
  const { virtualSizeBytes, logicalSectorSize } = destination.image.description;
  const accepted = job !== null && 'chain' in job ? job.chain?.images.at(-1)?.virtualSizeBytes : undefined;
  return new ChainView(
    sources.map(({ image }) => image),
    (accepted ?? virtualSizeBytes) / logicalSectorSize,
  );
};

/** What the steps of one run share. */
export interface RunContext {
  readonly job: JobStream;
  readonly material: MergeMaterial;
  readonly limits: RunLimits;
  readonly stop: StopRequests;
  readonly progress: ProgressSink;
  readonly ports: RunPorts;
  readonly epoch: number;
  /** VHDX: the FileWriteGuid that this run gives each file which it changes, as its first event says. */
  readonly fileWriteGuids: RunIdentity['fileWriteGuids'];
  /** The files of the chain as they were when this run opened them. */
  readonly watch: ChainWatch;
  /**
   * Throws `JobTakenOver` when the stream does not end where we ended it: another host's run, as this host's are kept off by locks;
   * and `ImageChanged` when a file of the chain is not what this run opened.
   */
  stillOurs(): Promise<void>;
  /** Is this run to stop at the next durable point? */
  stopAsked(): Promise<boolean>;
}

/** The destination does not give back what was merged into it. */
export class VerificationFailed extends Error {
  constructor(
    readonly path: string,
    readonly expected: string,
    readonly found: string,
    readonly block: number | null,
  ) {
    super(`${path}: expected ${expected}, found ${found}`);
    this.name = 'VerificationFailed';
  }
}

/** An image that was readable at the start of the run is not any more. */
export class ImageUnreadable extends Error {
  constructor(readonly error: MergeError) {
    super(error.message);
    this.name = 'ImageUnreadable';
  }
}

export const fileIdentity = ({ dev, ino, sizeBytes, mtimeNs }: FileStat): FileIdentity => ({
  dev,
  ino,
  sizeBytes,
  mtimeNs,
});

/** A file that this run has locked and open, so that it cannot vanish. */
export const statLocked = async (path: string, files: FileSystem): Promise<FileStat> => {
  const stat = await files.stat(path);
  if (stat === null) throw new Error(`Bug: ${path} vanished while it was locked and open`);
  return stat;
};

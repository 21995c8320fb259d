import type { MergeError } from '#domain/merge-error';
import type { RunIdentity } from '#domain/merge-job/events';
import { isStarted } from '#domain/merge-job/state';
import { unreachable } from '#domain/unreachable';
import { JobTakenOver, type JobStream } from '../jobs/job-stream.js';
import type { ProgressSink } from '../progress/merge-progress.js';
import type { ChainWatch } from './chain-watch.js';
import { copyBlocks, type Redone } from './copy-blocks.js';
import { failureOf } from './failures.js';
import { finishJob } from './finish-job.js';
import { missingSpace } from './missing-space.js';
import { NO_STREAM } from '../ports/event-store.js';
import type { MergeMaterial, RunContext, RunLimits, RunPorts } from './run-context.js';
import type { StopRequest, StopRequests } from './stop-requests.js';
import { verifyDestination } from './verify-destination.js';

/** How a run ended. `recorded` false: the journal itself could not take the last word. */
export type MergeOutcome =
  | { readonly outcome: 'completed' }
  | {
      readonly outcome: 'suspended';
      readonly why: string;
      readonly error: MergeError | null;
      readonly missingBytes: number | null;
      readonly recorded: boolean;
    }
  | { readonly outcome: 'terminated' }
  | {
      readonly outcome: 'failed';
      readonly error: MergeError;
      readonly resumable: boolean;
      readonly nextStep: string;
      readonly recorded: boolean;
    };

export interface RunSetUp {
  readonly job: JobStream;
  /** Null when only steps after the copy are left: they need no open chain. */
  readonly material: MergeMaterial | null;
  /** The files of the open chain; null with it. */
  readonly watch: ChainWatch | null;
  readonly lockedPaths: ReadonlySet<string>;
  /** Images that earlier jobs gave up: see `quarantine.ts`. */
  readonly quarantined: ReadonlySet<string>;
  readonly limits: RunLimits;
  /** VHDX: the FileWriteGuid for each file that this run changes, as its first event says. */
  readonly fileWriteGuids: RunIdentity['fileWriteGuids'];
  readonly stop: StopRequests;
  readonly progress: ProgressSink;
  readonly ports: RunPorts;
  /** The run before this one ended without a word. */
  readonly afterCrash: boolean;
  /** Of the first event of this run in the job's stream. */
  readonly firstRevision: number;
  /** Closes the chain and gives the locks back. */
  readonly release: () => Promise<void>;
}

/**
 * One run of a job, from the state it finds to the end or to a durable point. There is no resume path: a run looks at the state
 * and does what comes next, and a state without a committed block is the easy case.
 */
export class MergeRun {
  private redone: Redone = { blocks: 0, bytes: 0 };

  constructor(private readonly set: RunSetUp) {}

  get job(): JobStream {
    return this.set.job;
  }

  get firstRevision(): number {
    return this.set.firstRevision;
  }

  get stop(): StopRequests {
    return this.set.stop;
  }

  /** What this run merged again, at most, because the run before it died in the middle of a window. */
  get workRedone(): Redone {
    return this.redone;
  }

  /** Never rejects for what the world may bring; a bug of ours does. */
  async toEnd(): Promise<MergeOutcome> {
    try {
      return await this.steps();
    } catch (fault) {
      return await this.endBy(fault);
    } finally {
      await this.set.material?.destination.close();
      await this.set.release();
    }
  }

  private async steps(): Promise<MergeOutcome> {
    const { state } = this.job;
    if (isStarted(state)) this.set.progress.begin(state.chain, state.committed);
    for (;;) {
      const stopRequest = await this.stop.check();
      if (stopRequest !== null) return await this.stopFor(stopRequest);
      const job = this.job.state;
      switch (job.phase) {
        case 'merging': {
          const redone = await copyBlocks(job, this.context());
          if (this.set.afterCrash && this.redone.blocks === 0) this.redone = redone;
          break;
        }
        case 'finalized':
          if (job.request.options.verify === 'none') return await this.finish();
          await verifyDestination(job, this.context());
          break;
        case 'verified':
          return await this.finish();
        case 'unrequested':
        case 'requested':
        case 'refused':
        case 'accepted':
        case 'terminated':
        case 'moved':
        case 'failed':
        case 'completed':
          throw new Error(`Bug: a run found its job in phase ${job.phase}`);
        default:
          return unreachable(job);
      }
    }
  }

  private async finish(): Promise<MergeOutcome> {
    const job = this.job.state;
    if (job.phase !== 'finalized' && job.phase !== 'verified')
      throw new Error(`Bug: finishing a job in phase ${job.phase}`);
    this.set.progress.stage('finishing');
    const result = await finishJob(job, {
      stream: this.job,
      ports: this.set.ports,
      lockedPaths: this.set.lockedPaths,
      merged: (path) => this.set.watch?.fileOf(path) ?? null,
      quarantined: this.set.quarantined,
    });
    if (result.ok) return { outcome: 'completed' };
    return await this.fail(
      result.error,
      true,
      `Do what the message says, then run \`chainfold resume ${this.job.jobId}\`.`,
    );
  }

  private async stopFor({ action, by, why }: StopRequest): Promise<MergeOutcome> {
    await this.set.material?.destination.rest();
    if (action === 'terminate') {
      await this.job.record({ type: 'TerminateMerge', by, why });
      return { outcome: 'terminated' };
    }
    await this.job.record({ type: 'SuspendMerge', by, why, missingBytes: null });
    return { outcome: 'suspended', why, error: null, missingBytes: null, recorded: true };
  }

  /** The world failed: the last durable point is where the next run goes on. A bug is thrown on. */
  private async endBy(fault: unknown): Promise<MergeOutcome> {
    const failure = failureOf(fault, this.job.jobId);
    if (failure === null) throw fault;
    const { error, resumable, nextStep } = failure;
    if (failure.kind === 'out-of-space') {
      const missingBytes = await missingSpace(this.job.state, this.set.ports.files);
      return await this.suspend('out-of-space', missingBytes, error);
    }
    // Nobody waits for the journal any longer. It hardly takes this word, and needs none: what it holds is durable.
    if (failure.kind === 'journal-unreachable') return await this.suspend('journal-unreachable', null, error);
    if (fault instanceof JobTakenOver) return { outcome: 'failed', error, resumable, nextStep, recorded: false };
    return await this.fail(error, resumable, nextStep);
  }

  private async suspend(
    why: 'out-of-space' | 'journal-unreachable',
    missingBytes: number | null,
    error: MergeError,
  ): Promise<MergeOutcome> {
    const recorded = await this.recorded(() =>
      this.job.record({ type: 'SuspendMerge', by: 'chainfold', why, missingBytes }),
    );
    return { outcome: 'suspended', why, error, missingBytes, recorded };
  }

  private async fail(error: MergeError, resumable: boolean, nextStep: string): Promise<MergeOutcome> {
    const recorded = await this.recorded(() => this.job.record({ type: 'FailMerge', error, resumable, nextStep }));
    return { outcome: 'failed', error, resumable, nextStep, recorded };
  }

  /** False when the journal is what failed: it cannot hold its own failure, and the outcome says so. */
  private async recorded(append: () => Promise<unknown>): Promise<boolean> {
    try {
      await append();
      return true;
    } catch (fault) {
      if (failureOf(fault, this.job.jobId) === null) throw fault;
      return false;
    }
  }

  private context(): RunContext {
    const { job, material, watch, limits, fileWriteGuids, stop, progress, ports } = this.set;
    if (material === null || watch === null)
      throw new Error(`Bug: job ${job.jobId} has blocks to merge and no open chain`);
    return {
      job,
      material,
      limits,
      watch,
      stop,
      progress,
      ports,
      epoch: isStarted(job.state) ? job.state.epoch : 0,
      fileWriteGuids,
      stopAsked: async () => (await stop.check()) !== null,
      stillOurs: async () => {
        const head = await ports.store.head(job.name);
        const revision = head?.revision ?? NO_STREAM;
        if (revision !== job.revision) throw job.otherwise(revision);
        await watch.assertUnchanged();
      },
    };
  }
}

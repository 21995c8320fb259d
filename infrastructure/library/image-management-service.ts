import type { MergeError } from '#domain/merge-error';
import { returnCodeOf } from '#domain/merge-error';
import type { MergeOptions } from '#domain/merge-job/events';
import { RETURN_CODE, type ReturnCode } from '#domain/return-code';
import type { ParentSearch } from '#application/chain/allowed-roots';
import { MergeProgress } from '#application/progress/merge-progress';
import type { MergeAnswer } from '#application/use-cases/run-merge';
import { DEFAULT_MERGE_OPTIONS } from '#application/use-cases/merge-options';
import { compose, type Program } from '../container/compose.js';
import { JobStream } from '#application/jobs/job-stream';
import { missingSpace } from '#application/merge/missing-space';
import { ConcreteJob, type JobControl } from './concrete-job.js';

const LONGEST_STEERING_MS = 60_000;

export interface ServiceOptions {
  /** `sqlite:PATH`, a path, or `memory:`; left out: the user's own journal, as on the command line. */
  readonly journal?: string;
}

export interface MergeAnswered {
  /** 0 completed already, 4096 job started, or one of the documented refusals 32768 … 32779. */
  readonly returnValue: ReturnCode;
  /** Null when the request was refused. */
  readonly job: ConcreteJob | null;
  /** Why it was refused: what was expected, what was found, which file, what to do. */
  readonly error: MergeError | null;
}

export interface ParentSet {
  /** 0, or one of the documented codes 32768 … 32779. */
  readonly returnValue: ReturnCode;
  /** False when the link was right already, or the answer was no. */
  readonly wasChanged: boolean;
  readonly error: MergeError | null;
}

/**
 * `Msvm_ImageManagementService` without Hyper-V: merges differencing chains in place, with the same request, the same return
 * values and a job of the same shape.
 */
export class ImageManagementService {
  private readonly jobs = new Map<string, ConcreteJob>();

  private constructor(private readonly program: Program) {}

  /** Opens the journal. Rejects when it cannot be opened; nothing else has happened then. */
  static async open(options: ServiceOptions = {}): Promise<ImageManagementService> {
    return new ImageManagementService(
      await compose({ journal: options.journal, journalMode: 'read-write', door: 'library' }),
    );
  }

  /**
   * Merges `sourcePath` into its ancestor `destinationPath`; both fully qualified. Afterwards the destination shows what the
   * source showed. The same pair again is the same job: it goes on after the last committed block.
   */
  async mergeVirtualHardDisk(
    sourcePath: string,
    destinationPath: string,
    options: Partial<MergeOptions> = {},
  ): Promise<MergeAnswered> {
    const wanted = { ...DEFAULT_MERGE_OPTIONS, ...options };
    const running = [...this.jobs.values()].find((job) => job.isOf(sourcePath, destinationPath) && !job.hasEnded);
    if (running !== undefined) return { returnValue: RETURN_CODE.jobStarted, job: running, error: null };
    const progresses = new Map<string, MergeProgress>();
    const progressFor = (jobId: string): MergeProgress => {
      const progress = new MergeProgress(jobId, this.program.ports.clock);
      progresses.set(jobId, progress);
      return progress;
    };
    const answer = await this.program.runMerge.request(sourcePath, destinationPath, wanted, progressFor);
    switch (answer.answer) {
      case 'refused':
        return { returnValue: returnCodeOf(answer.error), job: null, error: answer.error };
      case 'already-completed': {
        const job = this.newJob(answer.jobId, sourcePath, destinationPath, progressFor(answer.jobId));
        job.markCompleted();
        return { returnValue: RETURN_CODE.completed, job, error: null };
      }
      case 'running': {
        const { jobId } = answer.run.job;
        const progress = progresses.get(jobId);
        if (progress === undefined) throw new Error(`Bug: job ${jobId} runs without progress`);
        const job = this.newJob(jobId, sourcePath, destinationPath, progress);
        job.follow(answer.run, this.controlOf(job, progress));
        return { returnValue: RETURN_CODE.jobStarted, job, error: null };
      }
    }
  }

  /**
   * Makes `childPath` name `parentPath` as its parent, where that is now; both fully qualified. Only the link is written. The
   * identities must match, or `ignoreIdMismatch` say that they need not: the data are not compared then, and a wrong parent means
   * corruption. Asked again it finishes a change that was interrupted. Resolves when all is done: there is no job.
   */
  async setParentVirtualHardDisk(
    childPath: string,
    parentPath: string,
    ignoreIdMismatch = false,
    search: ParentSearch = { roots: [] },
  ): Promise<ParentSet> {
    const answer = await this.program.reparentImage.reparent(childPath, parentPath, { ...search, ignoreIdMismatch });
    const error =
      answer.answer === 'refused'
        ? answer.error
        : answer.answer === 'ended' && answer.ended.outcome === 'failed'
          ? answer.ended.error
          : null;
    return {
      returnValue: error === null ? RETURN_CODE.completed : returnCodeOf(error),
      wasChanged: answer.answer === 'ended' && answer.ended.outcome === 'changed',
      error,
    };
  }

  /** A job of this service by its InstanceID. */
  getJob(instanceId: string): ConcreteJob | null {
    return this.jobs.get(instanceId) ?? null;
  }

  /** Asks running jobs to stop at a durable point, waits for them, and closes the journal. */
  async close(): Promise<void> {
    await Promise.all([...this.jobs.values()].map((job) => job.stopForGood()));
    await this.program.close();
  }

  private controlOf(job: ConcreteJob, progress: MergeProgress): JobControl {
    const { steerMerge, ports } = this.program;
    return {
      takeUp: () => this.takeUp(job, progress),
      terminate: async () => (await steerMerge.steer(job.instanceId, 'terminate', LONGEST_STEERING_MS)).ok,
      hasRoom: async () => {
        const { state } = await JobStream.open(job.instanceId, ports);
        return (await missingSpace(state, ports.files)) === null;
      },
    };
  }

  private async takeUp(job: ConcreteJob, progress: MergeProgress): Promise<boolean> {
    const answer: MergeAnswer = await this.program.runMerge.resume(job.instanceId, {}, () => progress);
    if (answer.answer !== 'running') return false;
    job.follow(answer.run, this.controlOf(job, progress));
    return true;
  }

  private newJob(instanceId: string, source: string, destination: string, progress: MergeProgress): ConcreteJob {
    const { clock, host } = this.program.ports;
    const job = new ConcreteJob({
      instanceId,
      source,
      destination,
      owner: host.user,
      progress,
      now: () => clock.now(),
    });
    this.jobs.set(instanceId, job);
    return job;
  }
}

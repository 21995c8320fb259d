import type { ControlRequest } from '#domain/merge-job/control';
import { mergeError, type MergeError } from '#domain/merge-error';
import { isStarted, isUnfinished, type MergeJobState, type UnfinishedJob } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { assertWholeImport } from '../jobs/half-imported.js';
import { lockJob } from '../jobs/job-locks.js';
import { controlStreamName, JobStream, jobStreamName, JobTakenOver, metaFor } from '../jobs/job-stream.js';
import { readJobState } from '../jobs/read-job-state.js';
import { emptyHead, seal } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { findJob } from './find-job.js';

/** How a job stands after it was asked to stop. */
export interface Steered {
  readonly jobId: string;
  readonly state: MergeJobState;
  /**
   * `done`: it is suspended or terminated, as asked. `not-running`: nobody was at it, so there was nothing to suspend. `ended`: it
   * came to another end first. `no-answer`: the request stands, and the runner has not come to a durable point in time.
   */
  readonly answer: 'done' | 'not-running' | 'ended' | 'no-answer';
}

export type SteerAction = 'suspend' | 'terminate';

/**
 * Stops a job from another process. A job's stream has one writer, its runner, so it is asked through the control stream and
 * stops itself at a durable point. A job that nobody runs is terminated here, under its locks: who holds them knows that no
 * runner is alive on this host.
 */
export class SteerMerge {
  constructor(private readonly ports: RunPorts) {}

  async steer(name: string, action: SteerAction, timeoutMs: number): Promise<Result<Steered, MergeError>> {
    const { store, clock } = this.ports;
    const found = await findJob(name, store);
    if (!found.ok) return found;
    const jobId = found.value;
    const until = clock.monotonic() + timeoutMs;
    let askedRun: string | null = null;
    for (let first = true; ; first = false) {
      const { state } = await readJobState(jobStreamName(jobId), this.ports);
      if (!isUnfinished(state)) return first ? err(hasEnded(jobId, state)) : ok(finished(jobId, state, action));
      if (action === 'suspend' && state.activity.kind !== 'running')
        return ok({ jobId, state, answer: askedRun === null ? 'not-running' : 'done' });
      const alone = await this.ifNobodyRuns(jobId, state, action);
      if (alone !== null) return ok(alone);
      if (askedRun !== runOf(state)) {
        await this.ask(jobId, action, state.epoch);
        askedRun = runOf(state);
      }
      if (clock.monotonic() >= until) return ok({ jobId, state, answer: 'no-answer' });
      await clock.sleep(LOOK_EVERY_MS);
    }
  }

  /** What there is to do when the locks can be had; null when somebody has the images. */
  private async ifNobodyRuns(jobId: string, state: UnfinishedJob, action: SteerAction): Promise<Steered | null> {
    const locks = await lockJob(state, this.ports);
    if (!locks.held) return null;
    try {
      const job = await JobStream.open(jobId, this.ports);
      if (!isUnfinished(job.state)) return finished(jobId, job.state, action);
      if (action === 'suspend') return { jobId, state: job.state, answer: 'not-running' };
      await assertWholeImport(jobId, this.ports.store);
      await job.record({ type: 'TerminateMerge', by: this.ports.host.user, why: 'requested' });
      return { jobId, state: job.state, answer: 'done' };
    } catch (fault) {
      // A run on another host: it is asked like any other.
      if (fault instanceof JobTakenOver) return null;
      throw fault;
    } finally {
      await locks.release();
    }
  }

  private async ask(jobId: string, action: SteerAction, epoch: number): Promise<void> {
    const { store, codec, clock, digests, host } = this.ports;
    const stream = controlStreamName(jobId);
    const request: ControlRequest = {
      type: action === 'suspend' ? 'SuspendRequested' : 'TerminateRequested',
      by: host.user,
      why: 'requested',
    };
    for (;;) {
      const head = (await store.head(stream)) ?? emptyHead(stream, digests);
      const envelope = { ...codec.encode(request), occurredAt: clock.now(), meta: metaFor(jobId, host, epoch) };
      const answer = await store.append(stream, head.revision, seal(stream, head, [envelope], this.ports));
      // Somebody else asked at the same moment: both requests are to be there.
      if (answer.outcome === 'appended') return;
    }
  }
}

const LOOK_EVERY_MS = 250;

/** A request counts for the run that is under way when it is made, from the moment that run begins to write. */
const runOf = (state: UnfinishedJob): string => `${String(state.epoch)} ${isStarted(state) ? 'started' : 'starting'}`;

const finished = (jobId: string, state: MergeJobState, action: SteerAction): Steered => ({
  jobId,
  state,
  answer: action === 'terminate' && state.phase === 'terminated' ? 'done' : 'ended',
});

const hasEnded = (jobId: string, state: MergeJobState): MergeError =>
  mergeError('job-state', `job ${jobId} has ended`, {
    expected: 'an unfinished job',
    found: `a job that is ${state.phase}`,
    todo: 'There is nothing left to stop. See what it did with `chainfold show`.',
    related: [jobId],
  });

import { mergeError, type MergeError } from '#domain/merge-error';
import { isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { assertWholeImport, importMarkStream, markImport } from '../jobs/half-imported.js';
import { lockJob } from '../jobs/job-locks.js';
import { controlStreamName, JobStream, jobStreamName, JobTakenOver } from '../jobs/job-stream.js';
import { readJobState } from '../jobs/read-job-state.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import { failureOf } from '../merge/failures.js';
import { imageInUse } from '../merge/locked-chain.js';
import { movedAway } from '../merge/refusals.js';
import type { RunPorts } from '../merge/run-context.js';
import type { EventStore } from '../ports/event-store.js';
import { carryOutTransfer } from './carry-out-transfer.js';
import { findJob } from './find-job.js';
import { TransferPlanner, type PlannedJob } from './plan-transfer.js';
import { differsThere, notSound, stoppedOnTheWay } from './transfer-refusals.js';

/** The journal that a job is moved to. */
export interface OtherJournal {
  /** Absolute, as it may be shown: what the job's last event says. */
  readonly name: string;
  readonly store: EventStore;
}

export interface MovedJob {
  readonly jobId: string;
  /** Events that were copied now; what was there before is not counted. */
  readonly added: number;
  /** As it is in the other journal. */
  readonly state: MergeJobState;
}

/**
 * Moves an unfinished job to another journal. It is closed here first, under the locks of its files, with an event that names the
 * other journal: from then on nobody goes on with it here. Then its events are copied there, without that last one. After a crash
 * anywhere in between the same command again finishes it.
 */
export class MoveJob {
  constructor(private readonly ports: RunPorts) {}

  async move(name: string, target: OtherJournal): Promise<Result<MovedJob, MergeError>> {
    return await answering(async () => {
      const found = await findJob(name, this.ports.store);
      if (!found.ok) return found;
      const jobId = found.value;
      const closed = await this.closed(jobId, target.name, () => this.prepare(jobId, target));
      if (!closed.ok) return closed;
      const plan = closed.value;
      const ports = { ...this.ports, store: target.store };
      const done = await carryOutTransfer([plan], () => this.events(jobId), ports);
      if (!done.ok) return err(stoppedOnTheWay(done.error, target.name));
      return ok({ jobId, added: done.value.get(jobId) ?? 0, state: plan.state });
    });
  }

  /** Only the first half: for a journal that cannot be seen from here, which then gets the job as a file. Gives back the job's id. */
  async close(name: string, to: string): Promise<Result<string, MergeError>> {
    return await answering(async () => {
      const found = await findJob(name, this.ports.store);
      if (!found.ok) return found;
      return await this.closed(found.value, to, () => Promise.resolve(ok(found.value)));
    });
  }

  /** Closes the job for `to`, unless it is closed for it already. `prepare` is asked before, and may refuse. */
  private async closed<T>(
    jobId: string,
    to: string,
    prepare: () => Promise<Result<T, MergeError>>,
  ): Promise<Result<T, MergeError>> {
    const { state } = await readJobState(jobStreamName(jobId), this.ports);
    if (!isUnfinished(state)) return isClosedFor(state, to) ? await prepare() : err(notMovable(jobId, state));
    const locks = await lockJob(state, this.ports);
    if (!locks.held) return err(imageInUse(locks, jobId));
    try {
      const job = await JobStream.open(jobId, this.ports);
      if (!isUnfinished(job.state))
        return isClosedFor(job.state, to) ? await prepare() : err(notMovable(jobId, job.state));
      await assertWholeImport(jobId, this.ports.store);
      const prepared = await prepare();
      if (prepared.ok) await job.record({ type: 'MoveJob', move: { by: this.ports.host.user, to } });
      return prepared;
    } finally {
      await locks.release();
    }
  }

  /** Looks at every event of the job, and at what the other journal holds in its place; marks it there. */
  private async prepare(jobId: string, target: OtherJournal): Promise<Result<PlannedJob, MergeError>> {
    const planner = new TransferPlanner(target.store, this.ports);
    try {
      for await (const event of this.events(jobId)) {
        const problem = await planner.take(event);
        if (problem === null) continue;
        return err(problem.kind === 'differs' ? differsThere(problem, target.name) : notSound(problem, `job ${jobId}`));
      }
      const planned = await planner.planned();
      if (!planned.ok) return err(notSound(planned.error, `job ${jobId}`));
      const plan = planned.value[0]!;
      return (await this.isSameJournal(plan, target)) ? err(sameJournal(jobId, target.name)) : ok(plan);
    } finally {
      await planner.close();
    }
  }

  /** Two names of one journal: what is written into the one is there in the other. A job closed there would be closed for good. */
  private async isSameJournal({ jobId, merge }: PlannedJob, { store }: OtherJournal): Promise<boolean> {
    const mark = await markImport(jobId, merge.to, { ...this.ports, store });
    return (await this.ports.store.head(importMarkStream(jobId)))?.hash === mark.hash;
  }

  private async *events(jobId: string): AsyncGenerator<RecordedEvent> {
    for (const stream of [controlStreamName(jobId), jobStreamName(jobId)]) yield* this.ports.store.read(stream);
  }
}

const isClosedFor = (state: MergeJobState, to: string): boolean => state.phase === 'moved' && state.to === to;

/** A journal that fails and a run that took the job over are answers here. */
const answering = async <T>(work: () => Promise<Result<T, MergeError>>): Promise<Result<T, MergeError>> => {
  try {
    return await work();
  } catch (fault) {
    if (!(fault instanceof JobTakenOver)) throw fault;
    const failure = failureOf(fault, fault.jobId);
    if (failure === null) throw fault;
    return err(failure.error);
  }
};

const notMovable = (jobId: string, state: MergeJobState): MergeError =>
  state.phase === 'moved'
    ? movedAway(jobId, state.to)
    : mergeError('job-state', `job ${jobId} has ended`, {
        expected: 'an unfinished job',
        found: `a job that is ${state.phase}`,
        todo: 'Only a job that is to go on is moved. Copy the record of this one with `chainfold journal export` and `journal import`.',
        related: [jobId],
      });

const sameJournal = (jobId: string, journal: string): MergeError =>
  mergeError('invalid-parameter', `${journal} is this same journal under another name`, {
    expected: 'another journal',
    found: `job ${jobId} itself`,
    todo: 'Name the journal that the job is to move to with --to.',
    related: [jobId, journal],
  });

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
import { EventStoreFault, type EventStore } from '../ports/event-store.js';
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
      const closed = await this.closed(jobId, target.name, (isClosed) => this.prepare(jobId, target, isClosed));
      if (!closed.ok) return closed;
      const plan = closed.value;
      const ports = { ...this.ports, store: target.store };
      try {
        const done = await carryOutTransfer([plan], () => this.events(jobId), ports);
        if (!done.ok) return err(stoppedOnTheWay(done.error, target.name));
        return ok({ jobId, added: done.value.get(jobId) ?? 0, state: plan.state });
      } catch (fault) {
        if (!(fault instanceof EventStoreFault)) throw fault;
        return err(cutShort(jobId, target.name, fault));
      }
    });
  }

  /**
   * Only the first half: for a journal that gets the job as a file. `seen`: that journal, if it can be read from here after all; it must
   * not be this one under another name. Gives back the job's id.
   */
  async close(name: string, to: string, seen: EventStore | null): Promise<Result<string, MergeError>> {
    return await answering(async () => {
      const found = await findJob(name, this.ports.store);
      if (!found.ok) return found;
      const jobId = found.value;
      return await this.closed(jobId, to, async () =>
        seen !== null && (await this.showsThrough(jobId, seen)) ? err(sameJournal(jobId, to)) : ok(jobId),
      );
    });
  }

  /** Closes the job for `to`, unless it is closed for it already. `prepare` is asked before, and may refuse. */
  private async closed<T>(
    jobId: string,
    to: string,
    prepare: (isClosed: boolean) => Promise<Result<T, MergeError>>,
  ): Promise<Result<T, MergeError>> {
    const { state } = await readJobState(jobStreamName(jobId), this.ports);
    if (!isUnfinished(state)) return isClosedFor(state, to) ? await prepare(true) : err(notMovable(jobId, state));
    const locks = await lockJob(state, this.ports);
    if (!locks.held) return err(imageInUse(locks, jobId));
    try {
      const job = await JobStream.open(jobId, this.ports);
      if (!isUnfinished(job.state))
        return isClosedFor(job.state, to) ? await prepare(true) : err(notMovable(jobId, job.state));
      await assertWholeImport(jobId, this.ports.store);
      const prepared = await prepare(false);
      if (prepared.ok) await job.record({ type: 'MoveJob', move: { by: this.ports.host.user, to } });
      return prepared;
    } finally {
      await locks.release();
    }
  }

  /** Looks at every event of the job, and at what the other journal holds in its place; marks it there. */
  private async prepare(
    jobId: string,
    target: OtherJournal,
    isClosed: boolean,
  ): Promise<Result<PlannedJob, MergeError>> {
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
      // Closed here, it may have gone on there since. Not closed, it would be closed in both.
      const { beyond } = plan.merge;
      if (beyond !== null && !isClosed) return err(goesOnThere(jobId, beyond, target.name));
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

  /** The same question to a journal that is only read: what is written here is there. */
  private async showsThrough(jobId: string, seen: EventStore): Promise<boolean> {
    const head = await this.ports.store.head(jobStreamName(jobId));
    if (head === null) return false;
    const mark = await markImport(jobId, head, this.ports);
    return (await seen.head(importMarkStream(jobId)))?.hash === mark.hash;
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

const goesOnThere = (jobId: string, beyond: RecordedEvent, journal: string): MergeError =>
  mergeError('job-state', `the journal ${journal} has held job ${jobId} before`, {
    expected: 'a journal without this job, or with a part of it',
    found: `all of it, and after it ${beyond.type} (revision ${String(beyond.revision)})`,
    todo: 'Nothing was written. A job does not come back to a journal that it has left: move it to a third one, or finish it here.',
    related: [jobId, journal],
  });

const cutShort = (jobId: string, journal: string, fault: EventStoreFault): MergeError =>
  mergeError('journal-failed', `job ${jobId} is closed here, and not, or not whole, in ${journal} yet`, {
    found: fault.message,
    todo: 'Nobody can go on with it until the move is finished: run the same command again, with the same --to.',
    related: [jobId, journal],
  });

const sameJournal = (jobId: string, journal: string): MergeError =>
  mergeError('invalid-parameter', `${journal} is this same journal under another name`, {
    expected: 'another journal',
    found: `job ${jobId} itself`,
    todo: 'Name the journal that the job is to move to with --to.',
    related: [jobId, journal],
  });

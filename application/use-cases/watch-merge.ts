import { Observable } from 'rxjs';
import type { MergeError } from '#domain/merge-error';
import { isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import { ok, type Result } from '#domain/result';
import { ENDS_A_RUN, jobStreamName } from '../jobs/job-stream.js';
import { readJobState } from '../jobs/read-job-state.js';
import type { RecordedEvent } from '../journal/recorded-event.js';
import type { RunPorts } from '../merge/run-context.js';
import { JournalProgress } from '../progress/journal-progress.js';
import type { ProgressTick } from '../progress/merge-progress.js';
import { findJob } from './find-job.js';
import { runnerOf, type Runner } from './runner.js';

/** A job as it stood when the watching began, and at its end. */
export interface WatchedJob {
  readonly jobId: string;
  readonly state: MergeJobState;
  readonly revision: number;
}

/** Why the watching ended: the job, or its run, is over, or its process is gone without a word. */
export interface WatchEnd extends WatchedJob {
  readonly runner: Runner;
}

/**
 * Follows a job that any process runs, by its journal. Everything here is pulled by the watcher: events wait in the journal for
 * one who is slow, and the run never hears of it.
 */
export class WatchMerge {
  constructor(private readonly ports: RunPorts) {}

  async find(name: string): Promise<Result<WatchedJob, MergeError>> {
    const job = await findJob(name, this.ports.store);
    return job.ok ? ok(await this.now(job.value)) : job;
  }

  /**
   * The job's events from a revision on, until its run is over: completed, suspended, terminated, failed, or dead. Returns how it
   * stood then.
   */
  async *events(jobId: string, fromRevision: number, signal?: AbortSignal): AsyncGenerator<RecordedEvent, WatchEnd> {
    const { store, clock } = this.ports;
    const stream = jobStreamName(jobId);
    let next = fromRevision;
    let lookedAt = -Infinity;
    while (signal?.aborted !== true) {
      let mayBeOver = clock.monotonic() - lookedAt >= LOOK_FOR_RUNNER_EVERY_MS;
      for await (const event of store.read(stream, { fromRevision: next })) {
        yield event;
        next = event.revision + 1;
        mayBeOver = ENDS_A_RUN.has(event.type);
      }
      if (mayBeOver) {
        lookedAt = clock.monotonic();
        const job = await this.withRunner(jobId);
        if (job.revision < next && isOver(job)) return job;
      }
      await clock.sleep(LOOK_FOR_EVENTS_EVERY_MS);
    }
    return await this.withRunner(jobId);
  }

  /**
   * The same as an Observable, from the job's first event on, with a progress tick after each event that changed something. It
   * holds nothing back for a subscriber: who is slow samples it. Unsubscribing cancels nothing but itself.
   */
  watch(jobId: string): Observable<RecordedEvent | ProgressTick> {
    return new Observable((subscriber) => {
      const stopped = new AbortController();
      const follow = async (): Promise<void> => {
        const progress = new JournalProgress(jobId);
        for await (const event of this.events(jobId, 0, stopped.signal)) {
          if (subscriber.closed) return;
          subscriber.next(event);
          if (progress.see(this.ports.codec.decodeJobEvent(event), event.occurredAt)) subscriber.next(progress.current);
        }
        subscriber.complete();
      };
      follow().catch((fault: unknown) => subscriber.error(fault));
      return () => stopped.abort();
    });
  }

  private async now(jobId: string): Promise<WatchedJob> {
    const { state, head } = await readJobState(jobStreamName(jobId), this.ports);
    return { jobId, state, revision: head.revision };
  }

  private async withRunner(jobId: string): Promise<WatchEnd> {
    const job = await this.now(jobId);
    const last = await this.ports.store.readLast(jobStreamName(jobId));
    if (last === null) throw new Error(`Bug: job ${jobId} was found and has no event`);
    return { ...job, runner: await runnerOf(job.state, last, this.ports) };
  }
}

const LOOK_FOR_EVENTS_EVERY_MS = 100;
/** Looking for a process means looking at all of them. */
const LOOK_FOR_RUNNER_EVERY_MS = 2000;

const isOver = ({ state, runner }: WatchEnd): boolean =>
  !isUnfinished(state) || state.activity.kind !== 'running' || runner.presence === 'gone';

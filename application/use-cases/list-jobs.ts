import type { MergeJobEvent } from '#domain/merge-job/events';
import type { MergeError } from '#domain/merge-error';
import { committedOf, isUnfinished, type MergeJobState } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { jobIdOf, JOB_STREAM_PREFIX, jobStreamName } from '../jobs/job-stream.js';
import { readJobState } from '../jobs/read-job-state.js';
import { eventAt } from '../journal/event-at.js';
import type { RunPorts } from '../merge/run-context.js';
import { findJob } from './find-job.js';
import { jobStateOf, percentOf, type JobStateName } from './job-summary.js';
import { runnerOf, type Runner } from './runner.js';

export interface JobSummary {
  readonly jobId: string;
  readonly source: string;
  readonly destination: string;
  readonly jobState: JobStateName;
  readonly phase: MergeJobState['phase'];
  readonly isUnfinished: boolean;
  readonly percent: number;
  readonly committed: { readonly blocks: number; readonly bytes: number };
  /** Null before the chain was accepted. */
  readonly total: { readonly blocks: number; readonly bytes: number } | null;
  readonly runner: Runner;
  /** Milliseconds since 1970. */
  readonly requestedAt: number;
  readonly lastEventAt: number;
  readonly revision: number;
  /** What the job failed with, or was refused for. */
  readonly error: MergeError | null;
}

/** An event that is not a block, and where it stands: the story of a job. */
export interface HistoryEntry {
  readonly revision: number;
  readonly occurredAt: number;
  readonly event: MergeJobEvent;
}

export interface JobDetails extends JobSummary {
  readonly state: MergeJobState;
  /** Everything but the blocks; blocks merged a second time are here. */
  readonly history: readonly HistoryEntry[];
}

/** The jobs of a journal, for people. Reads only. */
export class ListJobs {
  constructor(private readonly ports: RunPorts) {}

  /** Every job, the newest request last. */
  async all(): Promise<readonly JobSummary[]> {
    const jobs: JobSummary[] = [];
    for await (const { stream } of this.ports.store.list(JOB_STREAM_PREFIX)) {
      jobs.push(await this.summary(jobIdOf(stream), (await readJobState(stream, this.ports)).state));
    }
    return jobs.sort((a, b) => a.requestedAt - b.requestedAt);
  }

  /** One job with its whole story, by its id or the first characters of it. */
  async one(name: string): Promise<Result<JobDetails, MergeError>> {
    const job = await findJob(name, this.ports.store);
    if (!job.ok) return err(job.error);
    const { state } = await readJobState(jobStreamName(job.value), this.ports);
    return ok({ ...(await this.summary(job.value, state)), state, history: await this.history(job.value) });
  }

  private async summary(jobId: string, state: MergeJobState): Promise<JobSummary> {
    const { store } = this.ports;
    const stream = jobStreamName(jobId);
    const first = await eventAt(stream, 0, store);
    const last = await store.readLast(stream);
    if (state.phase === 'unrequested' || first === null || last === null)
      throw new Error(`Bug: job ${jobId} has a stream and no request`);
    const { blocks, bytes } = committedOf(state);
    const chain = 'chain' in state ? state.chain : null;
    return {
      jobId,
      source: state.request.source,
      destination: state.request.destination,
      jobState: jobStateOf(state),
      phase: state.phase,
      isUnfinished: isUnfinished(state),
      percent: percentOf(state),
      committed: { blocks, bytes },
      total: chain === null ? null : { blocks: chain.blocks, bytes: chain.bytes },
      runner: await runnerOf(state, last, this.ports),
      requestedAt: first.occurredAt,
      lastEventAt: last.occurredAt,
      revision: last.revision,
      error: errorOf(state),
    };
  }

  private async history(jobId: string): Promise<readonly HistoryEntry[]> {
    const { store, codec } = this.ports;
    const entries: HistoryEntry[] = [];
    for await (const recorded of store.read(jobStreamName(jobId))) {
      const event = codec.decodeJobEvent(recorded);
      if (event.type === 'BlockMerged' && !event.repair) continue;
      entries.push({ revision: recorded.revision, occurredAt: recorded.occurredAt, event });
    }
    return entries;
  }
}

const errorOf = (state: MergeJobState): MergeError | null => {
  if ('error' in state) return state.error;
  return isUnfinished(state) && state.activity.kind === 'failed' ? state.activity.error : null;
};

import type { MergeError } from '#domain/merge-error';
import { ok, type Result } from '#domain/result';
import { controlStreamName, jobIdOf, JOB_STREAM_PREFIX, jobStreamName } from '../jobs/job-stream.js';
import { trailLines, type TrailPorts } from '../journal/trail.js';
import type { HeadSigner } from '../ports/head-signer.js';
import { findJob } from './find-job.js';

/** Jobs as a trail: a file to keep, to send, to audit without the journal, or to put into another one. Reads only. */
export class ExportJournal {
  constructor(private readonly ports: Omit<TrailPorts, 'signer'>) {}

  /** Ids of the jobs that are meant, each once, by their ids or the first characters of them; all jobs for none. */
  async jobs(names: readonly string[]): Promise<Result<readonly string[], MergeError>> {
    const { store } = this.ports;
    const jobIds = new Set<string>();
    for (const name of names) {
      const found = await findJob(name, store);
      if (!found.ok) return found;
      jobIds.add(found.value);
    }
    if (names.length === 0) for await (const { stream } of store.list(JOB_STREAM_PREFIX)) jobIds.add(jobIdOf(stream));
    return ok([...jobIds]);
  }

  /**
   * The lines of the trail, without line ends. `journal`: its name as it may be shown. `signer`: this user's key. Throws
   * `UnreadableEvent` when a stream is no whole chain.
   */
  lines(jobIds: readonly string[], journal: string, signer: HeadSigner): AsyncGenerator<string> {
    // What was asked of a job first, as it is put into a journal in this order.
    const streams = jobIds.flatMap((jobId) => [controlStreamName(jobId), jobStreamName(jobId)]);
    return trailLines(streams, { ...this.ports, signer }, journal);
  }
}

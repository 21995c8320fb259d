import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import { jobIdOf, jobStreamName } from '../jobs/job-stream.js';
import type { EventStore } from '../ports/event-store.js';

const SHORTEST_PREFIX = 4;
const GUID_LENGTH = 36;

/** A job by its id, or by the first characters of it, at least four, as long as they mean one job only. */
export const findJob = async (name: string, store: EventStore): Promise<Result<string, MergeError>> => {
  const wanted = name.toLowerCase();
  if (!/^[0-9a-f-]*$/.test(wanted) || wanted.length < SHORTEST_PREFIX || wanted.length > GUID_LENGTH) {
    return err(
      mergeError('job-state', `${JSON.stringify(name)} is no job id`, {
        expected: `a job's id, or at least its first ${String(SHORTEST_PREFIX)} characters`,
        todo: 'List the jobs with `chainfold jobs`.',
      }),
    );
  }
  const found: string[] = [];
  for await (const { stream } of store.list(jobStreamName(wanted))) {
    // A whole id means its job, whatever else begins with it.
    if (stream === jobStreamName(wanted)) return ok(wanted);
    found.push(jobIdOf(stream));
    if (found.length > MOST_NAMED) break;
  }
  const [only, ...others] = found;
  if (only === undefined) return err(noSuchJob(name));
  return others.length === 0 ? ok(only) : err(severalJobs(name, found));
};

const MOST_NAMED = 5;

const noSuchJob = (name: string): MergeError =>
  mergeError('job-state', `there is no job ${name} in this journal`, {
    todo: 'List the jobs with `chainfold jobs`, or name another journal with --journal.',
    related: [name],
  });

const severalJobs = (name: string, found: readonly string[]): MergeError =>
  mergeError('job-state', `several jobs begin with ${name}`, {
    expected: 'enough characters of the id to mean one',
    found: found.length > MOST_NAMED ? `${found.slice(0, MOST_NAMED).join(', ')} and more` : found.join(', '),
    todo: 'Write more of the id.',
    related: found,
  });

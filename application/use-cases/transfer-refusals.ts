import { mergeError, type MergeError } from '#domain/merge-error';
import type { TransferStopped } from './carry-out-transfer.js';
import type { TransferProblem } from './plan-transfer.js';

/** Why jobs do not go into another journal, for the person at the console. */

export const differsThere = ({ stream, revision, what }: TransferProblem, journal: string): MergeError =>
  mergeError('job-state', `the journal ${journal} holds another history of this job`, {
    expected: `the same events in ${stream}, or none`,
    found: `revision ${String(revision)}: it ${what}`,
    todo: 'Nothing was written. One of the two was changed, or the job was moved away from there before; `chainfold audit` and `chainfold events` show both.',
    related: [stream, journal],
  });

export const notSound = ({ stream, revision, what }: TransferProblem, where: string): MergeError =>
  mergeError('job-state', `${where}: event ${String(revision)} of ${stream} is not right`, {
    expected: 'events that the job could have had, each as it was recorded',
    found: `one that ${what}`,
    todo: 'Nothing was written. See it with `chainfold audit`.',
    related: [stream],
  });

export const stoppedOnTheWay = ({ stream, what }: TransferStopped, journal: string): MergeError =>
  mergeError('job-taken-over', `${stream} ${what}`, {
    expected: `nobody else at this job, here or in ${journal}`,
    found: 'a change between the check and the end',
    todo: 'What was written so far is right, and a job that is there only in part cannot be run. Do the same again.',
    related: [stream, journal],
  });

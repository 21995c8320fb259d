import { mergeError, type MergeError } from '#domain/merge-error';
import { JobTakenOver } from '../jobs/job-stream.js';
import { EventStoreFault } from '../ports/event-store.js';
import { FileSystemFault } from '../ports/file-system.js';

/** How far the change had come: nothing written, its images recorded, or all of it flushed. */
export type Progress = 'nothing written' | 'prepared' | 'applied';

export const NEXT_STEP: Readonly<Record<Progress, string>> = {
  'nothing written': 'Nothing was written. When it is mended, run the same command again.',
  prepared:
    'The child opens, with its old parent or its new one. Run the same command again: it finishes the change from the journal.',
  applied: 'The child has its new parent. Run the same command again: it records that.',
};

/** The one place where a fault of the world becomes a value here. Null for anything else: that is a bug of ours, and is thrown on. */
export const errorOfFault = (fault: unknown, progress: Progress): MergeError | null => {
  const todo = NEXT_STEP[progress];
  if (fault instanceof FileSystemFault && fault.code === 'out-of-space')
    return mergeError('out-of-space', 'the file system is full', { path: fault.path, found: fault.message, todo });
  if (fault instanceof FileSystemFault && (fault.code === 'access-denied' || fault.code === 'read-only'))
    return mergeError('access-denied', `this user could not ${fault.operation} the file`, {
      path: fault.path,
      found: fault.message,
      todo,
    });
  if (fault instanceof FileSystemFault)
    return mergeError('io-failed', `the operating system could not ${fault.operation}`, {
      path: fault.path,
      found: fault.message,
      todo,
    });
  if (fault instanceof EventStoreFault)
    return mergeError('journal-failed', 'the journal could not be written or read', { found: fault.message, todo });
  if (fault instanceof JobTakenOver)
    return mergeError('job-taken-over', 'this change of a parent is being run by someone else', {
      expected: 'one runner for a change',
      found: `${fault.found} in the stream of ${fault.jobId}`,
      todo,
      related: [fault.jobId],
    });
  return null;
};

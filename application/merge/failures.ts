import { mergeError, type MergeError } from '#domain/merge-error';
import { ImageChanged, imageChangedMeanwhile } from './chain-watch.js';
import { JobTakenOver } from '../jobs/job-stream.js';
import { BlockSpaceExhausted } from '../ports/disk-image.js';
import { EventStoreFault } from '../ports/event-store.js';
import { FileSystemFault } from '../ports/file-system.js';
import { ImageUnreadable, VerificationFailed } from './run-context.js';

/** How a fault ends a run. `nextStep` is for a person. */
export interface Failure {
  readonly kind: 'out-of-space' | 'journal-unreachable' | 'failed';
  readonly error: MergeError;
  readonly resumable: boolean;
  readonly nextStep: string;
}

/**
 * The one place where a fault of the world becomes a value. Null for anything else: that is a bug of ours, and is thrown on.
 */
export const failureOf = (fault: unknown, jobId: string): Failure | null => {
  const again = `Run the same merge again, or \`chainfold resume ${jobId}\`: it goes on after the last committed block.`;
  if (fault instanceof FileSystemFault && fault.code === 'out-of-space') {
    return {
      kind: 'out-of-space',
      error: outOfSpace(fault),
      resumable: true,
      nextStep: `Make room on the file system. ${again}`,
    };
  }
  if (fault instanceof FileSystemFault)
    return { kind: 'failed', error: ioFailed(fault), resumable: true, nextStep: `Mend the storage first. ${again}` };
  if (fault instanceof EventStoreFault && fault.kind === 'out-of-space') {
    return {
      kind: 'out-of-space',
      error: journalFailed(fault),
      resumable: true,
      nextStep: `Make room for the journal. ${again}`,
    };
  }
  if (fault instanceof EventStoreFault && fault.kind === 'unreachable') {
    return {
      kind: 'journal-unreachable',
      error: journalFailed(fault),
      resumable: true,
      nextStep: `Bring the journal back. ${again}`,
    };
  }
  if (fault instanceof EventStoreFault)
    return {
      kind: 'failed',
      error: journalFailed(fault),
      resumable: true,
      nextStep: `Mend the journal first. ${again}`,
    };
  if (fault instanceof JobTakenOver)
    return {
      kind: 'failed',
      error: takenOver(fault),
      resumable: true,
      nextStep: fault.found === 'other events' ? 'Watch the other runner.' : 'Look at the journal.',
    };
  if (fault instanceof ImageChanged)
    return {
      kind: 'failed',
      error: imageChangedMeanwhile(fault),
      resumable: true,
      nextStep: `Find out who changes it. ${again}`,
    };
  if (fault instanceof VerificationFailed) {
    return {
      kind: 'failed',
      error: verificationFailed(fault),
      resumable: true,
      nextStep: `Check the storage for errors; the sources are untouched. ${again}`,
    };
  }
  if (fault instanceof ImageUnreadable)
    return { kind: 'failed', error: fault.error, resumable: true, nextStep: `Look at the image. ${again}` };
  if (fault instanceof BlockSpaceExhausted) {
    return {
      kind: 'failed',
      error: blockSpace(fault),
      resumable: false,
      nextStep: 'Merge into a disk with room for more blocks. The source still shows its data.',
    };
  }
  return null;
};

const outOfSpace = (fault: FileSystemFault): MergeError =>
  mergeError('out-of-space', 'the file system is full', {
    path: fault.path,
    expected: 'room for the blocks that the destination still needs',
    found: fault.message,
    todo: 'Nothing committed is lost. Make room and run the same merge again.',
  });

const ioFailed = (fault: FileSystemFault): MergeError =>
  mergeError('io-failed', `the operating system could not ${fault.operation}`, {
    path: fault.path,
    found: fault.message,
    todo: 'Nothing committed is lost, and the source still shows its data. Check the storage, then run the same merge again.',
  });

const journalFailed = (fault: EventStoreFault): MergeError =>
  mergeError('journal-failed', 'the journal could not be written or read', {
    found: fault.message,
    todo: 'Nothing committed is lost. Mend the journal, then run the same merge again.',
  });

const takenOver = ({ jobId, found }: JobTakenOver): MergeError =>
  found === 'other events'
    ? mergeError('job-taken-over', `job ${jobId} is being run by someone else`, {
        expected: 'one runner for a job',
        found: 'an event in its stream that this run did not write',
        todo: 'This run wrote nothing more. Find the other runner with `chainfold events`.',
        related: [jobId],
      })
    : mergeError('job-taken-over', `the journal has lost events of job ${jobId}`, {
        expected: 'every event that it had acknowledged',
        found: 'a stream that ends before them: the journal was emptied, replaced, or restored from a copy',
        todo: 'This run wrote nothing more, and the source still shows its data. Bring the journal back; if it is lost, run the same merge again: it takes no block as done.',
        related: [jobId],
      });

const verificationFailed = (fault: VerificationFailed): MergeError =>
  mergeError(
    'verification-failed',
    fault.block === null
      ? 'the merged disk does not show what the source showed'
      : `block ${String(fault.block)} does not read back as merged`,
    {
      path: fault.path,
      expected: fault.expected,
      found: fault.found,
      todo: 'Keep the source: it still shows its data. Check the storage for errors before you merge again.',
    },
  );

const blockSpace = (fault: BlockSpaceExhausted): MergeError =>
  mergeError('block-space-exhausted', 'no further block can be placed in this file', {
    path: fault.path,
    expected: fault.expected,
    found: fault.found,
    todo: 'The source still shows its data.',
  });

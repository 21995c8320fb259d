import type { MergeError } from '#domain/merge-error';
import type { ChangedReparent } from '#domain/reparent-job/state';
import { fileIdentity, statLocked, type RunPorts } from '../merge/run-context.js';
import type { Reparenting } from '../ports/disk-image.js';
import { errorOfFault, NEXT_STEP, type Progress } from './failures.js';
import type { ReparentStream } from './reparent-stream.js';

/** What became of a change that was prepared. */
export type LinkOutcome =
  | { readonly outcome: 'changed'; readonly reparentId: string; readonly state: ChangedReparent }
  | {
      readonly outcome: 'failed';
      readonly reparentId: string;
      readonly error: MergeError;
      readonly resumable: boolean;
      readonly nextStep: string;
    };

/**
 * Brings a child's file to the after-image that the stream holds, and records it. The caller has the child locked. `childPath` is
 * where the file is now: it may have been moved since the change was prepared. A bug is thrown on; a fault is an outcome.
 */
export const changeLink = async (
  stream: ReparentStream,
  change: Reparenting,
  childPath: string,
  ports: RunPorts,
): Promise<LinkOutcome> => {
  let progress: Progress = 'prepared';
  try {
    const applied = await change.apply();
    // A file that is neither before nor after is somebody else's now: this change is never finished.
    if (!applied.ok) return await fail(stream, applied.error, applied.error.kind !== 'image-changed');
    progress = 'applied';
    await stream.record({
      type: 'ConfirmParentLink',
      file: fileIdentity(await statLocked(childPath, ports.files)),
    });
  } catch (fault) {
    const error = errorOfFault(fault, progress);
    if (error === null) throw fault;
    return await fail(stream, error, true, NEXT_STEP[progress]);
  }
  const { reparentId, state } = stream;
  if (state.phase !== 'changed') throw new Error(`Bug: ${stream.name} is ${state.phase} after its change`);
  return { outcome: 'changed', reparentId, state };
};

const fail = async (
  stream: ReparentStream,
  error: MergeError,
  resumable: boolean,
  nextStep = resumable ? NEXT_STEP.prepared : FOREIGN,
): Promise<LinkOutcome> => {
  try {
    await stream.record({ type: 'FailReparent', error, resumable, nextStep });
  } catch (fault) {
    // The journal may be what failed: it cannot hold its own failure, and needs no word of it. What it holds is enough to go on.
    if (errorOfFault(fault, 'prepared') === null) throw fault;
  }
  return { outcome: 'failed', reparentId: stream.reparentId, error, resumable, nextStep };
};

/** It was prepared, nothing of it was written, and it is not wanted any more. The caller has the child locked. */
export const giveUp = (stream: ReparentStream, error: MergeError): Promise<LinkOutcome> =>
  fail(stream, error, false, 'Nothing of it was written: the child says what it said before.');

const FOREIGN =
  'Something else has changed the child. Look at it with `chainfold inspect`; reparent begins anew from what it says now.';

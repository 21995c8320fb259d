import { mergeError, type MergeError } from '#domain/merge-error';
import type { PreparedReparent } from '#domain/reparent-job/state';
import type { UnfinishedKnownJob } from '../jobs/job-directory.js';
import { holderInWords } from '../merge/locked-chain.js';
import type { LockConflict } from '../ports/image-lock.js';

export const inUse = ({ path, holders }: LockConflict): MergeError =>
  mergeError('image-in-use', 'another program has this file', {
    path,
    expected: 'a child that nobody uses, over disks that nobody writes to',
    found: holders.length === 0 ? 'a lock whose holder cannot be seen' : holders.map(holderInWords).join('; '),
    todo: 'Nothing was written. Shut down what uses the disk, then try again.',
  });

export const changedMeanwhile = (path: string): MergeError =>
  mergeError('image-changed', 'the chain changed while it was being locked', {
    path,
    expected: 'the images that were there a moment before',
    found: 'this one in the place of another',
    todo: 'Nothing was written. See who changes files here, then try again.',
  });

export const heldByMergeJob = (path: string, { jobId, state }: UnfinishedKnownJob): MergeError =>
  mergeError('job-holds-image', 'an unfinished merge holds the child or its new parent', {
    path,
    expected: 'no unfinished merge with one of these disks',
    found: `job ${jobId}, which merges ${state.request.source} into ${state.request.destination}`,
    todo: `Nothing was written. Finish it with \`chainfold resume ${jobId}\`, or end it with \`chainfold terminate ${jobId}\`.`,
    related: [jobId],
  });

/** Somebody else began a change of the same child while we looked. */
export const begunMeanwhile = ({ link }: PreparedReparent, reparentId: string): MergeError =>
  mergeError('image-changed', 'another change of its parent was begun a moment ago, and not ended', {
    path: link.child.path,
    expected: 'a child whose link nobody changes',
    found: `the re-parenting ${reparentId} to ${link.parent.path}`,
    todo: 'Nothing was written. Run the same command again: it finishes that one first.',
    related: [reparentId],
  });

/** Prepared, interrupted before its first byte, and another parent is asked for. */
export const notBegun = (path: string, parent: string): MergeError =>
  mergeError('image-changed', 'another parent is wanted before the first byte of this change was written', {
    path,
    expected: parent,
    found: 'a request for another one',
    todo: 'Nothing was written.',
    related: [parent],
  });

export const noRoom = (path: string, neededBytes: number, freeBytes: number): MergeError =>
  mergeError('out-of-space', 'there is no room for the new paths', {
    path,
    expected: `${String(neededBytes)} bytes free on its file system`,
    found: `${String(freeBytes)} bytes`,
    todo: 'Nothing was written. Make room, then try again.',
  });

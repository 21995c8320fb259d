import { mergeError, type MergeError } from '#domain/merge-error';
import type { ReparentRequested, StoredParentPath } from '#domain/reparent-job/events';
import { err, ok, type Result } from '#domain/result';
import type { ParentSearch } from '../chain/allowed-roots.js';
import { isAbsolute } from '../chain/paths.js';
import { allJobs, jobThatHolds, type KnownJob } from '../jobs/job-directory.js';
import { recordOf } from '../merge/acceptance.js';
import { canonicalPath } from '../merge/merge-pair.js';
import { fileIdentity, type RunPorts } from '../merge/run-context.js';
import type { Reparenting } from '../ports/disk-image.js';
import { isFault } from '../ports/file-system.js';
import { changeLink, giveUp, type LinkOutcome } from '../reparent/change-link.js';
import { errorOfFault } from '../reparent/failures.js';
import { begunMeanwhile, heldByMergeJob, noRoom, notBegun } from '../reparent/refusals.js';
import { findReparenting, unfinishedReparenting, type FoundChild } from '../reparent/reparent-directory.js';
import {
  lockFiles,
  lockPair,
  type RelinkPair,
  type RelinkPaths,
  type RelinkRequest,
} from '../reparent/reparent-pair.js';
import { ReparentStream, reparentStreamName } from '../reparent/reparent-stream.js';
import { isRightAlready } from '../reparent/right-already.js';

export interface ReparentOptions extends ParentSearch {
  /** Take the parent although the child names another identity. The data are not compared: a wrong parent is corruption. */
  readonly ignoreIdMismatch: boolean;
}

/** `finished`: a change of this child that was interrupted earlier, and what became of it now. */
export type ReparentAnswer =
  | {
      readonly answer: 'refused';
      readonly error: MergeError;
      /** Null when the journal could not take the refusal. */
      readonly reparentId: string | null;
      readonly finished: LinkOutcome | null;
    }
  | ({ readonly answer: 'unchanged'; readonly finished: LinkOutcome | null } & RelinkPaths)
  | { readonly answer: 'ended'; readonly ended: LinkOutcome; readonly finished: LinkOutcome | null };

/**
 * Gives a child the parent that was moved, renamed or restored (`SetParentVirtualHardDisk`). One that was interrupted is finished
 * first. Order: find both, lock, read from the disk, check, record with both images, write, record. docs/decisions/0023
 */
export class ReparentImage {
  constructor(private readonly ports: RunPorts) {}

  /** The id of a change by the first characters of it, at least four. */
  find(name: string): Promise<Result<string, MergeError>> {
    return findReparenting(name, this.ports.store);
  }

  streamOf(reparentId: string): string {
    return reparentStreamName(reparentId);
  }

  /** Both paths absolute. Rejects for a bug of ours only. */
  async reparent(child: string, parent: string, options: ReparentOptions): Promise<ReparentAnswer> {
    const asked = { child, parent, ...options };
    let finished: LinkOutcome | null = null;
    try {
      const paths = await this.relinkPaths(asked);
      if (!paths.ok) return await this.refuse(asked, paths.error, finished);
      const request: RelinkRequest = { ...options, ...paths.value };
      const interrupted = await this.finishInterrupted(request);
      if (!interrupted.ok) return await this.refuse(request, interrupted.error, finished);
      finished = interrupted.value;
      // It may have been finished in part, or not at all: nothing else is begun over it.
      if (finished?.outcome === 'failed' && finished.resumable)
        return { answer: 'ended', ended: finished, finished: null };
      const pair = await lockPair(request, this.ports);
      if (!pair.ok) return await this.refuse(request, pair.error, finished);
      try {
        return await this.change(request, pair.value, finished);
      } finally {
        await pair.value.close();
      }
    } catch (fault) {
      const error = errorOfFault(fault, 'nothing written');
      if (error === null) throw fault;
      return { answer: 'refused', error, reparentId: null, finished };
    }
  }

  /** Everything that may still say no, then the record, then the change. */
  private async change(
    request: RelinkRequest,
    pair: RelinkPair,
    finished: LinkOutcome | null,
  ): Promise<ReparentAnswer> {
    const { child, parents } = pair;
    const { description } = child.image;
    const parent = parents[0]!.image.description;
    const begun = await unfinishedReparenting({ ...description, file: child.file }, this.ports);
    if (begun !== null)
      return await this.refuse(request, begunMeanwhile(begun.state, begun.stream.reparentId), finished);
    const holder = jobThatHolds(identitiesOf(pair), await this.jobs());
    if (holder !== null) return await this.refuse(request, heldByMergeJob(description.path, holder), finished);
    if (await isRightAlready(pair, this.ports.files))
      return { answer: 'unchanged', child: description.path, parent: parent.path, finished };
    const change = await this.ports.images.reparenting(description.path, parent);
    if (!change.ok) return await this.refuse(request, change.error, finished);
    const free = await this.ports.files.freeSpaceBytes(description.path);
    const { growthBytes } = change.value;
    if (growthBytes > free) return await this.refuse(request, noRoom(description.path, growthBytes, free), finished);
    const stream = await this.prepare(request, pair, change.value);
    return { answer: 'ended', ended: await changeLink(stream, change.value, description.path, this.ports), finished };
  }

  /** In one append: there is no request whose child nobody has looked at. */
  private async prepare(
    request: RelinkRequest,
    { child, parents }: RelinkPair,
    change: Reparenting,
  ): Promise<ReparentStream> {
    const { parentIdentities, parentCandidates } = child.image.description;
    const parent = parents[0]!;
    const stream = ReparentStream.empty(this.ports.identifiers.newGuid(), this.ports);
    await stream.record(
      { type: 'RequestReparent', request: this.requested(request) },
      {
        type: 'PrepareParentLink',
        link: {
          child: recordOf(child),
          parent: recordOf(parent),
          oldIdentities: parentIdentities,
          oldPaths: parentCandidates.map(({ source, stored }): StoredParentPath => ({ locator: source, path: stored })),
          newPaths: change.storedPaths,
          identityMatched: parentIdentities.includes(parent.image.description.identity),
          images: change.images,
          missingProtection: await this.ports.locks.missingProtection(),
        },
      },
    );
    return stream;
  }

  /** A change of this child that an earlier run has begun: to its end, or known to be somebody else's file now. */
  private async finishInterrupted({ child, parent }: RelinkPaths): Promise<Result<LinkOutcome | null, MergeError>> {
    const found = await this.found(child);
    if (found === null || (await unfinishedReparenting(found, this.ports)) === null) return ok(null);
    const locks = await lockFiles([{ path: child, use: 'write' }], this.ports);
    if (!locks.ok) return locks;
    try {
      // Asked again under the lock: whoever held it may have finished.
      const unfinished = await unfinishedReparenting(found, this.ports);
      if (unfinished === null) return ok(null);
      const { link } = unfinished.state;
      // An unfinished merge has recorded this file as it is now: changed, the merge could not go on.
      const holder = jobThatHolds([link.child.identity, link.parent.identity], await this.jobs());
      if (holder !== null) return err(heldByMergeJob(child, holder));
      const change = this.ports.images.resumeReparenting(child, link.images);
      // Nothing of it was written, and another parent is wanted now: to finish it would only lose what the child says.
      if (link.parent.path !== parent && (await change.state()) === 'before')
        return ok(await giveUp(unfinished.stream, notBegun(child, link.parent.path)));
      return ok(await changeLink(unfinished.stream, change, child, this.ports));
    } finally {
      await locks.value.release();
    }
  }

  private async found(child: string): Promise<FoundChild | null> {
    const stat = await this.ports.files.stat(child);
    if (stat?.kind !== 'file') return null;
    const probed = await this.ports.images.probe(child);
    return { path: child, identity: probed?.identity ?? null, file: fileIdentity(stat) };
  }

  private async jobs(): Promise<readonly KnownJob[]> {
    const jobs: KnownJob[] = [];
    for await (const job of allJobs(this.ports)) jobs.push(job);
    return jobs;
  }

  private async relinkPaths({ child, parent }: RelinkPaths): Promise<Result<RelinkPaths, MergeError>> {
    const canonical: string[] = [];
    for (const path of [child, parent]) {
      if (path === '' || path.includes('\0') || !isAbsolute(path)) return err(notQualified(path));
      try {
        canonical.push(await canonicalPath(path, this.ports.files));
      } catch (fault) {
        if (!isFault(fault, 'not-found')) throw fault;
        return err(nothingThere(path));
      }
    }
    return ok({ child: canonical[0]!, parent: canonical[1]! });
  }

  /** A refused request keeps its stream, for the audit. */
  private async refuse(
    request: RelinkRequest,
    error: MergeError,
    finished: LinkOutcome | null,
  ): Promise<ReparentAnswer> {
    const stream = ReparentStream.empty(this.ports.identifiers.newGuid(), this.ports);
    await stream.record(
      { type: 'RequestReparent', request: this.requested(request) },
      { type: 'RefuseReparent', error },
    );
    return { answer: 'refused', error, reparentId: stream.reparentId, finished };
  }

  private requested({ child, parent, ignoreIdMismatch, roots, maps }: RelinkRequest): Omit<ReparentRequested, 'type'> {
    const { user, name, pid } = this.ports.host;
    const requester = { user, host: name, pid };
    return { child, parent, ignoreIdMismatch, roots, ...(maps === undefined ? {} : { maps }), requester };
  }
}

const identitiesOf = ({ child, parents }: RelinkPair): readonly string[] =>
  [child, ...parents].map(({ image }) => image.description.identity);

const notQualified = (path: string): MergeError =>
  mergeError('invalid-parameter', 'the path is not fully qualified', {
    expected: 'an absolute path',
    found: path === '' ? 'an empty one' : JSON.stringify(path),
    todo: 'Name the file with its whole path.',
  });

const nothingThere = (path: string): MergeError =>
  mergeError('file-not-found', 'there is no such file', {
    path,
    expected: 'a virtual disk',
    found: 'nothing, nor its folder',
    todo: 'Nothing was written. Check the path.',
  });

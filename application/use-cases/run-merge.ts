import type { FileIdentity } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import type { Actor, MergeOptions, MergeRequested, RunIdentity } from '#domain/merge-job/events';
import { isUnfinished, type MergeJobState, type UnfinishedJob } from '#domain/merge-job/state';
import { MIB } from '#domain/quantities';
import { ok, type Result } from '#domain/result';
import type { ParentSearch } from '../chain/allowed-roots.js';
import { ChainView } from '../chain/chain-view.js';
import { isAbsolute } from '../chain/paths.js';
import { jobsAbout, jobThatHolds, type JobsAbout } from '../jobs/job-directory.js';
import { JobStream } from '../jobs/job-stream.js';
import { PatientStore } from '../journal/patient-store.js';
import { lastRunOf } from '../jobs/last-run.js';
import { acceptanceOf } from '../merge/acceptance.js';
import { ChainWatch } from '../merge/chain-watch.js';
import { failureOf } from '../merge/failures.js';
import { imageInUse, lockChain, type LockedChain, type LockFailure } from '../merge/locked-chain.js';
import { mayGoOn } from '../merge/may-go-on.js';
import { MergeRun, type RunSetUp } from '../merge/merge-run.js';
import { quarantinedPaths, withoutGivenUp } from '../merge/quarantine.js';
import { heldOrSuperseded, notResumable } from '../merge/refusals.js';
import { answerFromStream, lockForFinishing } from '../merge/without-chain.js';
import { sourcesView, type MergeMaterial, type RunLimits, type RunPorts } from '../merge/run-context.js';
import { StopRequests } from '../merge/stop-requests.js';
import { viewDigestOf } from '../merge/verify-destination.js';
import type { ProgressSink } from '../progress/merge-progress.js';
import { mergePair, type MergePair } from '../merge/merge-pair.js';

/** What a request to merge is answered with, before a byte is written. */
export type MergeAnswer =
  | {
      readonly answer: 'refused';
      readonly error: MergeError;
      readonly jobId: string | null;
      readonly state: MergeJobState | null;
    }
  | { readonly answer: 'already-completed'; readonly jobId: string; readonly state: MergeJobState }
  | { readonly answer: 'running'; readonly run: MergeRun };

export type ProgressFor = (jobId: string) => ProgressSink;

/**
 * Merges a source into an ancestor. The same request again is the same job: it goes on where the stream ends, and a new job is
 * the case of an empty stream. Order: find the chain, lock it, read it from the disk, ask the journal, check, record, run.
 */
export class RunMerge {
  /** `journalWaitMs`: how long a run waits for a journal that went away; null without limit. */
  constructor(
    private readonly ports: RunPorts,
    private readonly journalWaitMs: number | null = null,
  ) {}

  /** Window and rate are this command's; a job keeps all its other options from its first request. */
  async request(
    source: string,
    destination: string,
    options: MergeOptions,
    progressFor: ProgressFor,
  ): Promise<MergeAnswer> {
    return await answering(() => this.answer(source, destination, options, progressFor));
  }

  /** Goes on with an unfinished job as it was requested. */
  async resume(jobId: string, limits: Partial<RunLimits>, progressFor: ProgressFor): Promise<MergeAnswer> {
    return await answering(() => this.resumed(jobId, limits, progressFor));
  }

  private async answer(
    source: string,
    destination: string,
    options: MergeOptions,
    progressFor: ProgressFor,
  ): Promise<MergeAnswer> {
    const pair = await mergePair(source, destination, this.ports.files);
    if (!pair.ok) return await this.refuseNew({ source, destination }, options, pair.error);
    const about = await jobsAbout(pair.value.source, pair.value.destination, this.ports);
    const answered = await this.answeredBy(about);
    if (answered !== null) return answered;
    if (about.unfinished?.state.phase === 'verified') return await this.finish(about.unfinished.jobId, progressFor);
    return await this.withLockedChain(pair.value, options, progressFor);
  }

  private async resumed(jobId: string, limits: Partial<RunLimits>, progressFor: ProgressFor): Promise<MergeAnswer> {
    const { state } = await JobStream.open(jobId, this.ports);
    if (!isUnfinished(state)) return { answer: 'refused', error: notResumable(jobId, state), jobId, state };
    if (state.phase === 'verified') return await this.finish(jobId, progressFor);
    const { source, destination, options } = state.request;
    return await this.withLockedChain({ source, destination }, { ...options, ...limits }, progressFor);
  }

  /** A merge that is done and over which nothing has changed is its own answer. */
  private async answeredBy({ unfinished, completed }: JobsAbout): Promise<MergeAnswer | null> {
    if (unfinished !== null || completed === null) return null;
    if (!(await answerFromStream(completed.state, this.ports))) return null;
    return { answer: 'already-completed', jobId: completed.jobId, state: completed.state };
  }

  private async withLockedChain(
    pair: MergePair,
    options: MergeOptions,
    progressFor: ProgressFor,
  ): Promise<MergeAnswer> {
    const before = await jobsAbout(pair.source, pair.destination, this.ports);
    const locked = await lockChain(pair, searchOf(options, before), this.ports, async (relatives) =>
      withoutGivenUp(relatives, before.others),
    );
    if (!locked.ok) return await this.refuseNew(pair, options, await this.whyNot(pair, locked.error));
    try {
      // Asked again under the lock: whoever held it may have finished or left a job meanwhile.
      const about = await jobsAbout(pair.source, pair.destination, this.ports);
      const answered = await this.answeredBy(about);
      if (answered !== null) {
        await locked.value.close();
        return answered;
      }
      const quarantined = quarantinedPaths(about.others);
      const chain = { ...locked.value, relatives: withoutGivenUp(locked.value.relatives, about.others) };
      const refusal = heldOrSuperseded(chain, about.others, options);
      if (refusal !== null) return await this.refuse(chain, pair, options, refusal);
      const job =
        about.unfinished === null
          ? await this.newJob(pair, options, chain.lockedPaths)
          : await JobStream.open(about.unfinished.jobId, this.ports);
      const found = about.unfinished !== null;
      return await this.begin(job, chain, { options, found, quarantined }, progressFor);
    } catch (fault) {
      await locked.value.close();
      throw fault;
    }
  }

  /** From a locked chain and a job to a run: everything that may still say no says it here. */
  private async begin(
    job: JobStream,
    chain: LockedChain,
    { options, found, quarantined }: Beginning,
    progressFor: ProgressFor,
  ): Promise<MergeAnswer> {
    // A run begins here: what is asked of it from now on counts.
    const stop = await StopRequests.forJob(job.jobId, this.ports);
    const material = await this.open(chain, job.state);
    if (!material.ok) return await this.refuseJob(job, chain, material.error);
    const before = unfinishedState(job);
    const firstRevision = found ? job.revision + 1 : 0;
    const run = this.runIdentity(found ? before.epoch + 1 : before.epoch, options, this.newFileWriteGuids(chain));
    try {
      const ready = await this.makeReady(job, chain, material.value, run, found);
      if (!ready.ok) {
        await material.value.destination.close();
        return await this.refuseJob(job, chain, ready.error);
      }
    } catch (fault) {
      await material.value.destination.close();
      throw fault;
    }
    return {
      answer: 'running',
      run: this.run({
        job,
        material: material.value,
        watch: new ChainWatch(chain, this.ports.files),
        lockedPaths: chain.lockedPaths,
        quarantined,
        limits: options,
        fileWriteGuids: run.fileWriteGuids,
        stop,
        progress: progressFor(job.jobId),
        firstRevision,
        afterCrash: found && before.activity.kind !== 'suspended',
        release: () => chain.close(),
      }),
    };
  }

  /** Takes up a job that was found, and brings a new one to its start. Nothing is written to an image before `MergeStarted`. */
  private async makeReady(
    job: JobStream,
    chain: LockedChain,
    material: MergeMaterial,
    run: RunIdentity,
    found: boolean,
  ): Promise<Result<'ready', MergeError>> {
    const before = unfinishedState(job);
    if (found) {
      const comparison = await mayGoOn(before, job, chain, material, this.ports);
      if (!comparison.ok) return comparison;
      await this.takeUp(job, before, comparison.value, run);
    }
    if (job.state.phase === 'requested') {
      const acceptance = await acceptanceOf(chain, material, before.request.options, this.ports);
      if (!acceptance.ok) return acceptance;
      await job.record({ type: 'AcceptChain', chain: acceptance.value });
    }
    if (job.state.phase === 'accepted') {
      const full = before.request.options.verify === 'full';
      const sourceViewDigest = full ? await viewDigestOf(wholeView(chain), { ports: this.ports }) : null;
      await job.record({
        type: 'StartMerge',
        start: { run, sourceViewDigest },
      });
    }
    return ok('ready');
  }

  /** Until here a journal that is away is an answer; from here on it is waited for. */
  private run(set: Omit<RunSetUp, 'ports'>): MergeRun {
    const store = new PatientStore(this.ports.store, {
      clock: this.ports.clock,
      signal: set.stop.signal,
      limitMs: this.journalWaitMs,
      told: (reason) => {
        set.progress.journalAway(reason);
      },
    });
    set.stop.lookThrough(store);
    return new MergeRun({ ...set, job: set.job.through(store), ports: { ...this.ports, store } });
  }

  /** Only steps after the verified copy are left: sources may be gone, and nothing is merged. */
  private async finish(jobId: string, progressFor: ProgressFor): Promise<MergeAnswer> {
    const before = await JobStream.open(jobId, this.ports);
    const locked = await lockForFinishing(before.state, this.ports);
    if (!locked.ok) return { answer: 'refused', error: locked.error, jobId, state: before.state };
    try {
      const job = await JobStream.open(jobId, this.ports);
      const state = unfinishedState(job);
      const stop = await StopRequests.forJob(jobId, this.ports);
      const { others } = await jobsAbout(state.request.source, state.request.destination, this.ports);
      // What is left to change says its GUIDs itself: the images of each re-parenting are in the journal.
      const run = this.runIdentity(state.epoch + 1, state.request.options, {});
      const firstRevision = job.revision + 1;
      await this.takeUp(job, state, { moved: [], destination: locked.value.destination }, run);
      return {
        answer: 'running',
        run: this.run({
          job,
          material: null,
          watch: null,
          lockedPaths: locked.value.paths,
          quarantined: quarantinedPaths(others),
          limits: state.request.options,
          fileWriteGuids: run.fileWriteGuids,
          stop,
          progress: progressFor(jobId),
          firstRevision,
          afterCrash: state.activity.kind !== 'suspended',
          release: locked.value.release,
        }),
      };
    } catch (fault) {
      await locked.value.release();
      throw fault;
    }
  }

  /** The first event of a run that finds an unfinished job, before it writes a byte to any image. */
  private async takeUp(
    job: JobStream,
    before: UnfinishedJob,
    disk: { readonly moved: readonly string[]; readonly destination: FileIdentity | null },
    run: RunIdentity,
  ): Promise<void> {
    if (before.activity.kind === 'suspended') {
      await job.record({ type: 'ResumeMerge', run, by: this.ports.host.user });
      return;
    }
    const { blocks, bytes, nextBlock } =
      'committed' in before ? before.committed : { blocks: 0, bytes: 0, nextBlock: 0 };
    await job.record({
      type: 'RecoverMerge',
      recovery: {
        run,
        streamSaid: { revision: job.revision, blocks, bytes, nextBlock },
        diskSaid: { destination: disk.destination, moved: disk.moved },
        redoBytesAtMost: await this.redoBytesAtMost(job, before),
      },
    });
  }

  /** One window may have been under way: it is whole blocks, at least one. */
  private async redoBytesAtMost(job: JobStream, before: UnfinishedJob): Promise<number> {
    if (before.phase !== 'merging') return 0;
    const window = (await lastRunOf(job.name, this.ports))?.windowBytes ?? before.request.options.windowBytes;
    const block = before.chain.images.at(-1)!.blockSizeBytes ?? FIXED_DISK_BLOCK_BYTES;
    return Math.min(before.chain.bytes - before.committed.bytes, Math.max(window, block));
  }

  private async open(chain: LockedChain, job: MergeJobState): Promise<Result<MergeMaterial, MergeError>> {
    const destination = await this.ports.images.openDestination(chain.destination.image.description.path);
    if (!destination.ok) return destination;
    return ok({
      sources: sourcesView(chain, job),
      destination: destination.value,
      ancestors: chain.ancestors.map(({ image }) => image),
    });
  }

  private async newJob(pair: MergePair, options: MergeOptions, paths: ReadonlySet<string>): Promise<JobStream> {
    const job = JobStream.empty(this.ports.identifiers.newGuid(), this.ports);
    const missingProtection = await this.ports.locks.missingProtection([...paths]);
    await job.record({
      type: 'RequestMerge',
      request: { ...pair, options, requester: this.actor(), missingProtection },
    });
    return job;
  }

  private async whyNot(pair: MergePair, failure: LockFailure): Promise<MergeError> {
    if (failure.kind === 'refused') return failure.error;
    const { unfinished, others } = await jobsAbout(pair.source, pair.destination, this.ports);
    const job = unfinished ?? jobThatHolds(failure.identities, others);
    return imageInUse(failure.conflict, job?.jobId ?? null);
  }

  private async refuse(
    chain: LockedChain,
    pair: MergePair,
    options: MergeOptions,
    error: MergeError,
  ): Promise<MergeAnswer> {
    await chain.close();
    return await this.refuseNew(pair, options, error);
  }

  /** A job that has not begun ends here; one that has keeps its state, and nothing is written to its stream. */
  private async refuseJob(job: JobStream, chain: LockedChain, error: MergeError): Promise<MergeAnswer> {
    if (job.state.phase === 'requested') await job.record({ type: 'RefuseMerge', error });
    await chain.close();
    return { answer: 'refused', error, jobId: job.jobId, state: job.state };
  }

  /** A refused request keeps its stream, for the audit: with what could not be seen of the pair, as its chain may be unknown. */
  private async refuseNew(pair: MergePair, options: MergeOptions, error: MergeError): Promise<MergeAnswer> {
    const job = JobStream.empty(this.ports.identifiers.newGuid(), this.ports);
    const missing = await this.missingFor(pair);
    await job.record(
      { type: 'RequestMerge', request: { ...pair, options, requester: this.actor(), ...missing } },
      { type: 'RefuseMerge', error },
    );
    return { answer: 'refused', error, jobId: job.jobId, state: job.state };
  }

  /** Nothing of paths that are no files to look at: what is wrong with them is the refusal. */
  private async missingFor({ source, destination }: MergePair): Promise<Pick<MergeRequested, 'missingProtection'>> {
    try {
      const paths = [source, destination].filter(isAbsolute);
      return { missingProtection: await this.ports.locks.missingProtection(paths) };
    } catch (fault) {
      if (failureOf(fault, 'JOB') === null) throw fault;
      return {};
    }
  }

  private actor(): Actor {
    const { user, name, pid } = this.ports.host;
    return { user, host: name, pid };
  }

  private runIdentity(
    epoch: number,
    { windowBytes }: RunLimits,
    fileWriteGuids: RunIdentity['fileWriteGuids'],
  ): RunIdentity {
    const { name, pid, bootId, engineVersion } = this.ports.host;
    return { epoch, host: name, pid, bootId, engineVersion, windowBytes, fileWriteGuids };
  }

  /** For the destination and its direct child, when they have a place for one. */
  private newFileWriteGuids({ sources, destination }: LockedChain): RunIdentity['fileWriteGuids'] {
    const files = [destination.image.description, sources.at(-1)!.image.description];
    return Object.fromEntries(
      files
        .filter(({ writeIdentity }) => writeIdentity !== null)
        .map(({ path }) => [path, this.ports.identifiers.newGuid()]),
    );
  }
}

/** A fixed disk has no blocks of its own and is merged in blocks of this size. */
const FIXED_DISK_BLOCK_BYTES = 2 * MIB;

/** Where this command looks and where the job that it goes on with has looked: a sibling there counts in every run. */
const searchOf = (options: MergeOptions, { unfinished }: JobsAbout): ParentSearch => {
  const kept = unfinished?.state.request.options;
  return {
    roots: [...new Set([...options.roots, ...(kept?.roots ?? [])])],
    maps: [...(options.maps ?? []), ...(kept?.maps ?? [])],
  };
};

/** What a run begins with besides its job and its chain. */
interface Beginning {
  readonly options: MergeOptions;
  /** The job was there already. */
  readonly found: boolean;
  readonly quarantined: ReadonlySet<string>;
}

/** A fault before the first write is an answer too: nothing has happened yet. */
const answering = async (request: () => Promise<MergeAnswer>): Promise<MergeAnswer> => {
  try {
    return await request();
  } catch (fault) {
    const failure = failureOf(fault, 'JOB');
    if (failure === null) throw fault;
    return { answer: 'refused', error: failure.error, jobId: null, state: null };
  }
};

const unfinishedState = (job: JobStream): UnfinishedJob => {
  if (!isUnfinished(job.state)) throw new Error(`Bug: job ${job.jobId} is to run in phase ${job.state.phase}`);
  return job.state;
};

const wholeView = (chain: LockedChain): ChainView =>
  new ChainView([...chain.sources, chain.destination, ...chain.ancestors].map(({ image }) => image));

import { mergeableChain } from '#domain/chain/chain-rules';
import type { ImageDescription } from '#domain/chain/image-description';
import type { MergeError } from '#domain/merge-error';
import type { MergeOptions } from '#domain/merge-job/events';
import { committedOf } from '#domain/merge-job/state';
import { err, ok, type Result } from '#domain/result';
import { allowedRoots } from '../chain/allowed-roots.js';
import { withoutGivenUp } from '../merge/quarantine.js';
import { openChain } from '../chain/open-chain.js';
import { findRelatives } from '../chain/relatives.js';
import { jobsAbout, jobThatHolds, type JobsAbout, type UnfinishedKnownJob } from '../jobs/job-directory.js';
import { JobStream } from '../jobs/job-stream.js';
import { acceptanceOf, unseenOf } from '../merge/acceptance.js';
import { failureOf } from '../merge/failures.js';
import {
  filesToLock,
  firstUnwritable,
  placesOf,
  imageInUse,
  openAndCheck,
  firstInTheWay,
  takeLocks,
  writtenPaths,
  type MergeChain,
} from '../merge/locked-chain.js';
import { mayGoOn } from '../merge/may-go-on.js';
import { mergeTotals, type MergeTotals } from '../merge/merge-totals.js';
import { heldOrSuperseded } from '../merge/refusals.js';
import { spaceForMerge } from '../merge/reservation.js';
import { sourcesView, type MergeMaterial, type RunPorts } from '../merge/run-context.js';
import { answerFromStream } from '../merge/without-chain.js';
import type { Holder } from '../ports/image-lock.js';
import { canonical, mergePair, type MergePair } from '../merge/merge-pair.js';

/** What a merge would find, do and answer. What could not be found out, because something came before it, is null or empty. */
export interface MergePlan {
  readonly source: string;
  readonly destination: string | null;
  /** Source first, destination last. */
  readonly images: readonly ImageDescription[];
  /** Below the destination. */
  readonly ancestors: readonly ImageDescription[];
  readonly totals: MergeTotals | null;
  readonly spaceFreeBytes: number | null;
  readonly siblings: readonly string[];
  readonly children: readonly string[];
  readonly holders: readonly Holder[];
  readonly missingProtection: readonly string[];
  /** The unfinished job that a merge would go on with, or the completed one that would be the answer. */
  readonly job: {
    readonly jobId: string;
    readonly is: 'unfinished' | 'completed';
    readonly committed: { readonly blocks: number; readonly bytes: number };
  } | null;
  /** The error that a merge would answer with now; null: it would run. */
  readonly refusal: MergeError | null;
}

const NOTHING: MergeTotals = { blocks: 0, bytes: 0, newBlocks: 0, spaceNeededBytes: 0 };

/**
 * A dry run. It writes nothing, neither to an image nor to the journal, and asks in the order in which a merge asks. Locks are
 * tried only when somebody is seen to have a file, and given back at once: only they tell whether that somebody is in the way.
 */
export class PlanMerge {
  constructor(private readonly ports: RunPorts) {}

  /** A destination that is null is the source's parent. */
  async plan(source: string, destination: string | null, options: MergeOptions): Promise<MergePlan> {
    const empty = emptyPlan(source, destination);
    try {
      return await this.planned(source, destination, options);
    } catch (fault) {
      const failure = failureOf(fault, 'JOB');
      if (failure === null) throw fault;
      return { ...empty, refusal: failure.error };
    }
  }

  private async planned(source: string, wanted: string | null, options: MergeOptions): Promise<MergePlan> {
    const empty = emptyPlan(source, wanted);
    const destination = wanted === null ? await this.parentOf(source, options) : ok(wanted);
    if (!destination.ok) return { ...empty, refusal: destination.error };
    const pair = await mergePair(source, destination.value, this.ports.files);
    if (!pair.ok) return { ...empty, destination: destination.value, refusal: pair.error };
    const about = await jobsAbout(pair.value.source, pair.value.destination, this.ports);
    return (await this.answeredByJournal(pair.value, about)) ?? (await this.ofChain(pair.value, about, options));
  }

  private async parentOf(source: string, options: MergeOptions): Promise<Result<string, MergeError>> {
    const path = await canonical('source', source, this.ports.files);
    if (!path.ok) return path;
    const chain = await openChain(path.value, await allowedRoots([path.value], options, this.ports.files), this.ports);
    if (!chain.ok) return chain;
    await chain.value.close();
    const [leaf, parent] = chain.value.images.map(({ image }) => image.description);
    if (parent !== undefined) return ok(parent.path);
    // A disk that has no parent: the rule for sources has the words for it.
    const rules = mergeableChain([leaf!], path.value);
    return rules.ok ? ok(path.value) : rules;
  }

  /** Pairs whose answer needs no chain: its files may be gone already. */
  private async answeredByJournal(pair: MergePair, { unfinished, completed }: JobsAbout): Promise<MergePlan | null> {
    const known =
      unfinished === null && completed !== null && (await answerFromStream(completed.state, this.ports))
        ? ({ ...completed, is: 'completed' } as const)
        : unfinished?.state.phase === 'verified'
          ? ({ ...unfinished, is: 'unfinished' } as const)
          : null;
    if (known === null) return null;
    const { jobId, is, state } = known;
    return {
      ...emptyPlan(pair.source, pair.destination),
      totals: NOTHING,
      spaceFreeBytes: await this.ports.files.freeSpaceBytes(pair.destination),
      job: { jobId, is, committed: committedOf(state) },
    };
  }

  private async ofChain(pair: MergePair, about: JobsAbout, options: MergeOptions): Promise<MergePlan> {
    const roots = await allowedRoots([pair.source, pair.destination], options, this.ports.files);
    const checked = await openAndCheck(pair, roots, this.ports);
    if (!checked.ok) return { ...emptyPlan(pair.source, pair.destination), refusal: checked.error };
    const { chain, sources, destination, ancestors } = checked.value;
    try {
      const found = await findRelatives(sources, destination, placesOf(chain, roots), this.ports, ancestors);
      const relatives = withoutGivenUp(found, about.others);
      return await this.ofMergeChain({ sources, destination, ancestors, relatives }, pair, about, options);
    } finally {
      await chain.close();
    }
  }

  private async ofMergeChain(
    chain: MergeChain,
    pair: MergePair,
    about: JobsAbout,
    options: MergeOptions,
  ): Promise<MergePlan> {
    const { sources, destination, ancestors, relatives } = chain;
    const { files } = this.ports;
    const holders = await this.holdersOf(chain);
    const seen: MergePlan = {
      ...emptyPlan(pair.source, pair.destination),
      images: [...sources, destination].map(({ image }) => image.description),
      ancestors: ancestors.map(({ image }) => image.description),
      spaceFreeBytes: await spaceForMerge(pair.destination, files),
      siblings: relatives.siblings.map(({ image }) => image.path),
      children: relatives.children.map(({ image }) => image.path),
      holders,
      missingProtection: await unseenOf(chain, this.ports),
      job: about.unfinished === null ? null : unfinishedJob(about.unfinished),
    };
    const inTheWay =
      (await firstUnwritable(writtenPaths(chain), this.ports)) ??
      (holders.length === 0 ? null : await this.inUse(chain, holders, about)) ??
      heldOrSuperseded(chain, about.others, options);
    const opened = await this.ports.images.openDestination(pair.destination);
    if (!opened.ok) return { ...seen, refusal: inTheWay ?? opened.error };
    try {
      const material: MergeMaterial = {
        sources: sourcesView(chain, about.unfinished?.state ?? null),
        destination: opened.value,
        ancestors: ancestors.map(({ image }) => image),
      };
      const asked = inTheWay === null ? await this.accepted(chain, material, about.unfinished, options) : err(inTheWay);
      const totals = asked.ok && asked.value !== null ? asked.value : await mergeTotals(material, chain, this.ports);
      return { ...seen, totals, refusal: asked.ok ? null : asked.error };
    } finally {
      await opened.value.close();
    }
  }

  /** A job that has begun is compared with what it recorded; one that has not is asked what any merge is asked. */
  private async accepted(
    chain: MergeChain,
    material: MergeMaterial,
    unfinished: UnfinishedKnownJob | null,
    options: MergeOptions,
  ): Promise<Result<MergeTotals | null, MergeError>> {
    if (unfinished !== null) {
      const job = await JobStream.open(unfinished.jobId, this.ports);
      const comparison = await mayGoOn(unfinished.state, job, chain, material, this.ports);
      if (!comparison.ok || unfinished.state.phase !== 'requested') return comparison.ok ? ok(null) : comparison;
    }
    return await acceptanceOf(chain, material, unfinished?.state.request.options ?? options, this.ports);
  }

  private async holdersOf(chain: MergeChain): Promise<readonly Holder[]> {
    return await this.ports.locks.holdersOf(filesToLock(chain).map(({ path }) => path));
  }

  private async inUse(
    chain: MergeChain,
    holders: readonly Holder[],
    { unfinished, others }: JobsAbout,
  ): Promise<MergeError | null> {
    const locks = await takeLocks(filesToLock(chain), this.ports);
    if (!locks.ok) return locks.error;
    if (locks.value.held) await locks.value.release();
    const conflict = locks.value.held ? firstInTheWay(filesToLock(chain), holders) : locks.value;
    if (conflict === null) return null;
    const identities = [...chain.sources, chain.destination].map(({ image }) => image.description.identity);
    const job = unfinished ?? jobThatHolds(identities, others);
    return imageInUse(conflict, job?.jobId ?? null);
  }
}

const emptyPlan = (source: string, destination: string | null): MergePlan => ({
  source,
  destination,
  images: [],
  ancestors: [],
  totals: null,
  spaceFreeBytes: null,
  siblings: [],
  children: [],
  holders: [],
  missingProtection: [],
  job: null,
  refusal: null,
});

const unfinishedJob = ({ jobId, state }: UnfinishedKnownJob): MergePlan['job'] => ({
  jobId,
  is: 'unfinished',
  committed: committedOf(state),
});

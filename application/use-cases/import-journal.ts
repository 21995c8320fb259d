import { mergeError, type MergeError } from '#domain/merge-error';
import { err, ok, type Result } from '#domain/result';
import type { JournalPorts } from '../jobs/job-stream.js';
import { readTrail, TrailFlaw, type WholeTrail } from '../journal/trail.js';
import { keyFingerprint } from './audit-fingerprint.js';
import { carryOutTransfer, type TransferAdded } from './carry-out-transfer.js';
import { isToGoOn, TransferPlanner, type PlannedJob, type TransferProblem } from './plan-transfer.js';
import { differsThere, notSound, stoppedOnTheWay } from './transfer-refusals.js';

export interface Trail {
  /** The file, as the person named it. */
  readonly path: string;
  /** From the first line, each time. */
  readonly lines: () => AsyncIterable<string>;
}

export interface ImportWish {
  /** The journal's own name: jobs that were moved to it go on in it. */
  readonly journal: string;
  /** Other names under which jobs were moved to this journal. */
  readonly alsoCalled: readonly string[];
  /** The key, raw, base64, that the trail must be signed by; null for any. */
  readonly trustedKey: string | null;
  /** Takes unfinished jobs whose old journal is lost for good. */
  readonly unfinished: boolean;
}

/** A trail that was read to its end, and found right and fit for the journal. */
export interface ImportPlan {
  readonly trail: WholeTrail;
  readonly jobs: readonly PlannedJob[];
}

/**
 * Puts the jobs of a trail into this journal, events as they are. Everything is checked in a first pass that writes nothing; the
 * second appends exactly what the first has seen. Doing it again adds nothing twice.
 */
export class ImportJournal {
  constructor(private readonly ports: JournalPorts) {}

  /** Writes nothing: a journal that is open for reading is enough. */
  async plan({ path, lines }: Trail, wish: ImportWish): Promise<Result<ImportPlan, MergeError>> {
    const planner = new TransferPlanner(this.ports.store, this.ports);
    try {
      const read = await this.read(lines(), planner);
      if (!read.ok) return err(problemOf(read.error, path, wish.journal));
      const jobs = await planner.planned();
      if (!jobs.ok) return err(problemOf(jobs.error, path, wish.journal));
      const refusal = this.otherSigner(read.value, path, wish) ?? firstRefused(jobs.value, path, wish);
      return refusal === null ? ok({ trail: read.value, jobs: jobs.value }) : err(refusal);
    } catch (flaw) {
      if (!(flaw instanceof TrailFlaw)) throw flaw;
      return err(notWhole(path, flaw));
    } finally {
      await planner.close();
    }
  }

  /** Events added, by job. `journal`: its name, for what there is to say when it stops on the way. */
  async carryOut(
    { path, lines }: Trail,
    { jobs }: ImportPlan,
    journal: string,
  ): Promise<Result<TransferAdded, MergeError>> {
    try {
      const done = await carryOutTransfer(jobs, () => readTrail(lines(), this.ports), this.ports);
      return done.ok ? done : err(stoppedOnTheWay(done.error, journal));
    } catch (flaw) {
      if (!(flaw instanceof TrailFlaw)) throw flaw;
      return err(stoppedOnTheWay({ stream: path, what: `changed while it was imported: ${flaw.message}` }, journal));
    }
  }

  private async read(
    lines: AsyncIterable<string>,
    planner: TransferPlanner,
  ): Promise<Result<WholeTrail, TransferProblem>> {
    const kept: { trail: WholeTrail | null } = { trail: null };
    for await (const event of keepingEnd(readTrail(lines, this.ports), (trail) => (kept.trail = trail))) {
      const problem = await planner.take(event);
      if (problem !== null) return err(problem);
    }
    if (kept.trail === null) throw new Error('Bug: a trail was read to its end and has none');
    return ok(kept.trail);
  }

  private otherSigner({ signature }: WholeTrail, path: string, { trustedKey }: ImportWish): MergeError | null {
    if (trustedKey === null || trustedKey === signature.publicKey) return null;
    const shown = (key: string): string => `${keyFingerprint(key, this.ports.digests)} (${key})`;
    return mergeError('invalid-parameter', 'this trail is signed by another key', {
      path,
      expected: `key ${shown(trustedKey)}`,
      found: `key ${shown(signature.publicKey)}`,
      todo: 'Nothing was written. Ask who made the trail, or name the public key of whom you trust with --key.',
    });
  }
}

/** What a loop over a generator does not get. */
async function* keepingEnd<Item, End>(
  items: AsyncGenerator<Item, End>,
  keep: (end: End) => void,
): AsyncGenerator<Item> {
  keep(yield* items);
}

const problemOf = (problem: TransferProblem, path: string, journal: string): MergeError =>
  problem.kind === 'differs' ? differsThere(problem, journal) : notSound(problem, path);

const firstRefused = (jobs: readonly PlannedJob[], path: string, wish: ImportWish): MergeError | null => {
  for (const job of jobs) {
    const refusal = refusalOf(job, path, wish);
    if (refusal !== null) return refusal;
  }
  return null;
};

/** An unfinished job has one home: it is taken when its old journal says that it came here, or is gone. */
const refusalOf = (job: PlannedJob, path: string, wish: ImportWish): MergeError | null => {
  // What has gone on here already gets nothing more from a file.
  if (!isToGoOn(job) || job.merge.beyond !== null) return null;
  const { jobId, movedTo } = job;
  if (movedTo === null) return wish.unfinished ? null : isUnfinishedThere(jobId, path);
  return [wish.journal, ...wish.alsoCalled].includes(movedTo)
    ? null
    : movedElsewhere(jobId, movedTo, path, wish.journal);
};

const isUnfinishedThere = (jobId: string, path: string): MergeError =>
  mergeError('job-state', `job ${jobId} is not finished`, {
    path,
    expected: 'a job that has ended, or whose last event says that it was moved to this journal',
    found: 'a job that its old journal would go on with as well',
    todo:
      'Nothing was written. Close it there with `chainfold journal move`, or with `journal export --move-to`. If the old journal is lost ' +
      'for good, say so with --unfinished; should it come back, `resume --all` there would one day merge old data into a disk in use.',
    related: [jobId],
  });

const movedElsewhere = (jobId: string, movedTo: string, path: string, journal: string): MergeError =>
  mergeError('job-state', `job ${jobId} was moved to another journal`, {
    path,
    expected: `one moved to ${journal}`,
    found: `one moved to ${movedTo}`,
    todo: 'Nothing was written. Import it there. If both are names of this same journal, name it as it was called with --moved-to.',
    related: [jobId, movedTo],
  });

const notWhole = (path: string, flaw: TrailFlaw): MergeError =>
  mergeError('damaged-structure', 'this is not a whole trail', {
    path,
    expected: 'a file as `chainfold journal export` wrote it, to the byte',
    found: flaw.message,
    todo: 'Nothing was written. Export it again, or fetch the file again.',
  });

import { resolve } from 'node:path';
import { keyFingerprint } from '#application/use-cases/audit-fingerprint';
import type { TransferAdded } from '#application/use-cases/carry-out-transfer';
import { refusingFaults } from '#application/use-cases/file-refusal';
import type { ImportPlan, ImportWish, Trail } from '#application/use-cases/import-journal';
import { isToGoOn } from '#application/use-cases/plan-transfer';
import type { MergeError } from '#domain/merge-error';
import type { Result } from '#domain/result';
import { journalName } from '../event-store/journal-url.js';
import { NodeFileSystem } from '../file-system/node-file-system.js';
import { publicKeyIn } from '../platform/audit-key.js';
import { NodeDigests } from '../platform/node-digests.js';
import { trailFile } from '../trail/trail-file.js';
import { counted } from './bytes-argument.js';
import { commandText } from './ending-text.js';
import { printError } from './error-text.js';
import { EXIT, exitCodeOf, UsageError, type ExitCode } from './exit-codes.js';
import { lastingJournal } from './journal-names.js';
import type { GivenJournal, GivenOutput } from './output-options.js';
import { printable, printableJson } from './printable.js';
import type { Terminal } from './terminal.js';
import { withProgram } from './with-program.js';

export interface GivenImport extends GivenJournal, GivenOutput {
  readonly key?: string;
  readonly movedTo?: readonly string[];
  readonly unfinished?: true;
}

export const importJobs = async (file: string, given: GivenImport, terminal: Terminal): Promise<ExitCode> => {
  const journal = lastingJournal(given.journal, '--journal memory:');
  const wish: ImportWish = {
    journal,
    alsoCalled: (given.movedTo ?? []).map((url) => journalName(url)),
    trustedKey: keyGiven(given.key),
    unfinished: given.unfinished === true,
  };
  const path = resolve(file);
  const trail: Trail = { path, lines: trailFile(new NodeFileSystem(), path).lines };
  const planned = await answered({ journal: given.journal, journalMode: 'read-only' }, ({ importJournal }) =>
    importJournal.plan(trail, wish),
  );
  if (!planned.ok) return await refused(planned.error, terminal);
  // A file that is refused, or brings nothing new, leaves no trace: the journal is opened for writing only now.
  const done = isAllThere(planned.value)
    ? { ok: true as const, value: NOTHING }
    : await answered({ journal: given.journal, journalMode: 'read-write' }, ({ importJournal }) =>
        importJournal.carryOut(trail, planned.value, journal),
      );
  if (!done.ok) return await refused(done.error, terminal);
  await tell({ path, journal, plan: planned.value, added: done.value }, given, terminal);
  return EXIT.done;
};

const NOTHING: TransferAdded = new Map();

const keyGiven = (path: string | undefined): string | null => {
  if (path === undefined) return null;
  const key = publicKeyIn(resolve(path));
  if (key === null) throw new UsageError(`--key ${path}: there is no such file.`);
  return key;
};

type ProgramUse<T> = (program: Parameters<Parameters<typeof withProgram>[1]>[0]) => Promise<Result<T, MergeError>>;

/** What a use case says of the file, when that can be read. */
const answered = async <T>(
  wanted: Parameters<typeof withProgram>[0],
  use: ProgramUse<T>,
): Promise<Result<T, MergeError>> => {
  const kept: { answer: Result<T, MergeError> | null } = { answer: null };
  await withProgram(wanted, async (program) => {
    kept.answer = await refusingFaults(() => use(program));
    return EXIT.done;
  });
  if (kept.answer === null) throw new Error('Bug: a program gave no answer');
  return kept.answer;
};

const isAllThere = ({ jobs }: ImportPlan): boolean =>
  jobs
    .flatMap(({ merge, control }) => (control === null ? [merge] : [merge, control]))
    .every(({ to, present }) => present === to.revision);

interface Imported {
  readonly path: string;
  readonly journal: string;
  readonly plan: ImportPlan;
  readonly added: TransferAdded;
}

const tell = async (
  { path, journal, plan: { trail, jobs }, added }: Imported,
  given: GivenImport,
  { out }: Terminal,
): Promise<void> => {
  const { publicKey } = trail.signature;
  const fingerprint = keyFingerprint(publicKey, new NodeDigests());
  const { madeAt, by, host, journal: from } = trail.start;
  if (given.json === true) {
    const value = {
      file: path,
      journal,
      madeAt,
      madeBy: `${by}@${host}`,
      madeIn: from,
      publicKey,
      fingerprint,
      jobs: jobs.map((job) => ({
        jobId: job.jobId,
        phase: job.state.phase,
        unfinished: isToGoOn(job),
        eventsAdded: added.get(job.jobId) ?? 0,
      })),
    };
    await out.line(printableJson(value));
    return;
  }
  if (given.quiet !== true) {
    const when = new Date(madeAt).toISOString();
    await out.line(
      `${printable(path)}: ${counted(jobs.length, 'job')}, made ${when} by ${printable(by)} on ${printable(host)} from ${printable(from)}`,
    );
    await out.line(
      `Signed by key ${fingerprint}${given.key === undefined ? ' (any key was taken: --key names one)' : ', as expected'}`,
    );
  }
  for (const job of jobs) {
    const count = added.get(job.jobId) ?? 0;
    const what = count === 0 ? 'was here already' : `${counted(count, 'event')} added`;
    const goOn = isToGoOn(job)
      ? `. To go on: ${commandText('resume', job.jobId, given.journal)}`
      : `, ${job.state.phase}`;
    await out.line(`Job ${job.jobId}: ${what}${goOn}`);
  }
};

const refused = async (error: MergeError, terminal: Terminal): Promise<ExitCode> => {
  await printError(terminal, error);
  return exitCodeOf(error);
};
